using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Bench;

/// <summary>The engine's arithmetic piece by piece, by BenchmarkDotNet, for points in the plane and for images.</summary>
[MemoryDiagnoser]
public class MicroParts
{
    private RowBuffer _x = null!;
    private RowBuffer _next = null!;
    private RowBuffer _scratch = null!;
    private RowBuffer[] _stages = [];
    private RowSteps _h = null!;
    private RowControllers _controllers = null!;
    private double[] _squares = [];

    /// <summary>Rows × width.</summary>
    [Params("4096x2", "16x3072")]
    public string Shape { get; set; } = "";

    private int Rows { get; set; }

    public static void Run() => BenchmarkRunner.Run<MicroParts>(ManualConfig.Create(DefaultConfig.Instance)
        .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)));

    [GlobalSetup]
    public void SetUp()
    {
        Rows = int.Parse(Shape.Split('x')[0], System.Globalization.CultureInfo.InvariantCulture);
        int width = int.Parse(Shape.Split('x')[1], System.Globalization.CultureInfo.InvariantCulture);
        RowBuffer Random(uint stream)
        {
            var buffer = new RowBuffer(Rows, width);
            Noise.Fill(seed: 1, index: 0, buffer.Memory.Span, stream);
            return buffer;
        }
        (_x, _next, _scratch) = (Random(1), Random(2), new RowBuffer(Rows, width));
        _stages = [.. Enumerable.Range(3, 7).Select(stream => Random((uint)stream))];
        _h = new RowSteps(Rows, width);
        _h.Fill(0.01f);
        _controllers = new RowControllers(StepController.PI, 5, Rows);
        _controllers.Begin(0, Rows);
        _squares = new double[RowControllers.Padded(Rows)];
        Array.Fill(_squares, 0.25);
    }

    [Benchmark(Description = "last stage of dopri5: x + h Σ a k")]
    public void Combine() => RowArithmetic.Combine(_next, _x, _h, _stages, ButcherTableau.Dopri5.A(6), 0, Rows);

    [Benchmark(Description = "scaled errors")]
    public void Errors() => RowArithmetic.SquaredScaledError(_scratch, _x, _next, _h, _stages, ButcherTableau.Dopri5.ErrorWeights, 1e-3, 1e-3, Rows, _squares);

    [Benchmark(Description = "step controllers")]
    public void Controllers() => _controllers.Judge(_squares, Rows);

    [Benchmark(Description = "steps of all rows")]
    public void Steps() => _h.Set(0, _squares.AsSpan(0, Rows), 1);

    [Benchmark(Description = "noise of one row")]
    public void Draw() => Noise.Fill(seed: 1, index: 7, _scratch[0]);
}
