namespace FlowRuntime.Onnx;

/// <summary>Counts who holds something native, which lives until the last one lets it go: used after its end it would end the process.</summary>
/// <param name="end">Ends it; called once.</param>
internal sealed class Holders(Action end)
{
    private readonly Lock _lock = new();
    private int _count = 1; // the owner

    /// <summary>Holds it; to be followed by one <see cref="Release"/>.</summary>
    /// <returns>Whether it is still there; otherwise nothing is held.</returns>
    public bool TryHold()
    {
        lock (_lock)
        {
            if (_count == 0)
                return false;
            _count++;
            return true;
        }
    }

    /// <summary>Lets it go.</summary>
    public void Release()
    {
        lock (_lock)
        {
            if (--_count > 0)
                return;
        }
        end();
    }
}
