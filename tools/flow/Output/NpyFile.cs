using System.Runtime.InteropServices;
using System.Text;

namespace FlowRuntime.Tool.Output;

/// <summary>Samples as a NumPy array, float32, little-endian, [count, shape…].</summary>
/// <remarks>Source: NumPy's description of its format, version 1.0 (NEP 1).</remarks>
internal sealed class NpyFile : SampleFile
{
    private const int Alignment = 64;
    private const int BufferSize = 1 << 16;

    private readonly FileStream _stream;

    public NpyFile(string path, IReadOnlyList<int> shape, long count) : base(path)
    {
        _stream = new FileStream(PartialPath, FileMode.Create, FileAccess.Write, FileShare.None, BufferSize);
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {string.Join(", ", shape)}), }}";
        byte[] preamble = [0x93, .. "NUMPY"u8, 1, 0];
        int unpadded = preamble.Length + sizeof(ushort) + header.Length + 1;
        header = header.PadRight(header.Length + (Alignment - unpadded % Alignment) % Alignment) + '\n';
        _stream.Write(preamble);
        _stream.Write([(byte)header.Length, (byte)(header.Length >> 8)]);
        _stream.Write(Encoding.ASCII.GetBytes(header));
    }

    public override void Append(ReadOnlySpan<float> values) => _stream.Write(MemoryMarshal.AsBytes(values));

    protected override void Close() => _stream.Dispose();

    protected override void Abandon()
    {
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // What could not be written is given up anyway; the error that led here is the one to report.
        }
    }
}
