using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tool.Verbs;

/// <summary>Checks one execution provider on a model: what the library promises, held against the CPU where it must be the same.</summary>
internal static class SelfTest
{
    private const int Samples = 64;

    /// <summary>How far a sample may be from the CPU's, as a share of the samples' spread: other processors round otherwise.</summary>
    private const double Tolerance = 1e-2;

    private static readonly SamplingOptions Options = new() { Seed = 1, Solver = new FixedSteps(ButcherTableau.Midpoint, 20) };

    public static IEnumerable<SelfTestResult> Run(string path, string provider, CancellationToken cancellationToken)
    {
        var opening = new FlowModelOptions { Provider = provider, RequireProvider = true };
        using FlowModel cpu = FlowModel.Open(path, new FlowModelOptions { Provider = "cpu" }), model = FlowModel.Open(path, opening);
        SamplingOptions options = Options with { Labels = [.. Enumerable.Range(0, model.Card.Conditions?.Classes?.Names.Count ?? 0)] };
        float[] expected = cpu.Sample(Samples, options, cancellationToken: cancellationToken).EnsureSuccess().Values;
        yield return Check("samples are the CPU's", () =>
        {
            double difference = Difference(expected, model.Sample(Samples, options, cancellationToken: cancellationToken).EnsureSuccess().Values);
            return (difference <= Tolerance, FormattableString.Invariant($"largest difference {difference:G2} of their spread"));
        });
        yield return Check("a sample is the same alone and among others, bit for bit", () =>
        {
            SampleBatch all = model.Sample(Samples, options, cancellationToken: cancellationToken);
            int equal = Enumerable.Range(0, 8).Count(i => model.Sample(1, options with { First = i * 7 }, cancellationToken: cancellationToken).Values.AsSpan().SequenceEqual(all[i * 7]));
            return (equal == 8, $"{equal} of 8");
        });
        yield return Check("samples of eight threads at once are those of one", () =>
        {
            float[] one = model.Sample(Samples, options, cancellationToken: cancellationToken).Values;
            int equal = 0;
            Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, _ =>
            {
                if (model.Sample(Samples, options, cancellationToken: cancellationToken).Values.AsSpan().SequenceEqual(one))
                    Interlocked.Increment(ref equal);
            });
            return (equal == 8, $"{equal} of 8");
        });
        yield return Check("a solve is cancelled", () =>
        {
            using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            try
            {
                model.Stream(long.MaxValue / 2, (in FinishedSample _) => source.Cancel(), options, cancellationToken: source.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return (true, "ended");
            }
            return (false, "it went on");
        });
        yield return Check("a model closed in mid-solve ends it", () =>
        {
            FlowModel closed = FlowModel.Open(path, opening);
            try
            {
                closed.Stream(long.MaxValue / 2, (in FinishedSample _) => closed.Dispose(), options, cancellationToken: cancellationToken);
            }
            catch (ObjectDisposedException)
            {
                return (true, "ended");
            }
            return (false, "it went on");
        });

        SelfTestResult Check(string check, Func<(bool Passed, string Found)> run)
        {
            try
            {
                (bool passed, string found) = run();
                return new SelfTestResult(provider, check, passed, found);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return new SelfTestResult(provider, check, false, e.Message.Split('\n')[0]);
            }
        }
    }

    private static double Difference(float[] expected, float[] actual)
    {
        double mean = expected.Average(value => (double)value), spread = Math.Sqrt(expected.Average(value => (value - mean) * (value - mean)));
        return expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max() / spread;
    }
}
