using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using FlowRuntime.Cards;

namespace FlowRuntime.Tool.Input;

/// <summary>A NumPy array of rows, read from its file as they are asked for.</summary>
/// <remarks>Source: NumPy's description of its format, versions 1.0 to 3.0 (NEP 1).</remarks>
internal sealed class NpyRows : DataRows
{
    private const int LongestHeader = 1 << 16;
    private const int NumbersAtATime = 1 << 14;

    private readonly FileStream _stream;
    private readonly string _type;
    private readonly int _size;
    private readonly long _start;
    private readonly float _scale;

    /// <summary>Opens an array [count, shape…], [count, length] or, for a single row, [shape…].</summary>
    /// <param name="path">The file.</param>
    /// <param name="shape">Shape of a row.</param>
    /// <param name="image">Whether bytes are grey values from 0 to 255, for 0 to 1.</param>
    /// <exception cref="InvalidDataException">The file is no such array, or cut off.</exception>
    public NpyRows(string path, IReadOnlyList<int> shape, bool image) : base(path, path)
    {
        _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            string header = Header();
            _type = Field(header, "descr").Trim('\'');
            if (Field(header, "fortran_order") == "True")
                throw new InvalidDataException($"{path}: its first index runs fastest. Save it with numpy.ascontiguousarray.");
            long[] sizes = Sizes(Field(header, "shape").Trim('(', ')'));
            _size = _type switch
            {
                "<f4" => sizeof(float),
                "<f8" => sizeof(double),
                "|u1" or "|b1" => 1,
                _ => throw new InvalidDataException($"{path}: values of type '{MessageText.Of(_type)}' are not read. Save float32, float64, bytes or booleans, such as numpy.save(path, array.astype('<f4'))."),
            };
            _scale = image && _type == "|u1" ? 1f / 255 : 1;
            Length = shape.Aggregate(1, (product, size) => checked(product * size));
            Count = RowsOf(sizes, [.. shape.Select(size => (long)size)])
                ?? throw new InvalidDataException($"{path}: its shape ({string.Join(", ", sizes)}) is none of rows of [{string.Join(", ", shape)}]. Save ({string.Join(", ", ["N", .. shape])}).");
            _start = _stream.Position;
            Int128 needed = (Int128)Count * Length * _size, held = _stream.Length - _start;
            if (needed != held)
                throw new InvalidDataException($"{path}: its shape ({string.Join(", ", sizes)}) of '{MessageText.Of(_type)}' needs {needed} bytes, and {held} follow the header. The file was cut off or holds something else; save it again.");
            if (Count == 0)
                throw new InvalidDataException($"{path} has no rows.");
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    public override long Count { get; }

    public override int Length { get; }

    public override void Read(long first, Span<float> values)
    {
        _stream.Position = _start + first * Length * _size;
        if (_type == "<f4")
        {
            _stream.ReadExactly(MemoryMarshal.AsBytes(values));
            return;
        }
        byte[] buffer = new byte[NumbersAtATime * _size];
        for (int done = 0; done < values.Length; done += NumbersAtATime)
        {
            Span<float> here = values.Slice(done, Math.Min(NumbersAtATime, values.Length - done));
            _stream.ReadExactly(buffer, 0, here.Length * _size);
            for (int i = 0; i < here.Length; i++)
                here[i] = _size == 1 ? _scale * buffer[i] : (float)BinaryPrimitives.ReadDoubleLittleEndian(buffer.AsSpan(i * sizeof(double)));
        }
    }

    public override void Dispose()
    {
        _stream.Dispose();
        base.Dispose();
    }

    private static long? RowsOf(long[] sizes, long[] shape)
    {
        if (sizes.AsSpan().SequenceEqual(shape))
            return 1;
        if (sizes.Length > 0 && sizes.AsSpan(1).SequenceEqual(shape))
            return sizes[0];
        return sizes.Length == 2 && sizes[1] == shape.Aggregate(1L, (product, size) => product * size) ? sizes[0] : null;
    }

    private string Header()
    {
        Span<byte> start = stackalloc byte[12];
        start.Clear();
        if (_stream.ReadAtLeast(start[..10], 10, throwOnEndOfStream: false) < 10 || start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8))
            throw new InvalidDataException($"{Path} is no NumPy array. Write one with numpy.save.");
        if (start[6] is < 1 or > 3)
            throw new InvalidDataException($"{Path}: NumPy's format version {start[6]} is not known; versions 1 to 3 are. Save it again with numpy.save.");
        if (start[6] > 1)
            _stream.ReadAtLeast(start[10..], 2, throwOnEndOfStream: false);
        long length = start[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        byte[] header = new byte[Math.Min(length, LongestHeader)];
        return length <= LongestHeader && _stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == length ? Encoding.UTF8.GetString(header)
            : throw new InvalidDataException($"{Path}: the header is cut off or garbled. Save it again with numpy.save.");
    }

    /// <summary>The value of a field of the header, a Python dictionary: up to the next comma, or the whole of what stands in parentheses.</summary>
    private string Field(string header, string name)
    {
        string[] around = header.Split($"'{name}':", 2);
        string rest = around.Length == 2 ? around[1].TrimStart() : "";
        int end = rest.StartsWith('(') ? rest.IndexOf(')', StringComparison.Ordinal) + 1 : rest.IndexOfAny([',', '}']);
        return end > 0 ? rest[..end].Trim() : throw new InvalidDataException($"{Path}: the header gives no '{name}' that is known. Save a plain array of numbers with numpy.save.");
    }

    private long[] Sizes(string text) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(size =>
            long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value
            : throw new InvalidDataException($"{Path}: the header's shape ({MessageText.Of(text)}) is garbled. Save it again with numpy.save."))];
}
