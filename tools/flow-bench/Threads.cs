using System.Runtime.InteropServices;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Bench;

/// <summary>Several workers with one thread a call, against one worker whose calls have several threads.</summary>
internal static class Threads
{
    public static IEnumerable<Figure> Run()
    {
        int processors = Environment.ProcessorCount;
        string section = $"{processors} workers with one thread a call, and one worker with {processors} threads a call";
        string folder = Directory.CreateTempSubdirectory("flow-bench").FullName;
        try
        {
            foreach ((string name, string path, int[] counts) in new[]
            {
                ("moons.onnx", Path.Combine(AppContext.BaseDirectory, "Models", "moons.onnx"), [1, 2, 16, 4096]),
                ("digits.onnx", Path.Combine(AppContext.BaseDirectory, "Models", "digits.onnx"), [1, 2, 16, 1024]),
                ("conv net 3×32×32", BenchNetworks.Conv(folder), new[] { 1, 2, 16 }),
            })
            {
                using FlowModel one = FlowModel.Open(path, new FlowModelOptions { Provider = "cpu", Threads = 1 });
                using FlowModel many = FlowModel.Open(path, new FlowModelOptions { Provider = "cpu", Threads = processors });
                foreach (int count in counts)
                {
                    SampleBatch Draw(FlowModel model, int workers) => model.Sample(count, new SamplingOptions { Workers = workers, Solver = new FixedSteps(ButcherTableau.RungeKutta4, 10) });
                    (double byWorkers, double byThreads) = Measure.Medians(9, () => Measure.Wall(() => Draw(one, processors)), () => Measure.Wall(() => Draw(many, 1)));
                    bool same = MemoryMarshal.AsBytes<float>(Draw(one, processors).Values).SequenceEqual(MemoryMarshal.AsBytes<float>(Draw(many, 1).Values));
                    yield return new Figure(section, $"{name}, {count} samples: time by workers / by threads", byWorkers / byThreads, "ratio",
                        Remark: FormattableString.Invariant($"{byWorkers * 1e3:F2} and {byThreads * 1e3:F2} ms; {(same ? "the same bits" : "OTHER BITS")}"));
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
