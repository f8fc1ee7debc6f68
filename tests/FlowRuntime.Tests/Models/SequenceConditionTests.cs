using FlowRuntime.Cards;
using FlowRuntime.Fields;

namespace FlowRuntime.Tests;

/// <summary>
/// A model v = t x + Σ_i mask_i s_i of a sequence s of up to three pairs of numbers. Under a sequence it must be the model v = t x + c under the
/// vector that is the sum.
/// </summary>
public sealed class SequenceConditionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FlowModel _sequences;
    private readonly FlowModel _vectors;

    public SequenceConditionTests()
    {
        _sequences = Open("sequences", new SequenceInputCard("s", [3, 2], "mask", Padding: 9, Null: 0.5), maskType: TinyModel.Int64);
        FlowCard vectors = TinyModel.Card with { Conditions = new(Vectors: [new ConditionInputCard("c", [2])]) };
        _vectors = FlowModel.Open(TinyModel.Write(_folder, "vectors.onnx", TinyModel.TimesTimePlusCondition(), vectors));
    }

    public void Dispose()
    {
        _sequences.Dispose();
        _vectors.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Sequences_of_any_length_up_to_the_greatest_are_fed_with_their_mask()
    {
        Condition[] given = [Of(1, 2), Of(1, 2, 3, -4), Of(1, 2, 3, -4, 0.5f, 1)];
        Condition[] sums = [Vector(1, 2), Vector(4, -2), Vector(4.5f, -1)];
        foreach (int slots in new[] { 1, 4, 64 })
        {
            SamplingOptions options = new() { Seed = 2, Slots = slots };
            Assert.Equal(
                _vectors.Sample(30, options with { Conditions = sums }).EnsureSuccess().Values,
                _sequences.Sample(30, options with { Conditions = given }).EnsureSuccess().Values);
        }
    }

    /// <summary>Without a mask the sum is over all three pairs, those filled up with −1 included.</summary>
    [Fact]
    public void Shorter_sequences_are_filled_up()
    {
        byte[] graph = TinyModel.TimesTimePlus([new("s", TinyModel.Float, -1, 3, 2)], [TinyModel.Node("ReduceSum", ["s", "one"], "f", TinyModel.Attribute("keepdims", 0))]);
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "padded.onnx", graph, TinyModel.Card with { Conditions = new(Sequences: [new SequenceInputCard("s", [3, 2], Padding: -1)]) }));
        SamplingOptions options = new() { Seed = 2 };
        Assert.Equal(
            _vectors.Sample(10, options with { Conditions = [Vector(-1, 0), Vector(3, -3)] }).Values,
            model.Sample(10, options with { Conditions = [Of(1, 2), Of(1, 2, 3, -4)] }).Values);
    }

    [Fact]
    public void Without_a_sequence_the_null_fills_the_whole_input() => Assert.Equal(
        _vectors.Sample(5, new SamplingOptions { Conditions = [Vector(1.5f, 1.5f)] }).Values, _sequences.Sample(5).Values);

    [Theory, InlineData(TinyModel.Float), InlineData(TinyModel.Int32), InlineData(TinyModel.Bool)]
    public void A_mask_is_fed_in_the_graphs_number_type(int type)
    {
        using FlowModel model = Open("typed", new SequenceInputCard("s", [3, 2], "mask", Null: 0.5), type);
        SamplingOptions options = new() { Conditions = [Of(1, 2, 3, -4)] };
        Assert.Equal(_sequences.Sample(4, options).Values, model.Sample(4, options).Values);
    }

    [Fact]
    public void What_is_no_sequence_of_the_model_is_refused_with_what_it_takes()
    {
        Refused("3 numbers are no sequence 's' of 1 to 3 items with 2 numbers each", Of(1, 2, 3));
        Refused("8 numbers are no sequence", Of(1, 2, 3, 4, 5, 6, 7, 8));
        Refused("0 numbers are no sequence", Of());
        Refused("Number 2 of the sequence 's' of 1 to 3 items with 2 numbers each is NaN", Of(1, float.NaN));
        Refused("no sequence 'text'", new Condition { Sequences = new Dictionary<string, float[]> { ["text"] = [1, 2] } });
        using FlowModel bare = Open("bare", new SequenceInputCard("s", [3, 2], "mask"), TinyModel.Int64);
        Assert.Contains("no null for its sequence 's'", Assert.Throws<ArgumentException>(() => bare.Sample(1)).Message, StringComparison.Ordinal);
        Assert.Contains("no null for its condition 's', which guidance needs", Assert.Throws<ArgumentException>(
            () => bare.Sample(1, new SamplingOptions { Guidance = 2, Conditions = [Of(1, 2)] })).Message, StringComparison.Ordinal);

        void Refused(string expected, Condition condition) => Assert.Contains(expected, Assert.Throws<ArgumentException>(
            () => _sequences.Sample(1, new SamplingOptions { Conditions = [condition] })).Message, StringComparison.Ordinal);
    }

    private FlowModel Open(string name, SequenceInputCard card, int maskType)
    {
        byte[] graph = TinyModel.TimesTimePlus(
            [new("s", TinyModel.Float, -1, 3, 2), new("mask", maskType, -1, 3)],
            [
                TinyModel.Cast("mask", TinyModel.Float, "mf"), TinyModel.Node("Unsqueeze", ["mf", "two"], "m"),
                TinyModel.Node("Mul", ["s", "m"], "sm"), TinyModel.Node("ReduceSum", ["sm", "one"], "f", TinyModel.Attribute("keepdims", 0)),
            ],
            TinyModel.Ints("two", 2));
        return FlowModel.Open(TinyModel.Write(_folder, $"{name}.onnx", graph, TinyModel.Card with { Conditions = new(Sequences: [card]) }));
    }

    private static Condition Of(params float[] items) => new() { Sequences = new Dictionary<string, float[]> { ["s"] = items } };

    private static Condition Vector(params float[] values) => new() { Vectors = new Dictionary<string, float[]> { ["c"] = values } };
}
