using System.Numerics.Tensors;
using FlowRuntime.Cards;
using FlowRuntime.Fields;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>
/// Evaluates an ONNX network on the engine's buffers. Calls have a few fixed sizes (powers of two, those half as large again, and the capacity),
/// the rows behind being padding; for each size and output table the network is bound to the buffers once, so that a
/// call copies no state and allocates nothing.
/// </summary>
/// <remarks>
/// Rows go through tables of the evaluator's own where they cannot lie where they are: those that do not start at 0 (new samples behind the
/// others), those of a network of another number type or of a fixed batch, and those at several times where a call has one time. On the CPU a binding
/// sees what is written into its arrays later; on a device inputs are copied when they are bound, so there they are
/// bound anew for every call.
/// </remarks>
internal sealed class OnnxEvaluator : IVelocityEvaluator
{
    private readonly OnnxSession _session;
    private readonly NetworkGraph _graph;
    private readonly EvaluationBuffers _buffers;
    private readonly int _callRows;
    private readonly InputFeed[] _feeds;
    private readonly int[] _sizes;
    private readonly NetworkBinding?[,] _inPlace;
    private readonly CallInterrupt _interrupt = new();
    private RowBuffer? _noProbes;
    private Stage? _stage;

    public OnnxEvaluator(OnnxSession session, NetworkGraph graph, NetworkTime time, EvaluationBuffers buffers)
    {
        _session = session;
        _graph = graph;
        _buffers = buffers;
        _callRows = graph.Batch ?? buffers.Capacity;
        _feeds = [.. Feeds(graph, time, buffers, _callRows)];
        _sizes = graph.Batch is { } batch ? [batch] : Sizes(buffers.Capacity);
        _inPlace = new NetworkBinding?[buffers.Velocities.Count, _sizes.Length];
        if (!graph.TakesRowsInPlace)
            _stage = new Stage(this);
        session.Hold(); // last: nothing of the session was used so far, and what cannot be made holds nothing
    }

    public void Assign(int row, long sampleIndex, Condition condition)
    {
        ConditionCheck.Check(_graph.Card.Conditions, condition);
        foreach (InputFeed feed in _feeds)
            feed.Assign(row, condition);
    }

    public void Move(int source, int destination)
    {
        foreach (InputFeed feed in _feeds)
            feed.Move(source, destination);
    }

    public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
    {
        _session.ThrowIfDisposed();
        if (_buffers.States.Device is { } device)
        {
            EvaluateOnDevice(device, first, count, output, cancellationToken);
            return;
        }
        if (_graph.TakesRowsInPlace && first == 0 && RowsOfOneCall(0, count) == count)
        {
            Feed(0, count);
            int size = SizeFor(count);
            Run(_inPlace[output, size] ??= InPlace(output, _sizes[size]), cancellationToken);
        }
        else
        {
            _stage ??= new Stage(this);
            for (int from = first; from < first + count;)
            {
                int rows = RowsOfOneCall(from, first + count - from);
                Feed(from, rows);
                _stage.Evaluate(from, rows, output, cancellationToken);
                from += rows;
            }
        }
        if (_graph.Card.Prediction.Sign < 0)
        {
            Span<float> velocities = _buffers.Velocities[output].Range(first, count);
            TensorPrimitives.Negate(velocities, velocities);
        }
    }

    public void Dispose()
    {
        foreach (NetworkBinding? binding in _inPlace)
            binding?.Dispose();
        _stage?.Dispose();
        foreach (InputFeed feed in _feeds)
            feed.Dispose();
        _noProbes?.Release();
        _interrupt.Dispose();
        _session.Release();
    }

    private static IEnumerable<InputFeed> Feeds(NetworkGraph graph, NetworkTime time, EvaluationBuffers buffers, int callRows)
    {
        int capacity = buffers.Capacity;
        yield return new TimeFeed(graph.Time, callRows, time, buffers.Times);
        if (graph.Labels is { } labels)
            yield return new LabelFeed(labels, capacity, callRows, graph.Card.Conditions!.Classes!);
        for (int i = 0; i < graph.Vectors.Count; i++)
            yield return new VectorFeed(graph.Vectors[i], capacity, callRows, graph.Card.Conditions!.Vectors![i]);
        for (int i = 0; i < graph.Sequences.Count; i++)
        {
            SequenceInputCard card = graph.Card.Conditions!.Sequences![i];
            yield return new SequenceFeed(graph.Sequences[i], capacity, callRows, card);
            if (graph.Masks[i] is { } mask)
                yield return new MaskFeed(mask, capacity, callRows, card);
        }
        for (int i = 0; i < graph.Constants.Count; i++)
            yield return new ConstantFeed(graph.Constants[i], callRows, graph.Card.Inputs.Constants![i]);
    }

    /// <summary>How many of the rows from one on go through the network in one call: all that it takes, but where a call has one time those of the same.</summary>
    private int RowsOfOneCall(int first, int count)
    {
        int rows = Math.Min(count, _callRows);
        return _graph.Time.HasRows ? rows : 1 + _buffers.Times.AsSpan(first + 1, rows - 1).CommonPrefixLength(_buffers.Times.AsSpan(first, rows - 1));
    }

    private void Feed(int first, int count)
    {
        foreach (InputFeed feed in _feeds)
            feed.Feed(first, count);
    }

    private int SizeFor(int count)
    {
        int size = 0;
        while (_sizes[size] < count) // a predicate would be allocated at each call
            size++;
        return size;
    }

    private void Run(NetworkBinding binding, CancellationToken cancellationToken)
    {
        RunOptions run = _interrupt.By(cancellationToken);
        _session.EnterRun(cancellationToken);
        try
        {
            if (_session.CapturesGraphs)
                run.AddRunConfigEntry("gpu_graph_id", binding.GraphId);
            if (_session.CopiesBoundInputs && !binding.InputsStay)
                binding.BindInputs();
            _session.Native.RunWithBinding(run, binding.Io);
            if (_session.CopiesBoundInputs)
                binding.Io.SynchronizeBoundOutputs();
        }
        catch (OnnxRuntimeException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new InvalidOperationException($"{_session.Name}: the network failed: {e.Message.Split('\n')[0].Trim()}", e);
        }
        finally
        {
            _session.LeaveRun();
        }
    }

    /// <summary>The network on tables in the host's memory.</summary>
    private NetworkBinding HostBinding(int rows, List<(string, OrtValue)> inputs, List<(string, OrtValue)> outputs) =>
        new(_session, NetworkBinding.NoGraph, [.. inputs, .. _feeds.Select(feed => (feed.Value.Name, feed.View(rows)))], outputs, inputsStay: false);

    /// <summary>The network on the first rows of the solver's own buffers.</summary>
    private NetworkBinding InPlace(int output, int rows)
    {
        OrtValue View(NetworkValue value, RowBuffer table) =>
            OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, table.Memory[..(rows * table.Width)], value.ShapeOf(rows));
        List<(string, OrtValue)> inputs = [(_graph.State.Name, View(_graph.State, _buffers.States))];
        if (_graph.Probe is { } probe) // the graph wants them fed, also where nobody asks for what comes of it
            inputs.Add((probe.Name, View(probe, _buffers.Probes ?? (_noProbes ??= new RowBuffer(_buffers.Capacity, _buffers.Dimension)))));
        List<(string, OrtValue)> outputs = [(_graph.Prediction.Name, View(_graph.Prediction, _buffers.Velocities[output]))];
        if (_buffers.Divergences is { } divergences)
            outputs.Add((_graph.Divergence!.Name, View(_graph.Divergence, divergences[output])));
        return HostBinding(rows, inputs, outputs);
    }

    /// <summary>The network on rows in the memory of the device, where its prediction stays: its sign must be that of the velocity.</summary>
    private void EvaluateOnDevice(DeviceStates device, int first, int count, int output, CancellationToken cancellationToken)
    {
        Feed(first, count);
        int size = SizeFor(count), rows = first == 0 ? _sizes[size] : count;
        foreach (InputFeed feed in _feeds)
            device.Send(feed, rows);
        NetworkBinding Bind(int graphId) => new(
            _session, graphId,
            [(_graph.State.Name, device.View(_buffers.States, first, _graph.State.ShapeOf(rows))), .. _feeds.Select(feed => (feed.Value.Name, device.Fed(feed, rows)))],
            [(_graph.Prediction.Name, device.View(_buffers.Velocities[output], first, _graph.Prediction.ShapeOf(rows)))],
            inputsStay: true);
        if (first == 0)
        {
            Run(_inPlace[output, size] ??= Bind(1 + output * _sizes.Length + size), cancellationToken);
            return;
        }
        using NetworkBinding aside = Bind(NetworkBinding.NoGraph);
        Run(aside, cancellationToken);
    }

    private static int[] Sizes(int capacity)
    {
        var sizes = new List<int>();
        for (int size = 1; size < capacity; size *= 2)
        {
            sizes.Add(size);
            if (size >= 8 && size * 3 / 2 < capacity)
                sizes.Add(size * 3 / 2);
        }
        sizes.Add(capacity);
        return [.. sizes];
    }

    /// <summary>Tables of the network's own number types that rows are copied into and out of.</summary>
    private sealed class Stage : IDisposable
    {
        private readonly OnnxEvaluator _owner;
        private readonly TensorRows _states;
        private readonly TensorRows? _probes;
        private readonly TensorRows _predictions;
        private readonly TensorRows? _divergences;
        private readonly NetworkBinding?[] _bindings;

        public Stage(OnnxEvaluator owner)
        {
            _owner = owner;
            NetworkGraph graph = owner._graph;
            _states = new TensorRows(graph.State, owner._callRows);
            _probes = graph.Probe is { } probe ? new TensorRows(probe, owner._callRows) : null;
            _predictions = new TensorRows(graph.Prediction, owner._callRows);
            _divergences = owner._buffers.Divergences is null ? null : new TensorRows(graph.Divergence!, owner._callRows);
            _bindings = new NetworkBinding?[owner._sizes.Length];
        }

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            EvaluationBuffers buffers = _owner._buffers;
            _states.Write<float>(buffers.States.Range(first, count));
            if (buffers.Probes is { } probes)
                _probes?.Write<float>(probes.Range(first, count));
            int size = _owner.SizeFor(count);
            _owner.Run(_bindings[size] ??= Bind(_owner._sizes[size]), cancellationToken);
            _predictions.Read(buffers.Velocities[output].Range(first, count));
            _divergences?.Read(buffers.Divergences![output].Range(first, count));
        }

        public void Dispose()
        {
            foreach (NetworkBinding? binding in _bindings)
                binding?.Dispose();
            foreach (TensorRows? table in new[] { _states, _probes, _predictions, _divergences })
                table?.Dispose();
        }

        private NetworkBinding Bind(int rows)
        {
            NetworkGraph graph = _owner._graph;
            List<(string, OrtValue)> inputs = [(graph.State.Name, _states.View(rows))];
            if (_probes is not null)
                inputs.Add((graph.Probe!.Name, _probes.View(rows)));
            List<(string, OrtValue)> outputs = [(graph.Prediction.Name, _predictions.View(rows))];
            if (_divergences is not null)
                outputs.Add((graph.Divergence!.Name, _divergences.View(rows)));
            return _owner.HostBinding(rows, inputs, outputs);
        }
    }
}
