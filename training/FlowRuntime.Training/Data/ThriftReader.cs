using System.Text;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Reads structures of Thrift's compact protocol by a description of their fields. No number that the bytes claim is believed before
/// as many bytes are there, and a field of another type than its description's is refused.
/// </summary>
/// <remarks>Source: Thrift's "Thrift compact protocol encoding".</remarks>
/// <param name="bytes">The bytes; the first structure begins with them.</param>
/// <param name="structures">
/// The structures by name, and their fields' types by number. <c>i</c> is a whole number of up to 64 bits, <c>b</c> bytes, <c>?</c> a truth value,
/// <c>y</c> a byte, <c>d</c> a double, a name another structure, and <c>[</c> before a type a list of it.
/// </param>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes, IReadOnlyDictionary<string, Dictionary<int, string>> structures)
{
    private const int MostNested = 16; // of fields that are not described

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>Reads a structure: numbers as <see cref="long"/>, bytes as their text, lists as <see cref="List{T}"/> of objects.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="FormatException">The bytes are no such structure.</exception>
    public Dictionary<int, object> Struct(string name)
    {
        Dictionary<int, string> known = structures[name];
        var fields = new Dictionary<int, object>();
        for (int id = 0, type = Field(ref id); type != 0; type = Field(ref id))
        {
            if (!known.TryGetValue(id, out string? expected))
                Skip(type, depth: 0);
            else if (!fields.TryAdd(id, Value(type, expected, name, id)))
                throw new FormatException($"the field {name}.{id} comes twice");
        }
        return fields;
    }

    private object Value(int type, string expected, string name, int id)
    {
        bool fits = expected[0] switch
        {
            'i' => type is 4 or 5 or 6,
            'b' => type == 8,
            '?' => type is 1 or 2,
            'y' => type == 3,
            'd' => type == 7,
            '[' => type == 9,
            _ => type == 12,
        };
        if (!fits)
            throw new FormatException($"the field {name}.{id} is of type {type}");
        switch (expected[0])
        {
            case 'i':
                return Number(type == 6 ? 64 : 32);
            case 'b':
                return Encoding.UTF8.GetString(Take(Size()));
            case '?':
                return type == 1;
            case 'y':
                return (long)Take(1)[0];
            case 'd':
                return BitConverter.ToDouble(Take(sizeof(double)));
            case '[':
                var items = new List<object>();
                for ((int count, int item) = List(); items.Count < count;)
                    items.Add(Value(item, expected[1..], name, id));
                return items;
            default:
                return Struct(expected);
        }
    }

    /// <summary>The type of the next field, 0 at the structure's end; its number follows that of the one before.</summary>
    private int Field(ref int id)
    {
        byte header = Take(1)[0];
        if (header == 0)
            return 0;
        long number = header >> 4 == 0 ? Number(32) : id + (header >> 4);
        id = number is > 0 and <= short.MaxValue ? (int)number : throw new FormatException($"a field has the number {number}");
        return header & 0xF;
    }

    private (int Count, int Type) List()
    {
        byte header = Take(1)[0];
        int count = header >> 4 == 0xF ? Size() : header >> 4;
        return count <= _bytes.Length - Position ? (count, header & 0xF) : throw new FormatException($"a list of {count} items is longer than the file");
    }

    private void Skip(int type, int depth)
    {
        if (depth > MostNested)
            throw new FormatException("structures are nested too deeply");
        switch (type)
        {
            case 1 or 2:
                break;
            case 3:
                Take(1);
                break;
            case 4 or 5:
                Number(32);
                break;
            case 6:
                Number(64);
                break;
            case 7:
                Take(sizeof(double));
                break;
            case 8:
                Take(Size());
                break;
            case 9:
                (int count, int item) = List();
                if (count > 0 && item is 1 or 2) // readers do not agree about their length
                    throw new FormatException("there is a list of truth values");
                for (int i = 0; i < count; i++)
                    Skip(item, depth + 1);
                break;
            case 12:
                for (int id = 0, inner = Field(ref id); inner != 0; inner = Field(ref id))
                    Skip(inner, depth + 1);
                break;
            default:
                throw new FormatException($"there is a field of type {type}");
        }
    }

    private int Size()
    {
        ulong size = Variable(32);
        return size <= (ulong)(_bytes.Length - Position) ? (int)size : throw new FormatException($"{size} bytes or items are more than there are");
    }

    private long Number(int bits)
    {
        ulong zigzag = Variable(bits);
        return (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
    }

    private ulong Variable(int bits)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte part = Take(1)[0];
            int room = bits - shift;
            if (room <= 0 || (room < 7 && (part & 0x7F) >> room != 0))
                throw new FormatException($"a number has more than {bits} bits");
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - Position)
            throw new FormatException("it ends too early");
        Position += count;
        return _bytes.Slice(Position - count, count);
    }
}
