using FlowRuntime.Cards;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Onnx;

/// <summary>
/// A network's inputs and outputs as they are bound: what the graph declares, held against the card, and the output's shape from one trial
/// call where the graph leaves it open.
/// </summary>
internal sealed class NetworkGraph
{
    /// <summary>Rows of the trial call where the graph takes any number: two, so that the place of the rows is told.</summary>
    private const int TrialRows = 2;

    private static readonly TensorElementType[] Reals = [TensorElementType.Float, TensorElementType.Float16, TensorElementType.Double];
    private static readonly TensorElementType[] Wholes = [TensorElementType.Int64, TensorElementType.Int32];

    private readonly InferenceSession _session;
    private readonly string _modelPath;

    /// <param name="session">The session.</param>
    /// <param name="card">The model's card.</param>
    /// <param name="modelPath">The model's file, for messages.</param>
    /// <exception cref="InvalidDataException">The card does not fit the graph; the message names file and field.</exception>
    public NetworkGraph(InferenceSession session, FlowCard card, string modelPath)
    {
        (_session, _modelPath, Card) = (session, modelPath, card);
        (string state, int[] sample) = (card.Inputs.State, [.. card.Sample.Shape]);
        if (session.InputMetadata.TryGetValue(state, out NodeMetadata? declared) && declared.IsTensor && declared.Dimensions is [> 0 and var batch, ..])
            Batch = batch;
        State = Input(state, "inputs.state", Reals, sample);
        Time = TimeInput(card);
        Probe = card.Inputs.Probe is { } probe ? Input(probe, "inputs.probe", Reals, sample) : null;
        ConditionsCard conditions = card.Conditions ?? new ConditionsCard();
        Labels = conditions.Classes is { } classes ? Input(classes.Input, "conditions.classes.input", Wholes, [], column: true) : null;
        Vectors = [.. (conditions.Vectors ?? []).Select((vector, i) => Input(vector.Input, $"conditions.vectors[{i}].input", [.. Reals, .. Wholes], vector.Shape))];
        Sequences = [.. (conditions.Sequences ?? []).Select((sequence, i) => Input(sequence.Input, $"conditions.sequences[{i}].input", [.. Reals, .. Wholes], sequence.Shape))];
        Masks = [.. (conditions.Sequences ?? []).Select((sequence, i) => sequence.Mask is not { } mask ? null
            : Input(mask, $"conditions.sequences[{i}].mask", [.. Reals, .. Wholes, TensorElementType.Bool], [sequence.MostItems]))];
        Constants = [.. (card.Inputs.Constants ?? []).Select(Constant)];
        RequireAllFed();
        (Prediction, Divergence) = Outputs(card);
        TakesRowsInPlace = Batch is null && new[] { State, Prediction, Probe, Divergence }.All(value => value is null or { Type: TensorElementType.Float });
    }

    public FlowCard Card { get; }

    /// <summary>Number of rows of every call where the graph fixes it; null where it takes any.</summary>
    public int? Batch { get; }

    public NetworkValue State { get; }

    /// <summary>The time; without rows it is one for the whole call.</summary>
    public NetworkValue Time { get; }

    public NetworkValue? Probe { get; }

    public NetworkValue? Labels { get; }

    /// <summary>The condition vectors, in the card's order.</summary>
    public IReadOnlyList<NetworkValue> Vectors { get; }

    /// <summary>The sequences, in the card's order.</summary>
    public IReadOnlyList<NetworkValue> Sequences { get; }

    /// <summary>The mask of each sequence; null where it has none.</summary>
    public IReadOnlyList<NetworkValue?> Masks { get; }

    /// <summary>The constants, in the card's order.</summary>
    public IReadOnlyList<NetworkValue> Constants { get; }

    public NetworkValue Prediction { get; }

    public NetworkValue? Divergence { get; }

    /// <summary>Whether the network may read and write rows where the solver has them: float32, in any number.</summary>
    public bool TakesRowsInPlace { get; }

    /// <summary>An input of one entry a row.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="field">The card's field that gives it.</param>
    /// <param name="types">Element types that will do.</param>
    /// <param name="shape">Shape of a row's entry; empty for one number.</param>
    /// <param name="column">Whether one number a row may also be [N, 1].</param>
    private NetworkValue Input(string name, string field, TensorElementType[] types, IReadOnlyList<int> shape, bool column = false) =>
        Rows(_session.InputMetadata, name, field, types, shape, column);

    private NetworkValue Rows(IReadOnlyDictionary<string, NodeMetadata> values, string name, string field, TensorElementType[] types, IReadOnlyList<int> shape, bool column)
    {
        NodeMetadata value = Tensor(values, name, field, types);
        int[] actual = value.Dimensions, expected = [-1, .. shape];
        if (column && shape.Count == 0 && actual is [_, 1])
            expected = [-1, 1];
        if (actual.Length != expected.Length || !IsRows(actual[0]) || !actual.Zip(expected).Skip(1).All(pair => pair.First == -1 || pair.First == pair.Second))
        {
            string asked = field.StartsWith("conditions.vectors", StringComparison.Ordinal) || field.StartsWith("conditions.sequences", StringComparison.Ordinal)
                ? field[..(field.LastIndexOf('.') + 1)] + "shape" : "sample.shape";
            throw Misfit(field, $"'{name}' has the shape {Shape(actual)} in the graph, but {(shape.Count > 0 ? $"the card's {asked} asks for" : "one number a row is needed:")} {Shape(expected)}");
        }
        return new NetworkValue(name, value.ElementDataType, [.. expected.Select(size => (long)size)]);
    }

    /// <summary>The time: [N], [N, 1, …], or one number for the whole call, as a scalar, [1] or [1, 1].</summary>
    private NetworkValue TimeInput(FlowCard card)
    {
        (string name, string field) = (card.Inputs.Time, "inputs.time");
        NodeMetadata value = Tensor(_session.InputMetadata, name, field, [.. Reals, .. Wholes]);
        if (TensorRows.IsWhole(value.ElementDataType) && card.Time?.Steps is null)
            throw Misfit(field, $"'{name}' is {value.ElementDataType} in the graph, not Float, Float16 or Double. A network that takes whole time steps needs their number, 'time.steps'");
        int[] actual = value.Dimensions;
        bool single = actual.Length == 0 || (actual.All(size => size == 1) && Batch != 1);
        if (!single && !(IsRows(actual[0]) && actual.Skip(1).All(size => size == 1)))
            throw Misfit(field, $"'{name}' has the shape {Shape(actual)} in the graph, but one number a row is needed, [N] or [N, 1], or one for all, [] or [1]");
        return new NetworkValue(name, value.ElementDataType, [.. actual.Select((_, i) => i == 0 && !single ? -1L : 1)]);
    }

    private NetworkValue Constant(ConstantInputCard constant, int i)
    {
        string field = $"inputs.constants[{i}]";
        NodeMetadata value = Tensor(_session.InputMetadata, constant.Input, $"{field}.input", [.. Reals, .. Wholes, TensorElementType.Bool]);
        int[] actual = value.Dimensions;
        int[] shape = constant.Shape is { } given ? [.. given] : [.. actual.Select((size, place) => place == 0 && IsRows(size) ? -1 : size)];
        if (constant.Shape is null && shape.Skip(1).Any(size => size == -1))
            throw Misfit($"{field}.shape", $"of '{constant.Input}' is not given, and the graph leaves it open, {Shape(actual)}");
        if (actual.Length != shape.Length || !actual.Zip(shape).All(pair => pair.First == -1 || pair.First == pair.Second || (pair.Second == -1 && pair.First == Batch)))
            throw Misfit($"{field}.shape", $"{Shape(shape)} is not that of '{constant.Input}' in the graph, {Shape(actual)}");
        var rows = new NetworkValue(constant.Input, value.ElementDataType, [.. shape.Select(size => (long)size)]);
        if (constant.Values.Count != 1 && constant.Values.Count != rows.Width)
            throw Misfit($"{field}.values", $"has {constant.Values.Count} numbers, but '{constant.Input}' takes 1 or {rows.Width}");
        return rows;
    }

    private void RequireAllFed()
    {
        IEnumerable<NetworkValue?> all = [State, Time, Probe, Labels, .. Vectors, .. Sequences, .. Masks, .. Constants];
        HashSet<string> fed = [];
        foreach (NetworkValue? value in all)
        {
            if (value is not null && !fed.Add(value.Name))
                throw new InvalidDataException($"{_modelPath}: the card feeds the graph's input '{value.Name}' twice. Correct the card or {CardFile.SidecarOf(_modelPath)}.");
        }
        string? unfed = _session.InputMetadata.Keys.FirstOrDefault(name => !fed.Contains(name));
        if (unfed is not null)
            throw new InvalidDataException($"{_modelPath}: the graph's input '{unfed}' is not named in the card, so nothing would be fed to it. Name it in the card or in {CardFile.SidecarOf(_modelPath)}.");
    }

    private (NetworkValue Prediction, NetworkValue? Divergence) Outputs(FlowCard card)
    {
        IReadOnlyDictionary<string, NodeMetadata> outputs = _session.OutputMetadata;
        (string name, string? divergence) = (card.Outputs.Prediction, card.Outputs.Divergence);
        NodeMetadata value = Tensor(outputs, name, "outputs.prediction", Reals);
        NetworkValue? divergences = divergence is null ? null : Rows(outputs, divergence, "outputs.divergence", Reals, [], column: true);
        if (value.Dimensions is [_, .. var sizes] && sizes.All(size => size != -1))
            return (Rows(outputs, name, "outputs.prediction", Reals, card.Sample.Shape, column: false), divergences);
        NetworkValue expected = new(name, value.ElementDataType, [-1, .. card.Sample.Shape.Select(size => (long)size)]);
        int rows = Batch ?? TrialRows;
        int[] actual = TrialShape(name, rows);
        return actual.Select(size => (long)size).SequenceEqual(expected.ShapeOf(rows)) ? (expected, divergences)
            : throw Misfit("outputs.prediction", $"'{name}' has the shape {Shape(actual)} in a trial call of {rows} rows, but the card's sample.shape asks for [{string.Join(", ", expected.ShapeOf(rows))}]");
    }

    /// <summary>The shape an output has when the network is called with zeros, and its constants.</summary>
    private int[] TrialShape(string output, int rows)
    {
        var tables = new List<IDisposable>();
        try
        {
            NetworkValue?[] empty = [State, Time, Probe, Labels, .. Vectors, .. Sequences, .. Masks];
            var inputs = new List<(string Name, OrtValue Value)>();
            void Add(string name, OrtValue value)
            {
                tables.Add(value);
                inputs.Add((name, value));
            }
            foreach (NetworkValue value in empty.OfType<NetworkValue>())
            {
                var table = new TensorRows(value, rows);
                tables.Insert(0, table);
                Add(value.Name, table.View(rows));
            }
            for (int i = 0; i < Constants.Count; i++)
            {
                var feed = new ConstantFeed(Constants[i], rows, Card.Inputs.Constants![i]);
                tables.Insert(0, feed);
                Add(feed.Value.Name, feed.View(rows));
            }
            using var run = new RunOptions();
            run.AddRunConfigEntry("gpu_graph_id", "-1"); // no run to be captured
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(run, [.. inputs.Select(input => input.Name)], [.. inputs.Select(input => input.Value)], [output]);
            return [.. results[0].GetTensorTypeAndShape().Shape.Select(size => (int)size)];
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"{_modelPath}: the network failed in a trial call of {rows} rows: {e.Message.Split('\n')[0].Trim()} Correct the card or {CardFile.SidecarOf(_modelPath)}.", e);
        }
        finally
        {
            for (int i = tables.Count - 1; i >= 0; i--) // the views before the tables they look at
                tables[i].Dispose();
        }
    }

    private bool IsRows(int size) => size == (Batch ?? -1) || size == -1;

    private NodeMetadata Tensor(IReadOnlyDictionary<string, NodeMetadata> values, string name, string field, TensorElementType[] types)
    {
        if (!values.TryGetValue(name, out NodeMetadata? value))
            throw Misfit(field, $"is '{name}', but the graph has {string.Join(", ", values.Keys)}");
        if (!value.IsTensor || !types.Contains(value.ElementDataType))
            throw Misfit(field, $"'{name}' is {(value.IsTensor ? value.ElementDataType : value.OnnxValueType)} in the graph, not {string.Join(" or ", types)}");
        return value;
    }

    private InvalidDataException Misfit(string field, string what) =>
        new($"{_modelPath}: the card's {field} {what}. Correct '{field}' in the card or in {CardFile.SidecarOf(_modelPath)}.");

    private static string Shape(int[] shape) => $"[{string.Join(", ", shape.Select(size => size == -1 ? "N" : size.ToString()))}]";
}
