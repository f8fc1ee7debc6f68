using System.Collections.Concurrent;
using System.Globalization;
using CsCheck;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Robustness;

/// <summary>
/// Adaptive steps are right or say that they are not: random flows of known solution, methods, tolerances and sizes.
/// </summary>
/// <remarks>
/// The long run is the same property with more trials: <c>CsCheck_Iter=200000 FlowRuntime.Tests -method "*right_or_says*" -showLiveOutput</c>, which prints what became of them.
/// </remarks>
public class AdaptiveHonestyTests(ITestOutputHelper output)
{
    private sealed record Tally(string Kind, int Decade)
    {
        private readonly Dictionary<SampleStatus, int> _statuses = [];

        public double Worst { get; private set; }

        public FlowTrial? WorstTrial { get; private set; }

        public double WorstFailed { get; private set; }

        public FlowTrial? WorstFailedTrial { get; private set; }

        public int Of(SampleStatus status) => _statuses.GetValueOrDefault(status);

        public void Add(SampleStatus status, double ratio, FlowTrial trial)
        {
            lock (this)
            {
                _statuses[status] = Of(status) + 1;
                if (status == SampleStatus.Completed && ratio > Worst)
                    (Worst, WorstTrial) = (ratio, trial);
                if (status != SampleStatus.Completed && ratio > WorstFailed)
                    (WorstFailed, WorstFailedTrial) = (ratio, trial);
            }
        }
    }

    [Fact]
    public void A_sample_is_right_or_says_that_it_is_not()
    {
        var tallies = new ConcurrentDictionary<(string, int), Tally>();
        var wrong = new ConcurrentDictionary<string, (int Count, FlowTrial First, string Example)>();
        bool explore = Environment.GetEnvironmentVariable("EXPLORE") == "1";
        FlowTrial.Any.Sample(trial =>
        {
            string? fault = FaultOf(trial, (sample, status, ratio) =>
            {
                int decade = (int)Math.Ceiling(Math.Log10(trial.RelativeTolerance));
                tallies.GetOrAdd((trial.Kind, decade), key => new Tally(key.Item1, key.Item2)).Add(status, ratio, trial);
            });
            if (fault is not null && explore)
            {
                wrong.AddOrUpdate(trial.Kind + ": " + fault.Split(':')[0], (1, trial, fault), (_, old) => (old.Count + 1, old.First, old.Example));
                return;
            }
            if (fault is not null)
                throw new InvalidOperationException($"{fault}: {trial}");
        });
        foreach (var (key, value) in wrong.OrderBy(pair => pair.Key))
            output.WriteLine($"WRONG {value.Count} {value.Example} {value.First}");
        output.WriteLine($"{"kind",-22} {"rtol",-9} {"right",8} {"NonFinite",9} {"OutOfSteps",10} {"TooSmall",9}  error/tolerance: right, failed");
        foreach (Tally tally in tallies.Values.OrderBy(tally => tally.Kind).ThenByDescending(tally => tally.Decade))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{tally.Kind,-22} 1e{tally.Decade,-7} {tally.Of(SampleStatus.Completed),8} {tally.Of(SampleStatus.NonFinite),9} {tally.Of(SampleStatus.OutOfSteps),10} {tally.Of(SampleStatus.StepTooSmall),9}  {tally.Worst,9:G3} {tally.WorstFailed,9:G3}"));
        }
        if (explore)
        {
            foreach (Tally tally in tallies.Values.OrderByDescending(tally => tally.Worst).Take(25))
                output.WriteLine($"{tally.Worst} {tally.WorstTrial}");
            foreach (Tally tally in tallies.Values.OrderByDescending(tally => tally.WorstFailed).Take(12))
                output.WriteLine($"FAILED {tally.WorstFailed} {tally.WorstFailedTrial}");
        }
    }

    /// <summary>What is wrong with a trial, in words; null where nothing is.</summary>
    private static string? FaultOf(FlowTrial trial, Action<int, SampleStatus, double> tell)
    {
        SampleBatch batch = trial.Solve(), among = trial.Solve(broken: 1);
        double start = trial.Start, end = trial.Start + (trial.Reverse ? -1 : 1) * trial.Length;
        for (int i = 0; i < batch.Count; i++)
        {
            bool done = batch.Status[i] == SampleStatus.Completed;
            double ratio = trial.ErrorRatio(batch, i);
            tell(i, batch.Status[i], ratio);
            if (!Solve.SameBits(batch[i], among[2 * i]) || (batch.Status[i], batch.Times[i], batch.Evaluations[i]) != (among.Status[2 * i], among.Times[2 * i], among.Evaluations[2 * i]))
                return $"differs among broken samples: {i}, {(batch.Status[i], batch.Times[i], batch.Evaluations[i], batch.Accepted[i], batch.Rejected[i])} {(among.Status[2 * i], among.Times[2 * i], among.Evaluations[2 * i], among.Accepted[2 * i], among.Rejected[2 * i])} {batch[i][0]:R} {among[2 * i][0]:R}";
            if (among.Status[2 * i + 1] != SampleStatus.NonFinite)
                return $"a broken sample is {among.Status[2 * i + 1]}";
            if (!batch[i].ToArray().All(float.IsFinite))
                return $"state not finite: {i} {batch.Status[i]}";
            if (batch.Evaluations[i] > trial.MostEvaluations || batch.Accepted[i] + batch.Rejected[i] > trial.MaxSteps)
                return $"too many evaluations: {batch.Evaluations[i]}";
            if (done && batch.Times[i] != end)
                return $"completed before the end: {batch.Times[i]}";
            if (!(batch.Times[i] >= Math.Min(start, end) && batch.Times[i] <= Math.Max(start, end)))
                return $"left the interval: {batch.Times[i]}";
            if (done && !trial.ReachesTheEnd(i))
                return $"completed what has no end: {i}, {batch[i][0]}";
            if (!done && trial.Kind is "rest")
                return $"a field at rest fails: {batch.Status[i]} at {batch.Times[i]}";
            if (double.IsNaN(ratio) || ratio > Multiple)
                return $"wrong ({(done ? "completed" : "failed")}): {ratio} times the tolerance, {batch.Status[i]} at {batch.Times[i]}, {batch.Accepted[i]} accepted";
        }
        return null;
    }

    /// <summary>What an error may be, in tolerances.</summary>
    private const double Multiple = 100;
}
