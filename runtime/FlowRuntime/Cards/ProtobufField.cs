namespace FlowRuntime.Cards;

/// <summary>One field of a protobuf message in a stream: what it is, and where it and its content lie.</summary>
/// <param name="Number">Field number.</param>
/// <param name="WireType">Wire type: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.</param>
/// <param name="Value">The number of a varint; 0 for others.</param>
/// <param name="Start">Position of the field's tag.</param>
/// <param name="Content">Position of its content.</param>
/// <param name="End">Position behind its content.</param>
/// <remarks>
/// Reading is bounded: a length that reaches beyond its message is refused, nothing but the field is allocated, and nothing nested is
/// entered unasked. A class, since a native program would carry the queries over a struct once more. Source: the encoding page of Protocol Buffers, https://protobuf.dev/programming-guides/encoding.
/// </remarks>
internal sealed record ProtobufField(int Number, int WireType, ulong Value, long Start, long Content, long End)
{
    public const int Varint = 0;
    public const int LengthDelimited = 2;

    private const int EightBytes = 1;
    public const int FourBytes = 5;

    /// <summary>Length of the content in bytes.</summary>
    public long Length => End - Content;

    /// <summary>The fields of the message between two positions, in the order of the file.</summary>
    /// <param name="stream">The stream; its position may be changed between two fields.</param>
    /// <param name="start">Where the message starts.</param>
    /// <param name="end">Where it ends.</param>
    /// <exception cref="InvalidDataException">This is no protobuf message; the message names the byte.</exception>
    public static IEnumerable<ProtobufField> Read(Stream stream, long start, long end)
    {
        while (start < end)
        {
            ProtobufField field = ReadOne(stream, start, end);
            yield return field;
            start = field.End;
        }
    }

    /// <summary>Reads a field of packed varints.</summary>
    public static void ReadPacked(Stream stream, ProtobufField field, Action<ulong> use)
    {
        stream.Position = field.Content;
        while (stream.Position < field.End)
            use(ReadVarint(stream, field.End));
    }

    private static ProtobufField ReadOne(Stream stream, long start, long end)
    {
        stream.Position = start;
        ulong tag = ReadVarint(stream, end);
        (ulong number, int wireType) = (tag >> 3, (int)(tag & 7));
        if (number is 0 or > int.MaxValue)
            throw new InvalidDataException($"byte {start} has the field number {number}");
        ulong value = wireType is Varint or LengthDelimited ? ReadVarint(stream, end) : 0;
        long content = stream.Position;
        ulong length = wireType switch
        {
            Varint => 0,
            EightBytes => 8,
            LengthDelimited => value,
            FourBytes => 4,
            _ => throw new InvalidDataException($"byte {start} has the unknown wire type {wireType}"),
        };
        if (length > (ulong)(end - content))
            throw new InvalidDataException($"field {number} at byte {start} claims {length} bytes where {end - content} are left");
        return new ProtobufField((int)number, wireType, wireType == Varint ? value : 0, start, content, content + (long)length);
    }

    private static ulong ReadVarint(Stream stream, long end)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            int next = stream.Position < end ? stream.ReadByte() : -1;
            if (next < 0)
                throw new InvalidDataException("it ends inside a number");
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException($"the number before byte {stream.Position} is longer than 10 bytes");
    }
}
