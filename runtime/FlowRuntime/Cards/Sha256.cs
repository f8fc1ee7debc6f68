using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FlowRuntime.Cards;

/// <summary>
/// SHA-256 of bytes that come block by block: the platform's, or in managed code where .NET would look for OpenSSL and end the process for the lack of it, as on small Linux systems.
/// </summary>
/// <remarks>Source: FIPS 180-4, sections 4.1.2, 4.2.2, 5.1.1, 5.3.3 and 6.2.2.</remarks>
internal sealed class Sha256 : IDisposable
{
    private const int BlockSize = 64, LengthSize = sizeof(ulong), Rounds = 64;

    private static readonly uint[] K =
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    private readonly IncrementalHash? _platform;
    private readonly uint[] _hash = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    private readonly byte[] _block = new byte[BlockSize];
    private int _held;
    private ulong _length;

    /// <summary>Begins a hash by the platform where it can.</summary>
    public Sha256() : this(!OperatingSystem.IsLinux() || Loads("libssl.so.3") || Loads("libssl.so.1.1"))
    {
    }

    /// <summary>Begins a hash.</summary>
    /// <param name="byPlatform">Whether the platform does it.</param>
    public Sha256(bool byPlatform) => _platform = byPlatform ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;

    /// <summary>Takes bytes in.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_platform is not null)
        {
            _platform.AppendData(bytes);
            return;
        }
        _length += (ulong)bytes.Length;
        if (_held > 0)
        {
            int taken = Math.Min(BlockSize - _held, bytes.Length);
            bytes[..taken].CopyTo(_block.AsSpan(_held));
            bytes = bytes[taken..];
            _held += taken;
            if (_held < BlockSize)
                return;
            Compress(_block);
            _held = 0;
        }
        for (; bytes.Length >= BlockSize; bytes = bytes[BlockSize..])
            Compress(bytes[..BlockSize]);
        bytes.CopyTo(_block);
        _held = bytes.Length;
    }

    /// <summary>The hash of all that was taken in, 64 hexadecimal digits.</summary>
    public string Finish()
    {
        if (_platform is not null)
            return Convert.ToHexStringLower(_platform.GetHashAndReset());
        ulong bits = 8 * _length;
        Append([0x80]);
        while (_held != BlockSize - LengthSize)
            Append([0]);
        byte[] length = new byte[LengthSize];
        BinaryPrimitives.WriteUInt64BigEndian(length, bits);
        Append(length);
        byte[] digest = new byte[_hash.Length * sizeof(uint)];
        for (int i = 0; i < _hash.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(digest.AsSpan(i * sizeof(uint)), _hash[i]);
        return Convert.ToHexStringLower(digest);
    }

    public void Dispose() => _platform?.Dispose();

    private static bool Loads(string library) => NativeLibrary.TryLoad(library, out _); // it stays loaded: .NET loads the same

    private void Compress(ReadOnlySpan<byte> block)
    {
        Span<uint> w = stackalloc uint[Rounds];
        for (int t = 0; t < 16; t++)
            w[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(t * sizeof(uint))..]);
        for (int t = 16; t < Rounds; t++)
        {
            uint s0 = BitOperations.RotateRight(w[t - 15], 7) ^ BitOperations.RotateRight(w[t - 15], 18) ^ (w[t - 15] >> 3);
            uint s1 = BitOperations.RotateRight(w[t - 2], 17) ^ BitOperations.RotateRight(w[t - 2], 19) ^ (w[t - 2] >> 10);
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        (uint a, uint b, uint c, uint d, uint e, uint f, uint g, uint h) = (_hash[0], _hash[1], _hash[2], _hash[3], _hash[4], _hash[5], _hash[6], _hash[7]);
        for (int t = 0; t < Rounds; t++)
        {
            uint s1 = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            uint t1 = h + s1 + ((e & f) ^ (~e & g)) + K[t] + w[t];
            uint s0 = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            uint t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + t2);
        }
        _hash[0] += a;
        _hash[1] += b;
        _hash[2] += c;
        _hash[3] += d;
        _hash[4] += e;
        _hash[5] += f;
        _hash[6] += g;
        _hash[7] += h;
    }
}
