using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Bench;

/// <summary>Data to noise and back, by the tolerance of both solves.</summary>
internal static class RoundTrips
{
    private const int Samples = 64;

    public static IEnumerable<Figure> Run()
    {
        foreach (string name in new[] { "digits", "mnist" })
        {
            using FlowModel model = FlowModel.Open(Path.Combine(AppContext.BaseDirectory, "Models", $"{name}.onnx"));
            SamplingOptions options = new() { Labels = [.. Enumerable.Range(0, 10)], Seed = 2 };
            float[] data = model.Sample(Samples, options with { Solver = model.SolverFor(SamplingQuality.Fine) }).EnsureSuccess().Values;
            foreach (double tolerance in new[] { 1e-2, 1e-3, 1e-4, 1e-5 })
            {
                SamplingOptions solved = options with { Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = tolerance, AbsoluteTolerance = tolerance } };
                SampleBatch noise = model.Encode(data, solved).EnsureSuccess(), back = model.Decode(noise.Values, solved).EnsureSuccess();
                double error = Math.Sqrt(data.Zip(back.Values, (a, b) => ((double)a - b) * (a - b)).Average()), spread = Math.Sqrt(data.Average(x => (double)x * x) - Math.Pow(data.Average(x => (double)x), 2));
                yield return new Figure($"{Samples} samples of {name}.onnx encoded and decoded, dopri5", FormattableString.Invariant($"tolerance {tolerance:0e+0}"), error / spread, "rms",
                    Remark: FormattableString.Invariant($"share of the data's deviation; {noise.Evaluations.Average():F0} evaluations there, {back.Evaluations.Average():F0} back; noise of mean {noise.Values.Average():F2} and deviation {Math.Sqrt(noise.Values.Average(z => (double)z * z)):F3}"));
            }
        }
    }
}
