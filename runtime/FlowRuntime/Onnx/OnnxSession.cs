using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>
/// An ONNX Runtime session that may be disposed at any time. The native session ends the process when it is used after
/// its end, so it lives until the last evaluator that holds it is gone; what they ask after <see cref="Dispose"/> throws.
/// </summary>
/// <param name="session">The native session.</param>
/// <param name="name">The model's file, for messages.</param>
/// <param name="provider">What it runs on.</param>
/// <param name="capturesGraphs">Whether runs are captured as CUDA graphs, each by its number.</param>
internal sealed class OnnxSession(InferenceSession session, string name, ExecutionProvider provider, bool capturesGraphs = false) : IDisposable
{
    private readonly Holders _holders = new(session.Dispose);
    private readonly Turns _runs = new(provider.OneRunAtATime ? 1 : null);
    private int _disposed;

    /// <summary>The native session; only for who holds it.</summary>
    public InferenceSession Native => session;

    /// <summary>The model's file.</summary>
    public string Name => name;

    /// <summary>What it runs on.</summary>
    public ExecutionProvider Provider => provider;

    /// <summary>Whether inputs must be bound anew for every call.</summary>
    public bool CopiesBoundInputs => provider.CopiesBoundInputs;

    /// <summary>Whether runs are captured as CUDA graphs.</summary>
    public bool CapturesGraphs => capturesGraphs;

    /// <summary>Waits until the network may be called; to be followed by one <see cref="LeaveRun"/>.</summary>
    public void EnterRun(CancellationToken cancellationToken) => _runs.Enter(cancellationToken);

    /// <summary>The call of the network has ended.</summary>
    public void LeaveRun() => _runs.Leave();

    /// <summary>Holds the native session; to be followed by one <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Hold()
    {
        ThrowIfDisposed();
        if (!_holders.TryHold())
            throw Disposed();
    }

    /// <summary>Lets the native session go.</summary>
    public void Release() => _holders.Release();

    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void ThrowIfDisposed()
    {
        if (Volatile.Read(ref _disposed) != 0)
            throw Disposed();
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _holders.Release();
    }

    private ObjectDisposedException Disposed() => new(nameof(FlowModel), $"The model {name} was disposed.");
}
