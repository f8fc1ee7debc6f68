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
/// Rows that do not start at 0 (new samples behind the others) go through a second set of buffers. On the CPU a binding
/// sees what is written into its arrays later; on a device inputs are copied when they are bound, so there they are
/// bound anew for every call.
/// </remarks>
internal sealed class OnnxEvaluator : IVelocityEvaluator
{
    private readonly OnnxSession _session;
    private readonly FlowCard _card;
    private readonly TimeCard _time;
    private readonly EvaluationBuffers _buffers;
    private readonly EvaluationBuffers _aside;
    private readonly RowBuffer? _noProbes;
    private readonly float[] _times;
    private readonly long[]? _labels;
    private readonly long[]? _rowLabels;
    private readonly ConditionFeed[] _vectors;
    private readonly int[] _sizes;
    private readonly Binding?[,] _bindings;
    private readonly Binding?[] _asideBindings;
    private readonly RunOptions _run = new();

    public OnnxEvaluator(OnnxSession session, FlowCard card, EvaluationBuffers buffers)
    {
        session.Hold();
        _session = session;
        _card = card;
        _time = card.Time ?? new TimeCard();
        _buffers = buffers;
        _aside = new EvaluationBuffers(buffers.Capacity, buffers.Dimension, outputs: 1, buffers.Divergences is not null, cleared: false);
        if (card.Inputs.Probe is not null && buffers.Probes is null)
            _noProbes = new RowBuffer(buffers.Capacity, buffers.Dimension); // the graph wants them fed, and nobody asks for what comes of it
        _times = GC.AllocateArray<float>(buffers.Capacity, pinned: true);
        if (card.Conditions?.Classes is not null)
        {
            _labels = GC.AllocateArray<long>(buffers.Capacity, pinned: true);
            _rowLabels = new long[buffers.Capacity];
        }
        _vectors = [.. (card.Conditions?.Vectors ?? []).Select(vector => new ConditionFeed(vector, buffers.Capacity))];
        _sizes = Sizes(buffers.Capacity);
        _bindings = new Binding?[buffers.Velocities.Count, _sizes.Length];
        _asideBindings = new Binding?[_sizes.Length];
    }

    public void Assign(int row, long sampleIndex, Condition condition)
    {
        ConditionFeed.Check(_card.Conditions, condition);
        if (_rowLabels is not null)
            _rowLabels[row] = Label(_card.Conditions!.Classes!, condition);
        foreach (ConditionFeed vector in _vectors)
            vector.Assign(row, condition);
    }

    public void Move(int source, int destination)
    {
        if (_rowLabels is not null)
            _rowLabels[destination] = _rowLabels[source];
        foreach (ConditionFeed vector in _vectors)
            vector.Move(source, destination);
    }

    public void Evaluate(int first, int count, int output)
    {
        _session.ThrowIfDisposed();
        int size = 0;
        while (_sizes[size] < count) // a predicate would be allocated at each call
            size++;
        FeedTimes(first, count);
        if (_labels is not null)
            _rowLabels.AsSpan(first, count).CopyTo(_labels);
        foreach (ConditionFeed vector in _vectors)
            vector.Feed(first, count);
        if (first == 0)
        {
            Run(_bindings[output, size] ??= new Binding(this, _buffers, output, _sizes[size]));
        }
        else
        {
            _buffers.States.Range(first, count).CopyTo(_aside.States.Range(0, count));
            if (_card.Inputs.Probe is not null)
                _buffers.Probes?.Range(first, count).CopyTo(_aside.Probes!.Range(0, count));
            Run(_asideBindings[size] ??= new Binding(this, _aside, 0, _sizes[size]));
            _aside.Velocities[0].Range(0, count).CopyTo(_buffers.Velocities[output].Range(first, count));
            if (_buffers.Divergences is { } divergences)
                _aside.Divergences![0].Range(0, count).CopyTo(divergences[output].Range(first, count));
        }
        if (_card.Prediction.Sign < 0)
        {
            Span<float> velocities = _buffers.Velocities[output].Range(first, count);
            TensorPrimitives.Negate(velocities, velocities);
        }
    }

    public void Dispose()
    {
        foreach (Binding? binding in _bindings)
            binding?.Dispose();
        foreach (Binding? binding in _asideBindings)
            binding?.Dispose();
        _run.Dispose();
        _aside.Release();
        _noProbes?.Release();
        _session.Release();
    }

    /// <summary>The label fed for a condition: the class, or the null class for none.</summary>
    /// <exception cref="ArgumentException">There is no such class, or no null class.</exception>
    public static int Label(ClassesCard classes, Condition condition)
    {
        if (condition.Label is not { } label)
            return classes.Null ?? throw new ArgumentException("This model has classes and no null class: give a label.");
        if (label < 0 || label >= classes.Names.Count)
            throw new ArgumentException($"There is no label {label}; this model has the labels 0 to {classes.Names.Count - 1}.");
        return label;
    }

    private void FeedTimes(int first, int count)
    {
        if (_time is { Scale: 1, From: TimeOrigin.Noise })
        {
            TensorPrimitives.ConvertTruncating<double, float>(_buffers.Times.AsSpan(first, count), _times); // rounds to the nearest, as a cast does
            return;
        }
        for (int i = 0; i < count; i++)
        {
            double t = _buffers.Times[first + i];
            _times[i] = (float)(_time.Scale * (_time.From == TimeOrigin.Noise ? t : 1 - t));
        }
    }

    private void Run(Binding binding)
    {
        try
        {
            if (_session.CopiesBoundInputs)
                binding.BindInputs();
            _session.Native.RunWithBinding(_run, binding.Io);
            if (_session.CopiesBoundInputs)
                binding.Io.SynchronizeBoundOutputs();
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidOperationException($"The network failed: {e.Message.Split('\n')[0].Trim()}", e);
        }
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

    /// <summary>The network's inputs and outputs bound to the first rows of buffers.</summary>
    private sealed class Binding : IDisposable
    {
        // A binding keeps addresses only: the values must outlive it.
        private readonly List<(string Name, OrtValue Value)> _inputs = [];
        private readonly List<OrtValue> _outputs = [];

        public Binding(OnnxEvaluator owner, EvaluationBuffers buffers, int output, int rows)
        {
            FlowCard card = owner._card;
            long[] stateShape = [rows, .. card.Sample.Shape.Select(size => (long)size)];
            int values = rows * buffers.Dimension;
            Io = owner._session.Native.CreateIoBinding();
            _inputs.Add((card.Inputs.Time, View(owner._times.AsMemory(0, rows), [rows])));
            _inputs.Add((card.Inputs.State, View(buffers.States.Memory[..values], stateShape)));
            if (card.Inputs.Probe is { } probe)
                _inputs.Add((probe, View((buffers.Probes ?? owner._noProbes)!.Memory[..values], stateShape)));
            if (owner._labels is not null)
                _inputs.Add((card.Conditions!.Classes!.Input, View(owner._labels.AsMemory(0, rows), [rows])));
            foreach (ConditionFeed vector in owner._vectors)
                _inputs.Add((vector.Input, View(vector.Fed(rows), vector.ShapeOf(rows))));
            BindInputs();
            BindOutput(card.Outputs.Prediction, View(buffers.Velocities[output].Memory[..values], stateShape));
            if (buffers.Divergences is { } divergences)
            {
                long[] divergenceShape = OnnxField.IsColumn(owner._session.Native, card.Outputs.Divergence!) ? [rows, 1] : [rows];
                BindOutput(card.Outputs.Divergence!, View(divergences[output].Memory[..rows], divergenceShape));
            }
        }

        public OrtIoBinding Io { get; }

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
            foreach (OrtValue value in _outputs)
                value.Dispose();
        }

        private void BindOutput(string name, OrtValue value)
        {
            _outputs.Add(value);
            Io.BindOutput(name, value);
        }

        private static OrtValue View<T>(Memory<T> memory, long[] shape) where T : unmanaged =>
            OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, memory, shape);
    }
}
