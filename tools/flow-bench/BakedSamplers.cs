using FlowRuntime.Baking;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Bench;

/// <summary>
/// Baked samplers beside the engine, both on one thread: the size and the time to open of the file beside the plain network's, how far the samples are apart, and the time of a
/// solve.
/// </summary>
internal static class BakedSamplers
{
    private const int Repeats = 5, Steps = 20;
    private const double Tolerance = 1e-3;
    private static readonly string[] Outputs = ["samples", "t", "evaluations", "status"], Shipped = ["moons", "digits", "mnist"];

    /// <summary>On the shipped models.</summary>
    public static IEnumerable<Figure> Run() => Run([.. Shipped.Select(name => Path.Combine(AppContext.BaseDirectory, "Models", $"{name}.onnx"))]);

    /// <summary>On models of a caller's own.</summary>
    public static IEnumerable<Figure> Run(IReadOnlyList<string> models)
    {
        string folder = Directory.CreateTempSubdirectory("flow-bench-bake").FullName;
        try
        {
            foreach (string path in models)
            {
                using FlowModel model = FlowModel.Open(path, new FlowModelOptions { Threads = 1 });
                using var session = new SessionOptions { IntraOpNumThreads = 1 };
                foreach (SolverMethod method in new SolverMethod[] { ButcherTableau.Euler, ButcherTableau.Heun, ButcherTableau.Dopri5 })
                {
                    string sampler = Path.Combine(folder, "sampler.onnx");
                    string section = $"{Path.GetFileName(path)}, {(method is EmbeddedPair ? FormattableString.Invariant($"{method} to {Tolerance}") : $"{Steps} steps of {method}")}";
                    string? refused = null;
                    try
                    {
                        SamplerFile.Write(model, sampler, BakeOptions.Of(model, method) with { Guided = false });
                    }
                    catch (NotSupportedException e)
                    {
                        refused = e.Message.Replace(model.Path, Path.GetFileName(path), StringComparison.Ordinal);
                    }
                    if (refused is not null)
                    {
                        yield return new Figure(section, "baked", null, "", Remark: refused);
                        continue;
                    }
                    yield return new Figure(section, "file", new FileInfo(sampler).Length, "bytes", Remark: $"the network {new FileInfo(path).Length:N0}");
                    (double opened, double plain) = Measure.Medians(Repeats, () => Measure.Wall(() => new InferenceSession(sampler, session).Dispose()), () => Measure.Wall(() => new InferenceSession(path, session).Dispose()));
                    yield return new Figure(section, "time to open", opened * 1e3, "ms", Remark: FormattableString.Invariant($"the network {plain * 1e3:F1} ms"));
                    using var baked = new InferenceSession(sampler, session);
                    foreach (int count in model.Field.Dimension > 64 ? [1, 16] : new[] { 1, 64, 4096 })
                    {
                        foreach (Figure figure in Compare(model, baked, BakeOptions.Of(model, method).Solver, count, section))
                            yield return figure;
                    }
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<Figure> Compare(FlowModel model, InferenceSession baked, SolverOptions baking, int count, string section)
    {
        int classes = model.Card.Conditions?.Classes?.Names.Count ?? 0, d = model.Field.Dimension;
        SolverOptions solver = baking is AdaptiveSteps adaptive ? adaptive with { RelativeTolerance = Tolerance, AbsoluteTolerance = Tolerance } : new FixedSteps(((FixedSteps)baking).Method, Steps);
        SamplingOptions options = new() { Seed = 1, Solver = solver, Labels = [.. Enumerable.Range(0, classes)], Workers = 1 };
        float[] noise = new float[count * d];
        for (int i = 0; i < count; i++)
            Noise.Fill(1, i, noise.AsSpan(i * d, d));
        var inputs = new Dictionary<string, OrtValue> { ["noise"] = OrtValue.CreateTensorValueFromMemory(noise, [count, .. model.Card.Sample.Shape.Select(size => (long)size)]) };
        if (solver is FixedSteps)
            inputs["steps"] = OrtValue.CreateTensorValueFromMemory(new long[] { Steps }, [1]);
        else
            inputs["rtol"] = inputs["atol"] = OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat((float)Tolerance, count).ToArray(), [count, 1]);
        if (classes > 0)
            inputs[model.Card.Conditions!.Classes!.Input] = OrtValue.CreateTensorValueFromMemory(Enumerable.Range(0, count).Select(i => (long)(i % classes)).ToArray(), [count, 1]);
        using var run = new RunOptions();
        IDisposableReadOnlyCollection<OrtValue> Sampled() => baked.Run(run, inputs, Outputs);

        float[] values;
        using (IDisposableReadOnlyCollection<OrtValue> results = Sampled())
            values = results[0].GetTensorDataAsSpan<float>().ToArray();
        SampleBatch same = model.Sample(count, options with { Solver = solver is AdaptiveSteps steps ? steps with { Unfused = true } : (FixedSteps)solver with { Unfused = true } });
        yield return new Figure(section, $"{count:N0}: largest difference to the engine", values.Zip(same.Values, (a, b) => Math.Abs(a - b)).Max(), "", Goal: 0);
        int repeats = count * d > 64 * 64 ? 3 : 25;
        (double file, double engine) = Measure.Medians(repeats, () => Measure.Wall(() => Sampled().Dispose()), () => Measure.Wall(() => model.Sample(count, options)));
        double turns = solver is FixedSteps ? Steps : same.Accepted.Zip(same.Rejected, (accepted, rejected) => accepted + rejected).Max();
        yield return new Figure(section, $"{count:N0}: time of the engine's", file / engine, "ratio", Remark: FormattableString.Invariant($"{file / turns * 1e6:F1} µs a step, the engine {engine / turns * 1e6:F1}"));
        foreach (OrtValue value in inputs.Values.Distinct())
            value.Dispose();
    }
}
