namespace FlowRuntime.Sampling;

/// <summary>
/// Standard normal noise as a pure function of (seed, stream, index, position): sample 1,000,003 has the same noise on
/// any shard, in any batch, on any thread.
/// </summary>
/// <remarks>
/// Each block of <see cref="Philox4x32"/> (key = seed; counter = block of four positions, stream, index) gives four
/// normals by the transform of Box and Muller 1958 in double precision. The integers are exact everywhere; the normals
/// are equal on one machine and differ by at most 1 ulp between platforms, whose logarithms and cosines differ in the last bit.
/// </remarks>
public static class Noise
{
    /// <summary>The stream of the noise a sample starts from.</summary>
    public const uint PriorStream = 0;

    /// <summary>Fills a row with independent standard normal values.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="index">Index of the sample.</param>
    /// <param name="destination">Receives the values of positions 0, 1, 2, …</param>
    /// <param name="stream">Keeps uses of one seed apart; <see cref="PriorStream"/> for the noise of the prior.</param>
    public static void Fill(ulong seed, long index, Span<float> destination, uint stream = PriorStream)
    {
        Span<float> block = stackalloc float[4];
        for (int start = 0; start < destination.Length; start += 4)
        {
            var words = Philox4x32.Block((uint)(start / 4), stream, (uint)index, (uint)(index >> 32), seed);
            (block[0], block[1]) = Normals(words.X0, words.X1);
            (block[2], block[3]) = Normals(words.X2, words.X3);
            Span<float> rest = destination[start..];
            block[..Math.Min(4, rest.Length)].CopyTo(rest);
        }
    }

    private static (float, float) Normals(uint radiusWord, uint angleWord)
    {
        double radius = Math.Sqrt(-2 * Math.Log(Philox4x32.Uniform(radiusWord)));
        (double sine, double cosine) = Math.SinCos(2 * Math.PI * Philox4x32.Uniform(angleWord));
        return ((float)(radius * cosine), (float)(radius * sine));
    }
}
