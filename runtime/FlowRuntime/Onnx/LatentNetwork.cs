using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>A decoder or an encoder of a latent model: one input, one output, run for one sample at a time. Safe under concurrent use.</summary>
internal sealed class LatentNetwork : IDisposable
{
    private readonly OnnxSession _session;

    private LatentNetwork(string path, OnnxSession session, NetworkValue input, NetworkValue output) => (Path, _session, Input, Output) = (path, session, input, output);

    /// <summary>The network's file.</summary>
    public string Path { get; }

    /// <summary>What goes in.</summary>
    public NetworkValue Input { get; }

    /// <summary>What comes out.</summary>
    public NetworkValue Output { get; }

    /// <summary>Shape of what comes out for one sample.</summary>
    public IReadOnlyList<int> OutputShape => [.. Output.Shape.Skip(1).Select(size => (int)size)];

    /// <summary>Number of values that come out for one sample.</summary>
    public int OutputLength => Output.Width;

    /// <summary>Opens a network and learns the shape of its output from a trial call.</summary>
    /// <param name="path">The file.</param>
    /// <param name="field">The card's field that names it, for messages.</param>
    /// <param name="options">Provider and threads, as the model's.</param>
    /// <param name="inputShape">Shape of one sample that goes in.</param>
    /// <exception cref="InvalidDataException">The file is missing, no ONNX model, or does not take such a sample.</exception>
    public static LatentNetwork Open(string path, string field, FlowModelOptions options, IReadOnlyList<int> inputShape)
    {
        if (!File.Exists(path))
            throw new InvalidDataException($"{path}: there is no such file, which the card names in '{field}'. Put it beside the model, or correct the card.");
        (OnnxSession session, _) = SessionOpening.Open(path, options with { CudaGraphs = false });
        InferenceSession native = session.Native;
        try
        {
            if (native.InputMetadata.Count != 1)
                throw new InvalidDataException($"{path}: a decoder or encoder has one input, and this graph has {string.Join(", ", native.InputMetadata.Keys)}.");
            (string name, NodeMetadata input) = native.InputMetadata.Single();
            (string outputName, NodeMetadata output) = native.OutputMetadata.First();
            foreach ((string value, NodeMetadata metadata) in new[] { (name, input), (outputName, output) })
            {
                if (!metadata.IsTensor || !TensorRows.IsReal(metadata.ElementDataType))
                    throw new InvalidDataException($"{path}: '{value}' is {(metadata.IsTensor ? metadata.ElementDataType : metadata.OnnxValueType)} in the graph, not Float, Float16 or Double.");
            }
            var entry = new NetworkValue(name, input.ElementDataType, [-1, .. inputShape.Select(size => (long)size)]);
            using var zeros = new TensorRows(entry, 1);
            using OrtValue trial = Run(session, entry, zeros, outputName, CancellationToken.None);
            long[] shape = trial.GetTensorTypeAndShape().Shape;
            if (shape is not [1, _, ..])
                throw new InvalidDataException($"{path}: for one sample of [{string.Join(", ", inputShape)}] '{outputName}' has the shape [{string.Join(", ", shape)}], not one of [1, …].");
            return new LatentNetwork(path, session, entry, new NetworkValue(outputName, output.ElementDataType, [-1, .. shape.Skip(1)]));
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Runs the network for one sample.</summary>
    /// <param name="input">The sample.</param>
    /// <param name="output">Receives the first values of what comes out.</param>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="InvalidOperationException">The network failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Run(ReadOnlySpan<float> input, Span<float> output, CancellationToken cancellationToken)
    {
        _session.Hold();
        try
        {
            using var table = new TensorRows(Input, 1);
            table.Write(input);
            using OrtValue result = Run(_session, Input, table, Output.Name, cancellationToken);
            TensorRows.Read(result, output);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidOperationException(e.Message, e); // it was good when it was opened
        }
        finally
        {
            _session.Release();
        }
    }

    public void Dispose() => _session.Dispose();

    private static OrtValue Run(OnnxSession session, NetworkValue entry, TensorRows input, string output, CancellationToken cancellationToken)
    {
        using OrtValue value = input.View(1);
        using var interrupt = new CallInterrupt();
        session.EnterRun(cancellationToken);
        try
        {
            return session.Native.Run(interrupt.By(cancellationToken), [entry.Name], [value], [output])[0];
        }
        catch (OnnxRuntimeException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new InvalidDataException($"{session.Name}: the network fails for one sample of [{string.Join(", ", entry.Shape.Skip(1))}]: {e.Message.Split('\n')[0].Trim()}", e);
        }
        finally
        {
            session.LeaveRun();
        }
    }
}
