using System.Collections.Concurrent;
using System.Globalization;
using CsCheck;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Robustness;

/// <summary>
/// Adaptive steps are right or say that they are not: random flows of known solution, methods, tolerances and sizes.
/// </summary>
/// <remarks>
/// The long run is the same property with more trials, and prints what became of them: <c>CsCheck_Iter=20000 FlowRuntime.Tests -class "*AdaptiveHonestyTests" -showLiveOutput</c>.
/// </remarks>
public class AdaptiveHonestyTests(ITestOutputHelper output)
{
    /// <summary>
    /// What an error may be, in tolerances, over the growth of errors by the flow and besides the rounding of each step. The worst of 12,000 trials was 101, of a velocity that jumps, and 8 of
    /// one that does not.
    /// </summary>
    private const double Multiple = 300;

    [Fact]
    public void A_sample_is_right_or_says_that_it_is_not()
    {
        var tallies = new ConcurrentDictionary<(string Kind, int Decade), Tally>();
        FlowTrial.Any.Sample(trial =>
        {
            string? fault = FaultOf(trial, (status, ratio) =>
                tallies.GetOrAdd((trial.Kind + (trial.IsSeen && trial.IsLinear ? "" : ", not held"), (int)Math.Ceiling(Math.Log10(trial.RelativeTolerance))), _ => new Tally()).Add(status, ratio));
            if (fault is not null)
                throw new InvalidOperationException($"{fault}: {trial}");
        });
        output.WriteLine("kind                              rtol      right  NonFinite  OutOfSteps  StepTooSmall  worst error in tolerances: of the right, of those given up");
        foreach (var ((kind, decade), tally) in tallies.OrderBy(pair => pair.Key.Kind).ThenByDescending(pair => pair.Key.Decade))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind,-32} 1e{decade,-5} {tally}"));
    }

    /// <summary>What is wrong with a trial, in words; null where nothing is.</summary>
    private static string? FaultOf(FlowTrial trial, Action<SampleStatus, double> tell)
    {
        SampleBatch batch = trial.Solve(), among = trial.SolveAmongBroken();
        for (int i = 0; i < batch.Count; i++)
        {
            bool done = batch.Status[i] == SampleStatus.Completed;
            double ratio = trial.IsNearTheEndOfItsSolution(batch, i) ? 0 : trial.ErrorRatio(batch, i);
            tell(batch.Status[i], ratio);
            string outcome = FormattableString.Invariant($"sample {i} is {batch.Status[i]} at {batch.Times[i]} after {batch.Accepted[i]} + {batch.Rejected[i]} steps, {ratio} tolerances from the solution");
            if (!Solve.SameBits(batch[i], among[2 * i]) || (batch.Status[i], batch.Times[i], batch.Evaluations[i]) != (among.Status[2 * i], among.Times[2 * i], among.Evaluations[2 * i]))
                return $"{outcome}, and another among broken samples";
            if (among.Status[2 * i + 1] != SampleStatus.NonFinite)
                return $"a broken sample is {among.Status[2 * i + 1]}";
            if (!batch[i].ToArray().All(float.IsFinite))
                return $"{outcome}, with a state that is not finite";
            if (batch.Evaluations[i] > trial.MostEvaluations || batch.Accepted[i] + batch.Rejected[i] > trial.MaxSteps)
                return $"{outcome}, beyond the bound of {trial.MaxSteps} steps";
            if (done ? batch.Times[i] != trial.End : !trial.Contains(batch.Times[i]))
                return $"{outcome}, a time that is not its own";
            if (done && !trial.MayReachTheEnd(i))
                return $"{outcome}, which its solution does not reach";
            if (!done && trial.Kind == "rest")
                return $"{outcome}, although nothing moves";
            if (double.IsNaN(ratio) || (ratio > Multiple && trial.IsSeen && trial.IsLinear))
                return outcome;
        }
        return null;
    }

    /// <summary>What became of the samples of a kind and tolerance.</summary>
    private sealed class Tally
    {
        private readonly Lock _gate = new();
        private readonly int[] _counts = new int[Enum.GetValues<SampleStatus>().Length];
        private double _worstRight;
        private double _worstGivenUp;

        public void Add(SampleStatus status, double ratio)
        {
            lock (_gate)
            {
                _counts[(int)status]++;
                if (status == SampleStatus.Completed)
                    _worstRight = Math.Max(_worstRight, ratio);
                else
                    _worstGivenUp = Math.Max(_worstGivenUp, ratio);
            }
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{_counts[(int)SampleStatus.Completed],8} {_counts[(int)SampleStatus.NonFinite],10} {_counts[(int)SampleStatus.OutOfSteps],11} {_counts[(int)SampleStatus.StepTooSmall],13}  {_worstRight:G3}, {_worstGivenUp:G3}");
    }
}
