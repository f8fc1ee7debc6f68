using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>Lets a cancelled token end the network's call that is under way, between two of its nodes.</summary>
/// <remarks>
/// What was told to end stays so: options of a run that was ended end every later one. So each caller has its own, and new ones for a new token. The token is asked to call
/// once, not at every run, as a solve has one token for all its calls.
/// </remarks>
internal sealed class CallInterrupt : IDisposable
{
    private RunOptions _run = new();
    private CancellationTokenRegistration _registration;

    /// <summary>The options of a run that ends when the token is cancelled.</summary>
    public RunOptions By(CancellationToken cancellationToken)
    {
        if (_registration.Token == cancellationToken)
            return _run;
        _registration.Dispose();
        if (_run.Terminate)
        {
            _run.Dispose();
            _run = new RunOptions();
        }
        _registration = cancellationToken.UnsafeRegister(static run => ((RunOptions)run!).Terminate = true, _run);
        return _run;
    }

    public void Dispose()
    {
        _registration.Dispose(); // waits for a call of the token that is under way
        _run.Dispose();
    }
}
