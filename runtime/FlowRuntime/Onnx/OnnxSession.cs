using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>
/// An ONNX Runtime session that may be disposed at any time. The native session ends the process when it is used after
/// its end, so it lives until the last evaluator that holds it is gone; what they ask after <see cref="Dispose"/> throws.
/// </summary>
/// <param name="session">The native session.</param>
/// <param name="name">The model's file, for messages.</param>
/// <param name="copiesBoundInputs">Whether inputs are copied when they are bound, as providers on a device do; the CPU
/// reads them where they lie.</param>
internal sealed class OnnxSession(InferenceSession session, string name, bool copiesBoundInputs) : IDisposable
{
    private readonly Lock _lock = new();
    private int _holders = 1; // the owner
    private volatile bool _disposed;

    /// <summary>The native session; only for who holds it.</summary>
    public InferenceSession Native => session;

    /// <summary>The model's file.</summary>
    public string Name => name;

    /// <summary>Whether inputs must be bound anew for every call.</summary>
    public bool CopiesBoundInputs => copiesBoundInputs;

    /// <summary>Holds the native session; to be followed by one <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Hold()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            _holders++;
        }
    }

    /// <summary>Lets the native session go.</summary>
    public void Release()
    {
        lock (_lock)
        {
            if (--_holders > 0)
                return;
        }
        session.Dispose();
    }

    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void ThrowIfDisposed()
    {
        if (_disposed)
            throw new ObjectDisposedException(nameof(FlowModel), $"The model {name} was disposed.");
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
        }
        Release();
    }
}
