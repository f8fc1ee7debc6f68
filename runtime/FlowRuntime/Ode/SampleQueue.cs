using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>Hands sample indices out to the workers and takes their results in; safe under concurrent use.</summary>
internal sealed class SampleQueue(SampleBatch batch, IProgress<SamplingProgress>? progress)
{
    private int _taken;
    private int _finished;

    /// <summary>Takes the next sample; false when all are taken.</summary>
    public bool TryTake(out long index)
    {
        int next = Interlocked.Increment(ref _taken) - 1;
        index = batch.First + next;
        if (next < batch.Count)
            return true;
        Interlocked.Decrement(ref _taken); // so that asking again and again never overflows
        return false;
    }

    /// <summary>Stores what became of a sample.</summary>
    public void Finish(in Slot slot, SampleStatus status, ReadOnlySpan<float> state)
    {
        int i = (int)(slot.Index - batch.First);
        state.CopyTo(batch[i]);
        batch.Status[i] = status;
        batch.Times[i] = slot.Time;
        batch.Evaluations[i] = slot.Evaluations;
        batch.Accepted[i] = slot.Accepted;
        batch.Rejected[i] = slot.Rejected;
    }

    /// <summary>Reports progress after a step in which <paramref name="finished"/> samples ended.</summary>
    public void Report(int finished) =>
        progress?.Report(new SamplingProgress(Interlocked.Add(ref _finished, finished), batch.Count));
}
