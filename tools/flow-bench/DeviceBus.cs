using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Bench;

/// <summary>What would cross the bus to a device: with the states there, and with them on the host, where each evaluation sends a state and brings a velocity back.</summary>
internal static class DeviceBus
{
    private const int Samples = 64;

    public static IEnumerable<Figure> Run()
    {
        foreach (string name in new[] { "digits", "mnist" })
        {
            using FlowModel model = FlowModel.Open(Path.Combine(AppContext.BaseDirectory, "Models", $"{name}.onnx"), new FlowModelOptions { StateOnDevice = true });
            SampleBatch batch = model.Sample(Samples, new SamplingOptions { Solver = new AdaptiveSteps(), Workers = 1, Slots = Samples }).EnsureSuccess();
            double onDevice = (double)batch.Statistics.BusBytes / Samples, onHost = batch.Evaluations.Average() * 2 * sizeof(float) * batch.Dimension;
            double besides = onDevice - 2 * sizeof(float) * batch.Dimension, attempts = batch.Accepted.Average() + batch.Rejected.Average();
            string section = $"bytes across the bus for a sample of {name}.onnx, bosh3 at 3e-3";
            yield return new Figure(section, "states on the device", onDevice, "bytes", Remark: FormattableString.Invariant($"of which {2 * sizeof(float) * batch.Dimension} to begin and end it, and {besides / attempts:F0} a step"));
            yield return new Figure(section, "states on the host", onHost, "bytes", Remark: FormattableString.Invariant($"{batch.Evaluations.Average():F1} evaluations"));
            yield return new Figure(section, "states on the host against the device", onHost / onDevice, "ratio");
        }
    }
}
