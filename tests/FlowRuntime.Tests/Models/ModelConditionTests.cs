using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// Models with condition vectors. A model v = t x + c under a vector is held against the model v = t x + table[label], which is that model where the
/// table's rows are what the vectors are fed as.
/// </summary>
public sealed class ModelConditionTests : IDisposable
{
    private static readonly float[] First = [5, -2], Second = [-1, -1]; // fed as (2, 0) and (−1, 2)

    private readonly TemporaryFolder _folder = new();
    private readonly FlowModel _vectors, _classes;

    public ModelConditionTests()
    {
        _vectors = FlowModel.Open(TinyModel.Write(_folder, "vectors.onnx", TinyModel.TimesTimePlusCondition(), TinyModel.ConditionCard));
        _classes = FlowModel.Open(TinyModel.Write(_folder, "classes.onnx", TinyModel.TimesTimePlusTable(2, 0, -1, 2, 3, 3), TinyModel.ClassesCard));
    }

    public void Dispose()
    {
        _vectors.Dispose();
        _classes.Dispose();
        _folder.Dispose();
    }

    [Theory, InlineData(1), InlineData(2.5)]
    public void A_vector_is_fed_standardised_and_in_turn_and_guided_against_the_null_vector(double guidance)
    {
        var options = new SamplingOptions { Seed = 4, Guidance = guidance };
        SampleBatch vectors = _vectors.Sample(40, options with { Conditions = [Of(First), Of(Second)], Slots = 7 });
        SampleBatch classes = _classes.Sample(40, options with { Labels = [0, 1] });
        Assert.Equal(classes.Values, vectors.Values);
        Assert.NotEqual(vectors.Values, _vectors.Sample(40, options with { Conditions = [Of(Second), Of(First)] }).Values);
    }

    [Fact]
    public void Without_a_vector_the_null_vector_is_fed() =>
        Assert.Equal(_classes.Sample(20).Values, _vectors.Sample(20).Values);

    [Fact]
    public void A_sample_under_a_vector_is_the_same_in_any_slots_and_workers()
    {
        var options = new SamplingOptions { Seed = 1, Conditions = [Of(First), Of(Second), Condition.None] };
        float[] expected = _vectors.Sample(60, options with { Slots = 1, Workers = 1 }).Values;
        foreach ((int slots, int workers) in new[] { (4, 1), (64, 1), (5, 3) })
            Assert.Equal(expected, _vectors.Sample(60, options with { Slots = slots, Workers = workers }).Values);
        Assert.Equal(expected[30..], _vectors.Sample(45, options with { First = 15 }).Values);
    }

    [Fact]
    public void Labels_and_vectors_are_each_taken_in_turn_where_both_are_given()
    {
        // v = t x + c + table[label], against the classes' model with the sums.
        FlowCard card = TinyModel.ConditionCard with { Conditions = TinyModel.ConditionCard.Conditions! with { Classes = TinyModel.ClassesCard.Conditions!.Classes } };
        using FlowModel both = FlowModel.Open(TinyModel.Write(_folder, "both.onnx", TinyModel.TimesTimePlusConditionAndTable(0, 0, 4, 4, 0, 0), card));
        SampleBatch drawn = both.Sample(6, new SamplingOptions { Conditions = [Of(First), Of(Second), Of(First)], Labels = [0, 1] });
        using FlowModel sums = FlowModel.Open(TinyModel.Write(_folder, "sums.onnx", TinyModel.TimesTimePlusTable(2, 0, 3, 6, 6, 4), TinyModel.ClassesCard));
        // First and 0, second and 1, first and 0, first and 1 (the sum that is the null row), …
        SampleBatch expected = sums.Sample(3, new SamplingOptions { Labels = [0, 1, 0] }), fourth = sums.Sample(1, new SamplingOptions { First = 3 });
        Assert.Equal(expected.Values, drawn.Values[..6]);
        Assert.Equal(fourth.Values, drawn.Values[6..8]);
        Refused("in one place", () => both.Sample(1, new SamplingOptions { Conditions = [Of(First) with { Label = 0 }], Labels = [1] }));
    }

    [Fact]
    public void What_is_no_condition_of_the_model_is_refused_with_what_it_takes()
    {
        Refused("3 numbers are no condition 'c' of 2 numbers (warmth, wetness)", () => Sample(Of([1, 2, 3])));
        Refused("Number 2 of the condition 'c' of 2 numbers (warmth, wetness) is NaN", () => Sample(Of([1, float.NaN])));
        Refused("no condition vector 'd'; it has 'c' of 2 numbers", () => Sample(new Condition { Vectors = new Dictionary<string, float[]> { ["d"] = [1, 2] } }));
        Refused("has no classes", () => Sample(new Condition { Label = 1 }));
        Refused("takes no condition vector 'c'; it has none", () => _classes.Sample(1, new SamplingOptions { Conditions = [Of(First)] }));
        Refused("give labels or conditions with it", () => _vectors.Sample(1, new SamplingOptions { Guidance = 2 }));

        void Sample(Condition condition) => _vectors.Sample(1, new SamplingOptions { Conditions = [condition] });
    }

    [Fact]
    public void A_vector_without_a_null_is_required_and_not_guided()
    {
        FlowCard card = TinyModel.ConditionCard with { Conditions = new ConditionsCard(Vectors: [new ConditionInputCard("c", [2])]) };
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "bare.onnx", TinyModel.TimesTimePlusCondition(), card));
        Refused("no null for its condition 'c' of 2 numbers: give it", () => model.Sample(1));
        Refused("has no null for its condition 'c', which guidance needs", () => model.Sample(1, new SamplingOptions { Conditions = [Of(First)], Guidance = 2 }));
        // Without columns it is fed as it is given.
        Assert.Equal(_classes.Sample(5, new SamplingOptions { Labels = [1] }).Values, model.Sample(5, new SamplingOptions { Conditions = [Of([-1, 2])] }).Values);
    }

    [Theory]
    [InlineData("d", 2, "'conditions.vectors[0].input' in the card")]
    [InlineData("c", 3, "the card's conditions.vectors[0].shape asks for [N, 3]")]
    public void A_vector_that_is_not_the_graphs_is_refused(string input, int length, string expected)
    {
        FlowCard card = TinyModel.Card with { Conditions = new ConditionsCard(Vectors: [new ConditionInputCard(input, [length])]) };
        string path = TinyModel.Write(_folder, "wrong.onnx", TinyModel.TimesTimePlusCondition(), card);
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => FlowModel.Open(path)).Message);
    }

    [Theory]
    [InlineData("""[{ "input": "", "shape": [2] }]""", "'conditions.vectors[0].input' is ")]
    [InlineData("""[{ "input": "c", "shape": [2] }, { "input": "d", "shape": [0] }]""", "'conditions.vectors[1].shape' is ")]
    [InlineData("""[{ "input": "c", "shape": [2], "null": 1e99 }]""", "'conditions.vectors[0].null' is ")]
    [InlineData("""[{ "input": "c", "shape": [2], "columns": { "names": ["a"], "mean": [0], "scale": [1] } }]""", "'conditions.vectors[0].columns.names' is ")]
    [InlineData("""[{ "input": "c", "shape": [1], "columns": { "names": ["a"], "mean": [0], "scale": [0] } }]""", "'conditions.vectors[0].columns.scale' is ")]
    public void A_card_with_a_wrong_vector_is_refused_by_its_field(string vectors, string expected) =>
        CardJsonTests.Refused("conditions", $$"""{ "vectors": {{vectors}} }""", expected);

    private static Condition Of(float[] values) => new() { Vectors = new Dictionary<string, float[]> { ["c"] = values } };

    private static void Refused(string expected, Action act) => Assert.Contains(expected, Assert.Throws<ArgumentException>(act).Message, StringComparison.Ordinal);
}
