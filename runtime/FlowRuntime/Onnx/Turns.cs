namespace FlowRuntime.Onnx;

/// <summary>Lets no more callers in at once than a bound; the others wait for their turn.</summary>
/// <param name="most">The bound; null for none.</param>
internal sealed class Turns(int? most)
{
    private readonly SemaphoreSlim? _free = most is { } count ? new SemaphoreSlim(count) : null;

    /// <summary>Waits for a turn; to be followed by one <see cref="Leave"/>.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled before it came.</exception>
    public void Enter(CancellationToken cancellationToken) => _free?.Wait(cancellationToken);

    /// <summary>Ends a turn.</summary>
    public void Leave() => _free?.Release();
}
