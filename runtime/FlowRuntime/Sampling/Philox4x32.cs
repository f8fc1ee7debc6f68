using System.Runtime.CompilerServices;

namespace FlowRuntime.Sampling;

/// <summary>
/// The counter-based random number generator Philox4x32-10: a pure function of a counter and a key. Equal arguments
/// give equal bits on every machine, and no state is kept.
/// </summary>
/// <remarks>
/// Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", section 3.3; checked against
/// the known-answer vectors that its authors publish with Random123.
/// </remarks>
public static class Philox4x32
{
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9; // golden ratio
    private const uint Weyl1 = 0xBB67AE85; // √3 − 1
    private const int Rounds = 10;

    /// <summary>One block of four random words.</summary>
    /// <param name="counter0">First word of the counter.</param>
    /// <param name="counter1">Second word of the counter.</param>
    /// <param name="counter2">Third word of the counter.</param>
    /// <param name="counter3">Fourth word of the counter.</param>
    /// <param name="key">The key: its low half is the first key word, its high half the second.</param>
    /// <returns>Four words, each uniform over all 32-bit numbers.</returns>
    public static (uint X0, uint X1, uint X2, uint X3) Block(
        uint counter0, uint counter1, uint counter2, uint counter3, ulong key)
    {
        uint key0 = (uint)key, key1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            ulong product0 = (ulong)Multiplier0 * counter0;
            ulong product1 = (ulong)Multiplier1 * counter2;
            counter0 = (uint)(product1 >> 32) ^ counter1 ^ key0;
            counter2 = (uint)(product0 >> 32) ^ counter3 ^ key1;
            counter1 = (uint)product1;
            counter3 = (uint)product0;
            key0 += Weyl0;
            key1 += Weyl1;
        }
        return (counter0, counter1, counter2, counter3);
    }

    /// <summary>Maps a word to the open interval (0, 1): (word + ½) / 2³².</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Uniform(uint word) => (word + 0.5) * (1.0 / 4294967296.0);
}
