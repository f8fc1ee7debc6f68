using System.Diagnostics;
using System.Runtime.InteropServices;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Bench;

/// <summary>A million samples of the moons streamed to a file: speed, memory, and how many of the rows evaluated were useful.</summary>
internal static class StreamedSamples
{
    public static IEnumerable<Figure> Run()
    {
        string file = Path.Combine(Path.GetTempPath(), $"flow-bench-{Environment.ProcessId}.f32");
        try
        {
            foreach (int count in new[] { 1_000, 1_000_000 })
            {
                string section = $"{count:N0} samples of moons.onnx streamed to a file";
                double before = PeakMegabytes();
                using FlowModel model = FlowModel.Open(Path.Combine(AppContext.BaseDirectory, "Models", "moons.onnx"));
                model.Stream(1000, static (in FinishedSample _) => { }); // what is loaded and compiled at the first use
                SamplingStatistics statistics;
                using (FileStream stream = new(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
                    statistics = model.Stream(count, (in FinishedSample sample) => stream.Write(MemoryMarshal.AsBytes<float>(sample.State)), new SamplingOptions { Seed = 1 }, SampleOrder.Index);
                yield return new Figure(section, "samples a second", count / statistics.Elapsed.TotalSeconds, "samples/s", Remark: $"{(double)statistics.Evaluations / count:F1} evaluations each by {model.Defaults.Solver!.MethodName}, file of {new FileInfo(file).Length:N0} bytes");
                yield return new Figure(section, "peak memory of the process", PeakMegabytes(), "MB", Remark: $"{before:F0} MB before");
                yield return new Figure(section, "useful share of the rows evaluated", Useful(model, Math.Min(count, 100_000)), "share", Remark: "the rest is padding up to a call's size");
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static double Useful(FlowModel model, int count)
    {
        var counted = new CountedRows(model.Field);
        SampleBatch batch = OdeSolver.Solve(new OdeProblem
        {
            Field = counted,
            InitialState = static (index, state) => Noise.Fill(seed: 1, index, state),
            Count = count,
            Solver = model.Defaults.Solver!,
            Path = new Paths.ConditionalOtPath(),
        });
        return (double)batch.Statistics.Evaluations / counted.Padded;
    }

    private static double PeakMegabytes()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 / 1e6;
    }
}
