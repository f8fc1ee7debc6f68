using System.Text;

namespace FlowRuntime.Tool.Output;

/// <summary>The header of a NumPy array of float32, little-endian, row-major.</summary>
/// <remarks>Source: NumPy's description of its format, version 1.0 (NEP 1).</remarks>
internal static class NpyHeader
{
    private const int Alignment = 64;

    /// <summary>The bytes that come before the rows.</summary>
    /// <param name="rows">What a row is.</param>
    /// <param name="count">Number of rows.</param>
    public static byte[] Of(RowDescription rows, long count)
    {
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {string.Join(", ", rows.ArrayShape)}), }}";
        byte[] preamble = [0x93, .. "NUMPY"u8, 1, 0];
        int unpadded = preamble.Length + sizeof(ushort) + header.Length + 1;
        header = header.PadRight(header.Length + (Alignment - unpadded % Alignment) % Alignment) + '\n';
        return [.. preamble, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header)];
    }
}
