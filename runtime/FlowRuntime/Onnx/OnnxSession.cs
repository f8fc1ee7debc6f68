using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>
/// An ONNX Runtime session that may be disposed at any time. The native session ends the process when it is used after
/// its end, so it lives until the last evaluator that holds it is gone; what they ask after <see cref="Dispose"/> throws.
/// </summary>
internal sealed class OnnxSession(InferenceSession session, string name) : IDisposable
{
    private readonly Lock _lock = new();
    private int _holders = 1; // the owner
    private volatile bool _disposed;

    /// <summary>The native session; only for who holds it.</summary>
    public InferenceSession Native => session;

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
