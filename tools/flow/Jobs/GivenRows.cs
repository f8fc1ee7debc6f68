using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Input;

namespace FlowRuntime.Tool.Jobs;

/// <summary>Solves the rows of a part.</summary>
/// <param name="values">The rows, one behind another.</param>
/// <param name="options">The options, with the index of the first of them.</param>
internal delegate SampleBatch SolvePart(ReadOnlySpan<float> values, SamplingOptions options);

/// <summary>Work on rows that are given: it goes through them in parts, so that memory does not grow with their number and little is lost where it is killed.</summary>
internal static class GivenRows
{
    /// <summary>Rows of a part for each slot: at its end slots stand empty.</summary>
    private const int PerSlot = 8;

    /// <summary>Which rows of the data are worked on.</summary>
    /// <param name="data">The data.</param>
    /// <param name="count">How many, as it is given; null for all from the first on.</param>
    /// <param name="first">The first of them.</param>
    /// <param name="shard">The part of the job.</param>
    /// <exception cref="ArgumentException">The data have not so many.</exception>
    public static RowRange Range(DataRows data, long? count, long first, Shard? shard)
    {
        if (first >= data.Count)
            throw new ArgumentException($"--first: {data.Path} has {data.Count} rows, 0 to {data.Count - 1}.");
        if (count is { } asked && asked > data.Count - first)
            throw new ArgumentException($"--count: {data.Path} has {data.Count - first} rows from row {first} on.");
        return RowRange.Of(count ?? data.Count - first, first, shard);
    }

    /// <summary>Number of rows of a part.</summary>
    public static int PartOf(FlowModel model, SamplingOptions options)
    {
        SolveLayout layout = model.LayoutOf(int.MaxValue, options);
        return layout.Workers * layout.Slots * PerSlot;
    }

    /// <summary>Draws the rows that come of given ones, one for one.</summary>
    public static DrawRange InParts(FlowModel model, DataRows data, SamplingOptions options, SolvePart solve) => (index, count, consumer, progress) =>
    {
        int most = (int)Math.Min(count, PartOf(model, options));
        float[] values = new float[(long)most * data.Length];
        for (long done = 0; done < count;)
        {
            int here = (int)Math.Min(most, count - done);
            Span<float> rows = values.AsSpan(0, here * data.Length);
            data.Read(index + done, rows);
            Hand(solve(rows, options with { First = index + done }), 0, here, consumer);
            done += here;
            progress?.Report(new SamplingProgress(done, count));
        }
    };

    /// <summary>Hands the rows of a batch out.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="from">The first that is handed out.</param>
    /// <param name="count">How many.</param>
    /// <param name="consumer">Takes them.</param>
    public static void Hand(SampleBatch batch, int from, int count, SampleConsumer consumer)
    {
        int states = batch.TrajectoryTimes.Count * batch.Dimension;
        for (int i = from; i < from + count; i++)
        {
            consumer(new FinishedSample
            {
                Index = batch.First + i,
                Status = batch.Status[i],
                Time = batch.Times[i],
                Evaluations = batch.Evaluations[i],
                Accepted = batch.Accepted[i],
                Rejected = batch.Rejected[i],
                State = batch[i],
                Trajectory = batch.Trajectories.AsSpan(i * states, states),
            });
        }
    }
}
