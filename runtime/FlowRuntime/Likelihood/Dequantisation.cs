using FlowRuntime.Sampling;

namespace FlowRuntime.Likelihood;

/// <summary>Uniform dequantisation: a value that stands for one of L levels becomes a point of that level's own interval of [0, 1].</summary>
internal static class Dequantisation
{
    private const uint Stream = 0xC000_0000;

    /// <summary>Level k = round((L − 1) x) of every value becomes (k + u)/L, in place.</summary>
    /// <param name="levels">Number of levels L.</param>
    /// <param name="seed">The seed of u.</param>
    /// <param name="rows">Values in [0, 1], row after row.</param>
    /// <param name="dimension">Values of a row.</param>
    /// <param name="first">Index of the first row.</param>
    public static void Apply(int levels, ulong seed, Span<float> rows, int dimension, long first)
    {
        Span<uint> words = stackalloc uint[4];
        for (int i = 0; i < rows.Length; i++)
        {
            (int row, int place) = Math.DivRem(i, dimension);
            if (place % 4 == 0)
                (words[0], words[1], words[2], words[3]) = Philox4x32.Block((uint)(place / 4), Stream, (uint)(first + row), (uint)((first + row) >> 32), seed);
            double level = Math.Round((levels - 1) * (double)rows[i]);
            rows[i] = (float)((level + Philox4x32.Uniform(words[place % 4])) / levels);
        }
    }
}
