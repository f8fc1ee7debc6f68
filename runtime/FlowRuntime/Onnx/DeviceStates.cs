using System.Runtime.InteropServices;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Onnx;

/// <summary>
/// States in the memory of the device that the model runs on. The tables that the engine holds are names alone; what is done to their elements is done by ONNX graphs of a few nodes
/// on the model's own provider, with inputs and outputs bound to that memory. Each step sends the rows' step sizes and flags, and brings one number a row back; a sample's values cross
/// when it begins and when it is done.
/// </summary>
internal sealed class DeviceStates : IStateArithmetic
{
    private readonly DeviceGraphs _graphs;
    private readonly DeviceMemory _memory;
    private readonly Dictionary<RowBuffer, DeviceMemory.Block> _blocks = [];
    private readonly Dictionary<InputFeed, DeviceMemory.Block> _fed = [];
    private readonly HashSet<RowBuffer> _bound = []; // by the field's evaluator, whose bindings hold their addresses
    private readonly RunOptions _run = new();
    private readonly int _width;
    private readonly Action _letGo;
    private readonly float[] _steps;
    private readonly byte[] _flags;
    private readonly float[] _squares;
    private readonly float[] _row;
    private DeviceMemory.Block _spare;

    /// <param name="graphs">The graphs of the arithmetic.</param>
    /// <param name="memory">The device's memory.</param>
    /// <param name="rows">Rows of the tables.</param>
    /// <param name="width">Values a row.</param>
    /// <param name="letGo">Lets graphs and memory go.</param>
    public DeviceStates(DeviceGraphs graphs, DeviceMemory memory, int rows, int width, Action letGo)
    {
        (_graphs, _memory, _width, _letGo) = (graphs, memory, width, letGo);
        _steps = GC.AllocateArray<float>(rows, pinned: true);
        _flags = GC.AllocateArray<byte>(rows, pinned: true);
        _squares = GC.AllocateArray<float>(rows, pinned: true);
        _row = GC.AllocateArray<float>(width, pinned: true);
        _spare = memory.Allocate(SizeOf(rows, width));
    }

    public long BusBytes { get; private set; }

    public RowBuffer Table(int rows, int width)
    {
        var table = new RowBuffer(rows, width, this);
        _blocks[table] = _memory.Allocate(SizeOf(rows, width));
        return table;
    }

    public EvaluationBuffers Buffers(int rows, int width, int outputs)
    {
        var buffers = new EvaluationBuffers(rows, Table(rows, width), [.. Enumerable.Range(0, outputs).Select(_ => Table(rows, width))]);
        _bound.Add(buffers.States);
        _bound.UnionWith(buffers.Velocities);
        return buffers;
    }

    /// <summary>Rows of a table as a tensor in the device's memory.</summary>
    public OrtValue View(RowBuffer table, int first, long[] shape) => _memory.View(_blocks[table], first * table.Width, shape);

    /// <summary>Sends what is fed to the network besides the states, times and conditions, to a place of its own on the device.</summary>
    /// <param name="feed">The input.</param>
    /// <param name="rows">Rows of the call.</param>
    public void Send(InputFeed feed, int rows)
    {
        if (feed is ConstantFeed && _fed.ContainsKey(feed))
            return;
        rows = feed is ConstantFeed ? feed.MostRows : rows;
        Run(_graphs.Copy(feed.Value), [("a", feed.View(rows))], Fed(feed, rows));
        BusBytes += feed.BytesOf(rows);
    }

    /// <summary>What was sent, as a tensor for a call of so many rows.</summary>
    public OrtValue Fed(InputFeed feed, int rows)
    {
        if (!_fed.TryGetValue(feed, out DeviceMemory.Block? block))
            _fed[feed] = block = _memory.Allocate(feed.BytesOf(feed.MostRows));
        return _memory.View(block, feed.Value.Type, feed.Value.ShapeOf(rows), feed.BytesOf(rows));
    }

    public void Begin(RowBuffer table, int row, long index, InitialState initialState)
    {
        initialState(index, _row);
        Run(_graphs.Identity(_width), [("a", Host(_row, 1, _width))], View(table, row, [1, _width]));
        BusBytes += sizeof(float) * _width;
    }

    public Span<float> Read(RowBuffer table, int row)
    {
        Run(_graphs.Identity(_width), [("a", View(table, row, [1, _width]))], Host(_row, 1, _width));
        BusBytes += sizeof(float) * _width;
        return _row;
    }

    public void Move(RowBuffer table, int source, int destination) =>
        Run(_graphs.Identity(_width), [("a", View(table, source, [1, _width]))], View(table, destination, [1, _width]));

    public void Copy(RowBuffer source, RowBuffer destination, int first, int count) =>
        Run(_graphs.Identity(_width), [("a", View(source, first, [count, _width]))], View(destination, first, [count, _width]));

    public void CopyAllBut(RowBuffer source, RowBuffer destination, ReadOnlySpan<int> rows, int count)
    {
        if (rows.IsEmpty)
            Copy(source, destination, 0, count);
        else
            CopyFlagged(source, destination, rows, count, flag: 0);
    }

    public void CopySome(RowBuffer source, RowBuffer destination, ReadOnlySpan<int> rows, int count)
    {
        if (!rows.IsEmpty)
            CopyFlagged(source, destination, rows, count, flag: 1);
    }

    public void Combine(RowBuffer destination, RowBuffer x, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights, int first, int count)
    {
        List<(string, OrtValue)> inputs = [("x", View(x, first, [count, _width])), ("h", Steps(h, first, count))];
        Run(_graphs.Combine(_width, Terms(inputs, slopes, weights, first, count)), inputs, View(destination, first, [count, _width]));
    }

    public void SquaredScaledError(
        RowBuffer scratch, RowBuffer x, RowBuffer next, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights,
        double absolute, double relative, int count, Span<double> squares)
    {
        List<(string, OrtValue)> inputs = [("x", View(x, 0, [count, _width])), ("next", View(next, 0, [count, _width])), ("h", Steps(h, 0, count))];
        Run(_graphs.Error(_width, Terms(inputs, slopes, weights, 0, count), absolute, relative), inputs, Host(_squares, count, 1));
        BringBack(squares, count);
    }

    public void SquaredScaledNorms(
        RowBuffer scratch, RowBuffer values, RowBuffer? minus, RowBuffer x, double absolute, double relative, int first, int count, Span<double> squares)
    {
        List<(string, OrtValue)> inputs = [("a", View(values, first, [count, _width])), ("x", View(x, first, [count, _width]))];
        if (minus is not null)
            inputs.Add(("b", View(minus, first, [count, _width])));
        Run(_graphs.Norm(_width, minus is not null, absolute, relative), inputs, Host(_squares, count, 1));
        BringBack(squares, count);
    }

    public void Dispose()
    {
        foreach (DeviceMemory.Block block in _blocks.Values.Concat(_fed.Values))
            block.Dispose();
        _spare.Dispose();
        _run.Dispose();
        _letGo();
    }

    /// <summary>Takes rows from one of two tables by flags: into the spare memory, which then is the table's; a bound table keeps its memory and gets a copy.</summary>
    private void CopyFlagged(RowBuffer source, RowBuffer destination, ReadOnlySpan<int> rows, int count, byte flag)
    {
        Array.Fill(_flags, (byte)(1 - flag));
        foreach (int row in rows)
            _flags[row] = flag;
        OrtValue flags = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, TensorElementType.Bool, [count, 1], Marshal.UnsafeAddrOfPinnedArrayElement(_flags, 0), count);
        BusBytes += count;
        long[] shape = [count, _width];
        Run(_graphs.Where(_width), [("flag", flags), ("a", View(source, 0, shape)), ("b", View(destination, 0, shape))], _memory.View(_spare, 0, shape));
        if (_bound.Contains(destination))
            Run(_graphs.Identity(_width), [("a", _memory.View(_spare, 0, shape))], View(destination, 0, shape));
        else
            (_spare, _blocks[destination]) = (_blocks[destination], _spare);
    }

    /// <summary>Binds the slopes with a weight, and returns those weights.</summary>
    private double[] Terms(List<(string, OrtValue)> inputs, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights, int first, int count)
    {
        var terms = new List<double>();
        for (int j = 0; j < weights.Length; j++)
        {
            if (weights[j] == 0)
                continue;
            inputs.Add(($"k{terms.Count}", View(slopes[j], first, [count, _width])));
            terms.Add(weights[j]);
        }
        return [.. terms];
    }

    private static long SizeOf(int rows, int width) => (long)rows * width * sizeof(float);

    private OrtValue Steps(RowSteps h, int first, int count)
    {
        for (int i = 0; i < count; i++)
            _steps[i] = h[first + i];
        BusBytes += sizeof(float) * count;
        return Host(_steps, count, 1);
    }

    private void BringBack(Span<double> squares, int count)
    {
        BusBytes += sizeof(float) * count;
        for (int i = 0; i < count; i++)
            squares[i] = _squares[i];
    }

    private static OrtValue Host(float[] pinned, int rows, int width) => OrtValue.CreateTensorValueWithData(
        OrtMemoryInfo.DefaultInstance, TensorElementType.Float, [rows, width], Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0), (long)sizeof(float) * rows * width);

    private void Run(InferenceSession graph, List<(string Name, OrtValue Value)> inputs, OrtValue output)
    {
        try
        {
            using OrtIoBinding binding = graph.CreateIoBinding();
            foreach ((string name, OrtValue value) in inputs)
                binding.BindInput(name, value);
            binding.BindOutput("out", output);
            graph.RunWithBinding(_run, binding);
            binding.SynchronizeBoundOutputs();
        }
        finally
        {
            foreach ((_, OrtValue value) in inputs)
                value.Dispose();
            output.Dispose();
        }
    }
}
