using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>A disposed model says so, also to a solve that is under way in another thread; ONNX Runtime alone would end the process.</summary>
public class DisposalTests
{
    /// <summary>Takes many seconds.</summary>
    private static readonly SamplingOptions Long = new() { Solver = new FixedSteps(ButcherTableau.RungeKutta4, 100_000), Workers = 2 };

    [Fact]
    public void A_disposed_model_refuses_to_sample_and_to_evaluate()
    {
        FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        model.Dispose();
        model.Dispose();
        Assert.Contains("moons.onnx", Assert.Throws<ObjectDisposedException>(() => model.Sample(1)).Message);
        Assert.Throws<ObjectDisposedException>(() => model.Field.CreateEvaluator(new EvaluationBuffers(1, 2, outputs: 1)));
        Assert.Throws<ObjectDisposedException>(() => OdeSolver.Solve(Solve.Problem(model.Field, new AdaptiveSteps(), count: 10, workers: 3)));
    }

    [Fact]
    public void An_evaluator_outlives_its_model_and_then_refuses_to_evaluate()
    {
        FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        IVelocityEvaluator evaluator = model.Field.CreateEvaluator(new EvaluationBuffers(4, 2, outputs: 1));
        evaluator.Evaluate(0, 4, output: 0);
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => evaluator.Evaluate(0, 4, output: 0));
        evaluator.Dispose();
    }

    [Theory]
    [InlineData("digits.onnx")]
    [InlineData("moons.onnx")]
    public void A_model_disposed_in_mid_solve_ends_the_solve_in_its_own_thread(string name)
    {
        FlowModel model = FlowModel.Open(Repository.Model(name));
        using var underWay = new ManualResetEventSlim();
        var field = new RecordingField(model.Field)
        {
            OnCall = call =>
            {
                if (call == 20)
                    underWay.Set();
            },
        };
        Exception? ended = null;
        var solver = new Thread(() => ended = Record.Exception(() => OdeSolver.Solve(Solve.Problem(field, Long.Solver!, count: 8, slots: 4, workers: 2))));
        solver.Start();
        underWay.Wait(TestContext.Current.CancellationToken);
        model.Dispose();
        solver.Join();
        Assert.IsType<ObjectDisposedException>(ended);
    }

    [Fact]
    public void Many_models_disposed_at_any_moment_never_end_the_process()
    {
        for (int i = 0; i < 20; i++)
        {
            FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
            Exception? ended = null;
            var solver = new Thread(() => ended = Record.Exception(() => model.Sample(8, Long)));
            solver.Start();
            Thread.SpinWait(i * 20_000);
            model.Dispose();
            solver.Join();
            Assert.IsType<ObjectDisposedException>(ended);
        }
    }

    [Fact]
    public void A_solve_of_a_network_that_is_cancelled_ends()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        Assert.ThrowsAny<OperationCanceledException>(() => model.Sample(8, Long, cancellationToken: source.Token));
        Assert.Equal(0, model.Sample(2).Failed); // the model is as good as before
    }

    [Fact]
    public void Progress_of_a_network_ends_at_the_total()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        long most = 0;
        model.Sample(50, new SamplingOptions { Slots = 7, Workers = 1 }, new Reports(report => most = Math.Max(most, report.Finished)));
        Assert.Equal(50, most);
    }

    private sealed class Reports(Action<SamplingProgress> take) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => take(value);
    }
}
