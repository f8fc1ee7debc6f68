using FlowRuntime.Training.Objectives;

namespace FlowRuntime.Training;

/// <summary>The batches of a training in their order, drawn on other threads some ahead; what they hold does not depend on it.</summary>
/// <param name="objective">Draws them.</param>
/// <param name="rows">Rows of a batch.</param>
/// <param name="first">The first batch's number.</param>
/// <param name="last">The last one's; null where it is not known.</param>
internal sealed class BatchesAhead(ConditionalFlowMatching objective, int rows, long first, long? last)
{
    private const int LeastAhead = 4;

    private readonly int _most = Math.Max(LeastAhead, 2 * objective.Options.CouplingBatches); // the next block is paired while one is trained on
    private readonly Queue<Task<TrainingBatch>> _ahead = new();
    private long _next = first;

    /// <summary>The next batch.</summary>
    public TrainingBatch Take()
    {
        while (_ahead.Count < _most && (last is null || _next <= last))
        {
            long drawn = _next++;
            _ahead.Enqueue(Task.Run(() => objective.Draw(drawn, rows)));
        }
        return _ahead.Dequeue().GetAwaiter().GetResult();
    }
}
