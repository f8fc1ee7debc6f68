using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>The network's inputs and outputs bound to tables.</summary>
internal sealed class NetworkBinding : IDisposable
{
    // A binding keeps addresses only: the values must outlive it.
    private readonly List<(string Name, OrtValue Value)> _inputs;
    private readonly List<(string Name, OrtValue Value)> _outputs;

    /// <summary>Of runs that are not captured as a CUDA graph.</summary>
    public const int NoGraph = -1;

    /// <param name="session">The network's session.</param>
    /// <param name="graphId">By which a captured CUDA graph of this binding is known.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="inputsStay">Whether the inputs lie on the device already, at addresses that stay.</param>
    public NetworkBinding(OnnxSession session, int graphId, List<(string Name, OrtValue Value)> inputs, List<(string Name, OrtValue Value)> outputs, bool inputsStay)
    {
        (_inputs, _outputs, InputsStay, GraphId) = (inputs, outputs, inputsStay, graphId.ToString());
        Io = session.Native.CreateIoBinding();
        BindInputs();
        foreach ((string name, OrtValue value) in _outputs)
            Io.BindOutput(name, value);
    }

    public OrtIoBinding Io { get; }

    public bool InputsStay { get; }

    public string GraphId { get; }

    public void BindInputs()
    {
        foreach ((string name, OrtValue value) in _inputs)
            Io.BindInput(name, value);
    }

    public void Dispose()
    {
        Io.Dispose();
        foreach ((_, OrtValue value) in _inputs)
            value.Dispose();
        foreach ((_, OrtValue value) in _outputs)
            value.Dispose();
    }
}
