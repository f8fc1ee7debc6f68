using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

public class PhiloxTests
{
    /// <summary>The known answers for philox4x32 with 10 rounds in the file kat_vectors of Random123.</summary>
    public static TheoryData<uint[], uint[], uint[]> KnownAnswers => new()
    {
        { [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
        { [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd] },
        { [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1] },
    };

    [Theory, MemberData(nameof(KnownAnswers))]
    public void A_block_is_the_known_answer_that_the_authors_publish(uint[] counter, uint[] key, uint[] answer)
    {
        var (x0, x1, x2, x3) = Philox4x32.Block(counter[0], counter[1], counter[2], counter[3], key[0] | (ulong)key[1] << 32);

        Assert.Equal(answer, new[] { x0, x1, x2, x3 });
    }

    [Fact]
    public void A_uniform_number_is_the_middle_of_its_word_and_never_0_or_1()
    {
        Assert.Equal(Math.Pow(2, -33), Philox4x32.Uniform(0));
        Assert.Equal(0.5 + Math.Pow(2, -33), Philox4x32.Uniform(1u << 31));
        Assert.Equal(1 - Math.Pow(2, -33), Philox4x32.Uniform(uint.MaxValue));
    }
}
