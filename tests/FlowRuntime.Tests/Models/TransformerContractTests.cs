using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// The inputs of the transformers of SD3 and FLUX as they are exported to ONNX, on tiny random networks: each is fed what its contract says, by
/// the network's formula computed beside it. Both predict ε − x at σ = 1 − t.
/// </summary>
public sealed class TransformerContractTests : IDisposable
{
    private const int Float = TinyModel.Float;

    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(11);

    public void Dispose() => _folder.Dispose();

    /// <summary>out = hidden_states · timestep/1000 + mean over the tokens of encoder_hidden_states A + pooled_projections B; latents [2, 2, 2], 5 tokens of 3, 4 pooled.</summary>
    [Fact]
    public void Stable_diffusion_3()
    {
        float[] a = Random(3 * 8), b = Random(4 * 8);
        byte[] graph = TinyModel.Model(
            [new("hidden_states", Float, -1, 2, -1, -1), new("timestep", Float, -1), new("encoder_hidden_states", Float, -1, -1, 3), new("pooled_projections", Float, -1, 4)],
            [new("out_hidden_states", Float, -1, 2, -1, -1)],
            [
                TinyModel.Node("Mul", ["timestep", "thousandth"], "sigma"), TinyModel.Node("Reshape", ["sigma", "column"], "s"), TinyModel.Node("Reshape", ["hidden_states", "flat"], "h"),
                TinyModel.Node("Mul", ["h", "s"], "hs"), TinyModel.Node("ReduceMean", ["encoder_hidden_states", "one"], "text", TinyModel.Attribute("keepdims", 0)),
                TinyModel.Node("MatMul", ["text", "a"], "ta"), TinyModel.Node("MatMul", ["pooled_projections", "b"], "pb"),
                TinyModel.Node("Add", ["ta", "pb"], "given"), TinyModel.Node("Add", ["hs", "given"], "sum"), TinyModel.Node("Reshape", ["sum", "image"], "out_hidden_states"),
            ],
            [
                TinyModel.Floats("thousandth", [], 0.001f), TinyModel.Ints("column", -1, 1), TinyModel.Ints("flat", -1, 8), TinyModel.Ints("image", -1, 2, 2, 2), TinyModel.Ints("one", 1),
                TinyModel.Floats("a", [3, 8], a), TinyModel.Floats("b", [4, 8], b),
            ]);
        using FlowModel model = Open("sd3", graph, """
            {
              "format": 1,
              "prediction": { "kind": "velocity", "sign": -1 },
              "path": { "kind": "conditional-ot" },
              "sample": { "shape": [2, 2, 2] },
              "time": { "from": "data", "scale": 1000 },
              "inputs": { "time": "timestep", "state": "hidden_states" },
              "outputs": { "prediction": "out_hidden_states" },
              "conditions": {
                "sequences": [{ "input": "encoder_hidden_states", "shape": [5, 3], "null": 0 }],
                "vectors": [{ "input": "pooled_projections", "shape": [4], "null": 0 }]
              }
            }
            """);
        float[] tokens = Random(2 * 3), pooled = Random(4); // two tokens; the others are zeros
        var condition = new Condition
        {
            Sequences = new Dictionary<string, float[]> { ["encoder_hidden_states"] = tokens },
            Vectors = new Dictionary<string, float[]> { ["pooled_projections"] = pooled },
        };
        float[] state = Random(8);
        double[] text = [.. Enumerable.Range(0, 3).Select(j => (tokens[j] + tokens[3 + j]) / 5.0)];
        double[] expected = [.. Enumerable.Range(0, 8).Select(i => -(0.7 * state[i] + Product(text, a, i) + Product([.. pooled.Select(p => (double)p)], b, i)))];
        AssertClose(expected, Velocity(model, 0.3, state, condition));
        AssertClose([.. state.Select(x => -0.7 * x)], Velocity(model, 0.3, state, Condition.None));
        SampleBatch guided = model.Sample(20, new SamplingOptions { Conditions = [condition, Condition.None with { Vectors = condition.Vectors }], Guidance = 4, Slots = 3 }).EnsureSuccess();
        Assert.Equal([2, 2, 2], guided.Shape);
        Assert.Equal(model.Sample(1, new SamplingOptions { Conditions = [condition], Guidance = 4, First = 12 }).Values, guided[12].ToArray());
    }

    /// <summary>
    /// out = hidden_states · timestep + guidance · (sum of img_ids of the place) + mean of encoder_hidden_states A + pooled_projections B + sum of txt_ids; 6 places of 4, 3 tokens.
    /// The ids have no batch.
    /// </summary>
    [Fact]
    public void Flux()
    {
        float[] a = Random(3 * 4), b = Random(2 * 4), places = Random(6 * 3), words = Random(3 * 3);
        byte[] graph = TinyModel.Model(
            [
                new("hidden_states", Float, -1, -1, 4), new("timestep", Float, -1), new("guidance", Float, -1), new("img_ids", Float, -1, 3), new("txt_ids", Float, -1, 3),
                new("encoder_hidden_states", Float, -1, -1, 3), new("pooled_projections", Float, -1, 2),
            ],
            [new("out_hidden_states", Float, -1, -1, 4)],
            [
                TinyModel.Node("Reshape", ["timestep", "column"], "s"), TinyModel.Node("Mul", ["hidden_states", "s"], "hs"),
                TinyModel.Node("ReduceSum", ["img_ids", "one"], "place"), TinyModel.Node("Reshape", ["guidance", "column"], "g"), TinyModel.Node("Mul", ["g", "place"], "gp"),
                TinyModel.Node("Add", ["hs", "gp"], "hsgp"), TinyModel.Node("ReduceMean", ["encoder_hidden_states", "one"], "text"), TinyModel.Node("MatMul", ["text", "a"], "ta"),
                TinyModel.Node("MatMul", ["pooled_projections", "b"], "pb"), TinyModel.Node("Unsqueeze", ["pb", "one"], "pb1"), TinyModel.Node("Add", ["ta", "pb1"], "given"),
                TinyModel.Node("ReduceSum", ["txt_ids"], "words", TinyModel.Attribute("keepdims", 0)), TinyModel.Node("Add", ["given", "words"], "more"),
                TinyModel.Node("Add", ["hsgp", "more"], "out_hidden_states"),
            ],
            [TinyModel.Ints("column", -1, 1, 1), TinyModel.Ints("one", 1), TinyModel.Floats("a", [3, 4], a), TinyModel.Floats("b", [2, 4], b)]);
        using FlowModel model = Open("flux", graph, FormattableString.Invariant($$"""
            {
              "format": 1,
              "prediction": { "kind": "velocity", "sign": -1 },
              "path": { "kind": "conditional-ot" },
              "sample": { "shape": [6, 4] },
              "time": { "from": "data" },
              "inputs": {
                "time": "timestep", "state": "hidden_states",
                "constants": [
                  { "input": "guidance", "values": [3.5] },
                  { "input": "img_ids", "shape": [6, 3], "values": [{{List(places)}}] },
                  { "input": "txt_ids", "shape": [3, 3], "values": [{{List(words)}}] }
                ]
              },
              "outputs": { "prediction": "out_hidden_states" },
              "conditions": {
                "sequences": [{ "input": "encoder_hidden_states", "shape": [3, 3], "null": 0 }],
                "vectors": [{ "input": "pooled_projections", "shape": [2], "null": 0 }]
              }
            }
            """));
        float[] tokens = Random(9), pooled = Random(2), state = Random(24);
        var condition = new Condition
        {
            Sequences = new Dictionary<string, float[]> { ["encoder_hidden_states"] = tokens },
            Vectors = new Dictionary<string, float[]> { ["pooled_projections"] = pooled },
        };
        double[] text = [.. Enumerable.Range(0, 3).Select(j => (tokens[j] + tokens[3 + j] + tokens[6 + j]) / 3.0)];
        double[] expected = [.. Enumerable.Range(0, 24).Select(i => -(0.75 * state[i] + 3.5 * places.Skip(i / 4 * 3).Take(3).Sum(p => (double)p)
            + Product(text, a, i % 4) + Product([pooled[0], pooled[1]], b, i % 4) + words.Sum(w => (double)w)))];
        AssertClose(expected, Velocity(model, 0.25, state, condition));
        SampleBatch batch = model.Sample(9, new SamplingOptions { Conditions = [condition], Slots = 4 }).EnsureSuccess();
        Assert.Equal(model.Sample(1, new SamplingOptions { Conditions = [condition], First = 7 }).Values, batch[7].ToArray());
    }

    private float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => MathF.Round((float)(2 * _random.NextDouble() - 1), 3))];

    private static string List(float[] values) => string.Join(", ", values.Select(value => value.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>Column i of a row vector times a matrix.</summary>
    private static double Product(double[] row, float[] matrix, int i) => row.Select((value, j) => value * matrix[j * (matrix.Length / row.Length) + i]).Sum();

    private static void AssertClose(double[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-5);
    }

    private static float[] Velocity(FlowModel model, double t, float[] state, Condition condition)
    {
        var buffers = new EvaluationBuffers(2, state.Length, outputs: 1);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        for (int row = 0; row < 2; row++)
        {
            evaluator.Assign(row, row, row == 1 ? condition : Condition.None);
            buffers.Times[row] = t;
            state.CopyTo(buffers.States[row]);
        }
        evaluator.Evaluate(0, 2, output: 0);
        return buffers.Velocities[0][1].ToArray();
    }

    private FlowModel Open(string name, byte[] graph, string sidecar)
    {
        _folder.File($"{name}.flow.json", sidecar);
        return FlowModel.Open(_folder.File($"{name}.onnx", graph));
    }
}
