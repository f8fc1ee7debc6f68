#:project ../../runtime/FlowRuntime/FlowRuntime.csproj
#:package Microsoft.ML.OnnxRuntime
#:property PublishAot=false

// Bakes samplers of the shipped models and writes what they are fed and what the engine itself makes of it:
//   dotnet run references.cs MODELS FOLDER
// FOLDER/references.json names files, cases and where their numbers lie; FOLDER/numbers.bin holds these, float32 and int64, little-endian, each array at a multiple of eight bytes.

using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using FlowRuntime;
using FlowRuntime.Baking;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

const ulong Seed = 7;
(string models, string folder) = (args[0], args[1]);
using FileStream numbers = File.Create(Path.Combine(folder, "numbers.bin"));
JsonArray samplers = [];
Dictionary<string, JsonObject> ends = [];

double[] tolerances = [1e-1, 1e-3, 1e-5];
foreach (string name in new[] { "moons", "8gaussians", "digits" })
{
    foreach (string method in new[] { "euler", "heun", "rk4" })
        AddFixed(name, method, [1, 3, 20], rows: 64);
    foreach (string method in new[] { "dopri5", "tsit5" })
        AddAdaptive(name, method, tolerances, rows: 64);
}
AddFixed("mnist", "euler", [2], rows: 64); // images of 28×28 take a browser a while
AddFixed("mnist", "heun", [1, 5], rows: 5);
AddFixed("mnist", "rk4", [2], rows: 5);
AddAdaptive("mnist", "dopri5", [1e-1, 1e-2], rows: 5);
AddAdaptive("mnist", "tsit5", [1e-1, 1e-2], rows: 5);
AddAdaptive("moons", "dopri5", [1e-3, 1e-5], rows: 64, maxSteps: 6); // of the first some are given up, and all of the second
File.WriteAllText(Path.Combine(folder, "references.json"), new JsonObject { ["samplers"] = samplers }.ToJsonString());

void AddFixed(string name, string method, int[] counts, int rows)
{
    using FlowModel model = FlowModel.Open(Path.Combine(models, $"{name}.onnx"));
    string file = $"{name}-{method}.onnx";
    SolverMethod named = SolverMethod.Named(method);
    SamplerFile.Write(model, Path.Combine(folder, file), new BakeOptions(new FixedSteps(named, 1)) { StepsAreInput = true });
    JsonArray cases = [];
    foreach (int count in counts)
        AddCases(cases, model, rows, count == 1 ? "1 step" : $"{count} steps", null, new FixedSteps(named, count) { Unfused = true }, new JsonObject { ["steps"] = Whole([count], 1) });
    samplers.Add(new JsonObject { ["file"] = file, ["adaptive"] = false, ["network"] = method == "euler" ? Network(model) : null, ["cases"] = cases });
}

void AddAdaptive(string name, string method, double[] of, int rows, int maxSteps = 1000)
{
    using FlowModel model = FlowModel.Open(Path.Combine(models, $"{name}.onnx"));
    string file = maxSteps == 1000 ? $"{name}-{method}.onnx" : $"{name}-{method}-{maxSteps}.onnx";
    var solver = new AdaptiveSteps { Method = (EmbeddedPair)SolverMethod.Named(method), FirstStep = 0.1, MaxSteps = maxSteps, Unfused = true };
    SamplerFile.Write(model, Path.Combine(folder, file), new BakeOptions(solver));
    JsonArray cases = [];
    foreach (float tolerance in of)
    {
        float[] each = [.. Enumerable.Repeat(tolerance, rows)];
        AddCases(cases, model, rows, FormattableString.Invariant($"tolerance {tolerance:G1}"), tolerance, solver with { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance }, new JsonObject { ["rtol"] = Single(each, rows, 1), ["atol"] = Single(each, rows, 1) });
    }
    samplers.Add(new JsonObject { ["file"] = file, ["adaptive"] = true, ["cases"] = cases });
}

// The network itself, around which steps can be taken one by one.
JsonObject Network(FlowModel model)
{
    string file = Path.GetFileName(model.Path);
    File.Copy(model.Path, Path.Combine(folder, file));
    var card = model.Card;
    JsonArray Numbers(IEnumerable<double> values) => new([.. values.Select(value => JsonValue.Create(value))]);
    return new JsonObject
    {
        ["file"] = file, ["time"] = card.Inputs.Time, ["state"] = card.Inputs.State, ["label"] = card.Conditions?.Classes?.Input, ["output"] = card.Outputs.Prediction,
        ["image"] = card.Data?.Image is { } image ? Numbers([image.Low, image.High]) : null,
        ["columns"] = card.Data?.Columns is { } columns ? new JsonObject { ["mean"] = Numbers(columns.Mean), ["scale"] = Numbers(columns.Scale) } : null,
    };
}

// Every case under guidance of 1 and 2.5, where the model can be guided.
void AddCases(JsonArray cases, FlowModel model, int rows, string setting, double? tolerance, SolverOptions solver, JsonObject inputs)
{
    int width = model.Field.Dimension;
    float[] noise = new float[rows * width];
    for (int row = 0; row < rows; row++)
        Noise.Fill(Seed, row, noise.AsSpan(row * width, width));
    inputs["noise"] = Single(noise, [rows, .. model.Card.Sample.Shape]);
    var classes = model.Card.Conditions?.Classes;
    int[] labels = classes is null ? [] : [.. Enumerable.Range(0, rows).Select(row => row % classes.Names.Count)];
    if (classes is not null)
        inputs[classes.Input] = Whole([.. labels.Select(label => (long)label)], rows, 1);
    foreach (double guidance in classes is null ? [1] : new[] { 1, 2.5 })
    {
        var given = (JsonObject)inputs.DeepClone();
        if (classes is not null)
            given["guidance"] = Single([.. Enumerable.Repeat((float)guidance, rows)], rows, 1);
        SampleBatch batch = model.Sample(rows, new SamplingOptions { Seed = Seed, Solver = solver, Labels = labels, Guidance = guidance });
        var outputs = new JsonObject
        {
            ["samples"] = Single(batch.Values, [rows, .. model.Card.Sample.Shape]),
            ["t"] = Single([.. batch.Times.Select(time => (float)time)], rows, 1),
            ["evaluations"] = Whole([.. batch.Evaluations.Select(count => (long)count)], rows, 1),
            ["accepted"] = Whole([.. batch.Accepted.Select(count => (long)count)], rows, 1),
            ["status"] = Whole([.. batch.Status.Select(status => (long)status)], rows, 1),
        };
        if (tolerance is not null)
            outputs["exact"] = Exact(model, rows, labels, guidance).DeepClone();
        cases.Add(new JsonObject { ["setting"] = setting, ["tolerance"] = tolerance, ["guidance"] = classes is null ? null : JsonValue.Create(guidance), ["inputs"] = given, ["outputs"] = outputs });
    }
}

// Where the flow carries the noise, but for rounding: what an adaptive solve is near to.
JsonObject Exact(FlowModel model, int rows, int[] labels, double guidance)
{
    string key = FormattableString.Invariant($"{model.Path} {guidance}");
    if (!ends.TryGetValue(key, out JsonObject? known))
    {
        var solver = new FixedSteps(ButcherTableau.RungeKutta4, model.Field.Dimension > 100 ? 60 : 300);
        float[] values = model.Sample(rows, new SamplingOptions { Seed = Seed, Solver = solver, Labels = labels, Guidance = guidance }).Values;
        ends[key] = known = Single(values, [rows, .. model.Card.Sample.Shape]);
    }
    return known;
}

JsonObject Single(float[] values, params int[] dims) => Write("float32", MemoryMarshal.AsBytes<float>(values), dims);

JsonObject Whole(long[] values, params int[] dims) => Write("int64", MemoryMarshal.AsBytes<long>(values), dims);

JsonObject Write(string type, ReadOnlySpan<byte> values, int[] dims)
{
    long at = numbers.Position;
    numbers.Write(values);
    numbers.Write(new byte[(int)(-numbers.Position & 7)]);
    return new JsonObject { ["type"] = type, ["dims"] = new JsonArray([.. dims.Select(size => JsonValue.Create(size))]), ["at"] = at };
}
