using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Bench;

/// <summary>What guidance costs: time against the plain conditional solve with the same steps, where twice is what two rows of the network are.</summary>
internal static class GuidanceCost
{
    private const int Repeats = 5;

    public static IEnumerable<Figure> Run()
    {
        foreach ((string name, int count) in new[] { ("digits", 2_000), ("mnist", 64) })
        {
            using FlowModel model = FlowModel.Open(Path.Combine(AppContext.BaseDirectory, "Models", $"{name}.onnx"));
            SamplingOptions plain = new() { Labels = [.. Enumerable.Range(0, 10)], Solver = new FixedSteps(ButcherTableau.Midpoint, 8) };
            foreach ((string kind, Guidance guidance, double goal) in new[]
            {
                ("guided", new Guidance(2), 2.2), ("guided from t = 0.25 to 0.75", new Guidance(2) { Interval = (0.25, 0.75) }, 1.7), ("guided and rescaled", new Guidance(2) { Rescale = 0.7 }, 2.2),
            })
            {
                (double without, double with) = Measure.Medians(Repeats, () => Measure.Wall(() => model.Sample(count, plain)), () => Measure.Wall(() => model.Sample(count, plain with { Guidance = guidance })));
                yield return new Figure($"{count:N0} samples of {name}.onnx by 8 midpoint steps", $"{kind}, time against unguided", with / without, "ratio", goal);
            }
        }
    }
}
