using System.CommandLine;
using FlowRuntime.Paths;
using FlowRuntime.Training;
using FlowRuntime.Training.Metrics;
using FlowRuntime.Training.Onnx;
using FlowRuntime.Ode;

namespace FlowRuntime.TrainTool;

internal static class DemoCommand
{
    public static Command Make()
    {
        var set = new Option<string[]>("--set");
        var c = new Command("demo") { set };
        c.SetAction(async (p, ct) => { Run(p.GetValue(set) ?? []); return 0; });
        return c;
    }
    private static void Run(string[] sets)
    {
        var run = RunConfiguration.For("digits");
        foreach (var s in sets) { var kv = s.Split('='); 
            var keys = kv[0].Split('.'); System.Text.Json.Nodes.JsonNode node = System.Text.Json.Nodes.JsonNode.Parse(kv[1])!;
            foreach (var k in keys.Reverse()) node = new System.Text.Json.Nodes.JsonObject { [k] = node };
            run = run.With((System.Text.Json.Nodes.JsonObject)node, "--set"); }
        var split = run.LoadData();
        var network = run.MakeNetwork(split.Train);
        Console.WriteLine($"params {network.ParameterCount} train {split.Train.Count}");
        var sw = System.Diagnostics.Stopwatch.StartNew();
        Trainer.Train(network, split.Train, new ConditionalOtPath(run.SigmaMin), run.Training, pr => { if (pr.Step % 1000 == 0) Console.WriteLine($"{pr.Step} {pr.Loss:F4} {pr.StepsPerSecond:F0}/s"); });
        Console.WriteLine($"trained {sw.Elapsed.TotalSeconds:F1}s");
        Directory.CreateDirectory($"/tmp/exp/{Environment.ProcessId}");
        var par = OnnxExporter.Export(network, ModelCards.Of(run, split.Train), $"/tmp/exp/{Environment.ProcessId}/model.onnx");
        Console.WriteLine(par);
        using var model = FlowModel.Open($"/tmp/exp/{Environment.ProcessId}/model.onnx");
        float[] train = split.Train.InDataUnits(), held = split.HeldOut.InDataUnits();
        var nn = new NearestNeighbours(train, 64);
        double thr = nn.NearestDistancesWithin().Order().ElementAt(train.Length / 128);
        double heldShare = nn.NearestDistances(held).Average(d => d < thr ? 1.0 : 0);
        double heldAcc = nn.Classify(held, split.Train.Labels!).Zip(split.HeldOut.Labels!, (a, b) => a == b ? 1.0 : 0).Average();
        var all = FlowRuntime.Training.Data.Digits.Load().InDataUnits();
        int n = split.HeldOut.Count;
        double floor = Enumerable.Range(1, 10).Average(s => { var o = FlowRuntime.Training.Data.DataSplit.Shuffle(1797, (ulong)s); float[] G(int a) => o[a..(a + n)].SelectMany(i => all[(i * 64)..(i * 64 + 64)]).ToArray(); return EnergyDistance.Between(G(0), G(n), 64); });
        double[] real = ClassSpread.Of(train, split.Train.Labels!, 10, 64);
        Console.WriteLine($"heldAcc {heldAcc:F4} heldShare {heldShare:F3} floor {floor:F5}");
        foreach (double tol in new[] { 1e-2, 1e-3, 1e-4 })
        foreach (double w in new[] { 1.0, 1.5, 2 })
        {
            var so = new SamplingOptions { Seed = 1, Labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], Guidance = w, Solver = new AdaptiveSteps { RelativeTolerance = tol, AbsoluteTolerance = tol } };
            var b = model.Sample(1000, so);
            int[] labels = Enumerable.Range(0, 1000).Select(i => i % 10).ToArray();
            double acc = nn.Classify(b.Values, split.Train.Labels!).Zip(labels, (x, y) => x == y ? 1.0 : 0).Average();
            double share = nn.NearestDistances(b.Values).Average(d => d < thr ? 1.0 : 0);
            var h = model.Sample(n, so with { Labels = split.HeldOut.Labels!, Seed = 2 });
            double ed = EnergyDistance.Between(h.Values, held, 64);
            double[] sp = ClassSpread.Of(b.Values, labels, 10, 64);
            var ratios = sp.Zip(real, (g, r) => g / r).ToArray();
            Console.WriteLine($"tol {tol} w {w}: acc {acc:F4} share {share:F3} ed {ed:F5} ({ed / floor:F2}x) spread {ratios.Min():F2}-{ratios.Max():F2} nfe {b.Evaluations.Average():F1} {1000 / b.Statistics.Elapsed.TotalSeconds:F0}/s");
        }
    }
}
