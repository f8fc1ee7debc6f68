using System.Diagnostics;
using System.Runtime.InteropServices;
using FlowRuntime.Fields;

namespace FlowRuntime.Onnx;

/// <summary>
/// The same network with all processors inside each call, for solves of fewer samples than there are processors: opened when one is asked
/// for, and used where calls are long, it is faster and gives the same bits for a trial row.
/// </summary>
/// <param name="field">The network with one thread a call.</param>
/// <param name="processors">The threads inside a call.</param>
/// <param name="open">Opens it with a number of threads a call; null where it cannot.</param>
internal sealed class ThreadedField(IVelocityField field, int processors, Func<int, (OnnxSession Session, IVelocityField Field)> open) : IDisposable
{
    /// <summary>Calls shorter than this are not worth waking threads for.</summary>
    private static readonly TimeSpan ShortCall = TimeSpan.FromMilliseconds(0.2);

    private readonly Lock _lock = new();
    private bool _tried;
    private OnnxSession? _session;
    private IVelocityField? _threaded;

    /// <summary>The field to solve so many samples with.</summary>
    public IVelocityField For(long count)
    {
        if (count >= processors)
            return field;
        lock (_lock)
        {
            if (!_tried)
            {
                _tried = true;
                Try();
            }
            return _threaded ?? field;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _tried = true; // nothing is opened any more
            _session?.Dispose();
        }
    }

    private void Try()
    {
        (TimeSpan alone, float[] expected) = Trial(field);
        if (alone < ShortCall)
            return;
        (OnnxSession session, IVelocityField threaded) = open(processors);
        (TimeSpan together, float[] actual) = Trial(threaded);
        if (together < alone && MemoryMarshal.AsBytes<float>(expected).SequenceEqual(MemoryMarshal.AsBytes<float>(actual)))
            (_session, _threaded) = (session, threaded);
        else
            session.Dispose();
    }

    /// <summary>The time of the quickest of three calls with one row, and what they give.</summary>
    private static (TimeSpan Time, float[] Velocity) Trial(IVelocityField field)
    {
        var buffers = new EvaluationBuffers(1, field.Dimension, outputs: 1);
        using IVelocityEvaluator evaluator = field.CreateEvaluator(buffers);
        Sampling.Noise.Fill(seed: 0, index: 0, buffers.States[0]);
        buffers.Times[0] = 0.5;
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            long started = Stopwatch.GetTimestamp();
            evaluator.Evaluate(0, 1, output: 0);
            TimeSpan time = Stopwatch.GetElapsedTime(started);
            best = time < best ? time : best;
        }
        return (best, buffers.Velocities[0][0].ToArray());
    }
}
