using FlowRuntime.Cards;
using FlowRuntime.Onnx;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>
/// A model's network inside a sampler: at each call it is fed a time and the states of all samples, and gives what it predicts, under guidance where the sampler has it. Both
/// halves of guidance go through it in one batch. Conditions are the sampler's own inputs, brought into the network's units once.
/// </summary>
internal sealed class NetworkCall
{
    private readonly NetworkSource _source;
    private readonly NetworkGraph _graph;
    private readonly Dictionary<string, string> _fed = [];
    private readonly string _state; // shape of a call's states
    private readonly string _flat; // shape of the states as rows
    private readonly string? _scale;
    private readonly string? _isOne;
    private readonly string _times; // shape of a call's times
    private readonly string _rows; // number of samples, [1]
    private readonly string _calls; // number of rows of a call, [1]

    /// <param name="main">The sampler's graph.</param>
    /// <param name="source">The network.</param>
    /// <param name="graph">What it takes.</param>
    /// <param name="guided">Whether the sampler takes a scale of guidance.</param>
    /// <param name="rows">Number of samples there, [1].</param>
    public NetworkCall(GraphScope main, NetworkSource source, NetworkGraph graph, bool guided, string rows)
    {
        (_source, _graph, _rows) = (source, graph, rows);
        string calls = rows;
        if (guided)
        {
            _scale = main.Input(SamplerFile.Guidance, TensorElementType.Float, -1, 1);
            _isOne = main.Node("Equal", _scale, main.Single(1));
            calls = main.Node("Mul", rows, main.Whole(2));
        }
        _calls = calls;
        _state = main.Wholes([0, .. graph.State.Shape[1..]]);
        _flat = main.Wholes(0, graph.State.Width);
        string ShapeOf(IReadOnlyList<long> shape) => shape is [-1, ..]
            ? shape.Count == 1 ? calls : main.Concat(0, calls, main.Wholes([.. shape.Skip(1)]))
            : main.Wholes([.. shape]);
        _times = ShapeOf(graph.Time.Shape);
        ConditionsCard conditions = graph.Card.Conditions ?? new ConditionsCard();
        string Given(NetworkValue condition, TensorElementType type, params ReadOnlySpan<long> shape) => !SamplerFile.IsOwn(condition.Name) ? main.Input(condition.Name, type, shape)
            : throw new NotSupportedException($"The condition '{condition.Name}' has the name of one of the sampler's own values. Rename the network's input.");
        string Both(string with, double? without) // the rows under the condition, and those without
        {
            if (!guided)
                return with;
            string none = main.Node("Expand", main.Single(without!.Value), main.Node("Shape", with));
            return main.Concat(0, with, none);
        }
        if (graph.Labels is { } labels)
        {
            string given = main.Cast(Given(labels, TensorElementType.Int64, -1, 1), TensorElementType.Float);
            _fed[labels.Name] = main.Cast(AsRows(main, Both(given, conditions.Classes!.Null), labels), labels.Type);
        }
        for (int i = 0; i < graph.Vectors.Count; i++)
        {
            (NetworkValue vector, ConditionInputCard card) = (graph.Vectors[i], conditions.Vectors![i]);
            string given = Given(vector, TensorElementType.Float, vector.Shape);
            if (card.Columns is { } columns)
            {
                long[] shape = [.. vector.Shape[1..]];
                string centred = main.Node("Sub", main.Cast(given, TensorElementType.Double), main.Doubles([.. columns.Mean], shape));
                given = main.Cast(main.Node("Div", centred, main.Doubles([.. columns.Scale], shape)), TensorElementType.Float);
            }
            _fed[vector.Name] = main.Cast(Both(given, card.Null), vector.Type);
        }
        for (int i = 0; i < graph.Sequences.Count; i++)
        {
            (NetworkValue sequence, SequenceInputCard card) = (graph.Sequences[i], conditions.Sequences![i]);
            _fed[sequence.Name] = main.Cast(Both(Given(sequence, TensorElementType.Float, sequence.Shape), card.Null), sequence.Type);
            if (graph.Masks[i] is { } mask)
                _fed[mask.Name] = main.Cast(Both(Given(mask, TensorElementType.Float, mask.Shape), 1), mask.Type);
        }
        for (int i = 0; i < graph.Constants.Count; i++)
        {
            (NetworkValue constant, ConstantInputCard card) = (graph.Constants[i], graph.Card.Inputs.Constants![i]);
            string values = card.Values.Count == 1 ? main.Double(card.Values[0]) : main.Doubles([.. card.Values], [.. constant.Shape.Where(size => size != -1)]);
            _fed[constant.Name] = main.Cast(main.Node("Expand", values, ShapeOf(constant.Shape)), constant.Type);
        }
    }

    /// <summary>Writes the network's weights into the one graph that calls it.</summary>
    public void AddWeights(GraphScope scope) => _source.AddWeights(scope.Weights);

    /// <summary>What the network predicts for all samples at one time.</summary>
    /// <param name="scope">Where it is asked.</param>
    /// <param name="time">What it is fed for the time, in float64 or int64 without dimensions.</param>
    /// <param name="states">The states, [N, d].</param>
    /// <returns>The prediction, [N, d].</returns>
    public string AtOneTime(GraphScope scope, string time, string states) =>
        Predicted(scope, scope.Node("Expand", scope.Cast(time, _graph.Time.Type), _times), states);

    /// <summary>What the network predicts for each sample at its own time.</summary>
    /// <param name="scope">Where it is asked.</param>
    /// <param name="times">What it is fed for the times, [N, 1] in float64.</param>
    /// <param name="states">The states, [N, d].</param>
    /// <returns>The prediction, [N, d].</returns>
    /// <exception cref="NotSupportedException">The network takes one time for all.</exception>
    public string AtOwnTimes(GraphScope scope, string times, string states)
    {
        if (!_graph.Time.HasRows)
            throw new NotSupportedException($"'{_graph.Time.Name}' is one time for all samples, and adaptive steps give each its own. Choose euler, heun or rk4.");
        string fed = scope.Cast(times, _graph.Time.Type);
        if (_scale is not null)
            fed = scope.Concat(0, fed, fed);
        return Predicted(scope, scope.Node("Reshape", fed, _times), states);
    }

    private string Predicted(GraphScope scope, string times, string states)
    {
        bool guided = _scale is not null;
        string rows = scope.Node("Reshape", states, _state);
        if (guided)
            rows = scope.Concat(0, rows, rows);
        var fed = new Dictionary<string, string>(_fed)
        {
            [_graph.Time.Name] = times,
            [_graph.State.Name] = _graph.State.Type == TensorElementType.Float ? rows : scope.Cast(rows, _graph.State.Type),
        };
        string prediction = _source.Call(scope, fed);
        if (_graph.Prediction.Type != TensorElementType.Float)
            prediction = scope.Cast(prediction, TensorElementType.Float);
        prediction = scope.Node("Reshape", prediction, _flat);
        if (_graph.Card.Prediction.Sign < 0)
            prediction = scope.Node("Neg", prediction);
        if (!guided)
            return prediction;
        string with = scope.Node("Slice", prediction, scope.Wholes(0), _rows, scope.Wholes(0)), without = scope.Node("Slice", prediction, _rows, _calls, scope.Wholes(0));
        string mixed = scope.Node("Add", scope.Node("Mul", scope.Node("Sub", with, without), _scale!), without);
        return scope.Node("Where", _isOne!, with, mixed); // as a solve without guidance has it, to the last bit
    }

    /// <summary>[N, 1] in the shape that a value has.</summary>
    private static string AsRows(GraphScope main, string column, NetworkValue value) =>
        value.Shape.Length == 1 ? main.Node("Squeeze", column, main.Wholes(1)) : column;
}
