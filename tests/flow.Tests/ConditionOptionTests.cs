using FlowRuntime.CommandLine;
using FlowRuntime.Fields;
using FlowRuntime.Tests;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow sample --condition</c> on a model v = t x + c.</summary>
public sealed class ConditionOptionTests : IDisposable
{
    private const int Count = 12;

    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public ConditionOptionTests() => _model = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTimePlusCondition(), TinyModel.ConditionCard);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("5,-1.5")]
    [InlineData("wetness=-1.5, warmth=5")]
    [InlineData("warmth=5,wetness=-15e-1;")]
    public async Task A_vector_is_given_by_its_order_or_by_its_names(string text) => Assert.Equal(Expected([5, -1.5f]), await Drawn(text));

    [Theory]
    [InlineData("5,-1.5\n0,1\n")]
    [InlineData("wetness,warmth\r\n-1.5,5\r\n\r\n1,0\r\n")]
    public async Task Several_vectors_of_the_line_or_a_table_are_taken_in_turn(string table)
    {
        string file = _folder.File("rows.csv", System.Text.Encoding.UTF8.GetBytes(table));
        float[] expected = Expected([5, -1.5f], [0, 1]);
        Assert.Equal(expected, await Drawn("5,-1.5; 0,1"));
        Assert.Equal(expected, await Drawn(file));
    }

    [Fact]
    public async Task Guidance_is_that_of_the_runtime() =>
        Assert.Equal(Expected(guidance: 2, [5, -1.5f]), await Drawn("5,-1.5", "--guidance", "2"));

    [Theory]
    [InlineData("5", "'5' has 1 values. Give 2 numbers: warmth, wetness.")]
    [InlineData("5,hot", "'hot' is no value of the condition, or comes twice. Give 2 numbers: warmth, wetness.")]
    [InlineData("5,NaN", "'NaN' is no value")]
    [InlineData("warmth=5,warmth=6", "'warmth=6' is no value of the condition, or comes twice")]
    [InlineData("warmth=5,colour=6", "'colour=6' is no value")]
    [InlineData("warmth=5,6", "'6' is no value")]
    [InlineData("5,warmth=6", "'warmth=6' is no value")]
    [InlineData(" ; ", "gives no numbers")]
    [InlineData("none.csv", "there is no file none.csv")]
    public async Task What_is_no_vector_is_refused_with_the_values_there_are(string text, string expected)
    {
        ToolRun run = await Sample(_model, text);
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Trim().Split('\n'));
        Assert.Contains("--condition", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_without_vectors_says_so() =>
        Assert.Contains("has no condition vector. Leave the option out.", (await Sample(Models.Moons, "1")).Error, StringComparison.Ordinal);

    [Fact]
    public async Task Inspect_tells_the_values_with_mean_and_scale()
    {
        ToolRun run = (await ToolRun.InProcess("inspect", _model)).EnsureSuccess();
        Assert.Contains("warmth 1 ± 2, wetness -2 ± 0.5", run.Output, StringComparison.Ordinal);
        Assert.Contains("c (condition)", run.Output, StringComparison.Ordinal);
    }

    private string Out => Path.Combine(Path.GetDirectoryName(_model)!, "a.npy");

    private Task<ToolRun> Sample(string model, string text, params string[] more) =>
        ToolRun.InProcess(["sample", model, "--count", $"{Count}", "--condition", text, .. more, "--out", Out]);

    private async Task<float[]> Drawn(string text, params string[] more)
    {
        (await Sample(_model, text, more)).EnsureSuccess();
        return NpyArray.Read(Out).Values;
    }

    private float[] Expected(params float[][] vectors) => Expected(guidance: 1, vectors);

    private float[] Expected(double guidance, params float[][] vectors)
    {
        using FlowModel model = FlowModel.Open(_model);
        return model.Sample(Count, new SamplingOptions
        {
            Guidance = guidance,
            Conditions = [.. vectors.Select(vector => new Condition { Vectors = new Dictionary<string, float[]> { ["c"] = vector } })],
        }, cancellationToken: TestContext.Current.CancellationToken).Values;
    }
}
