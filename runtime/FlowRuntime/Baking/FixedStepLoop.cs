using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>
/// Fixed steps of a Runge–Kutta method as a loop: the same steps for all samples, in the operations and the order of <see cref="RungeKuttaStepper"/> with
/// <see cref="FixedSteps.Unfused"/>.
/// </summary>
internal sealed class FixedStepLoop
{
    private readonly GraphScope _main;
    private readonly FlowModel _model;
    private readonly SampledVelocity _velocity;
    private readonly ButcherTableau _method;
    private readonly double[]? _grid;
    private readonly bool _recorded;
    private readonly bool _areInput;
    private readonly string _count; // of steps, in int64 without dimensions

    /// <param name="main">The sampler's graph.</param>
    /// <param name="model">The model.</param>
    /// <param name="velocity">Its velocity.</param>
    /// <param name="steps">Method and grid.</param>
    /// <param name="areInput">Whether their number is an input.</param>
    /// <param name="recorded">Whether the trajectory is wanted.</param>
    /// <exception cref="NotSupportedException">They cannot be baked.</exception>
    public FixedStepLoop(GraphScope main, FlowModel model, SampledVelocity velocity, FixedSteps steps, bool areInput, bool recorded)
    {
        (_main, _model, _velocity, _areInput, _recorded) = (main, model, velocity, areInput, recorded);
        BakeOptions.RequireBaked(steps.Method);
        if (steps.Method is EmbeddedPair)
            throw new NotSupportedException($"{steps.Method} is baked in adaptive steps alone. Choose euler, heun or rk4 for fixed ones.");
        _method = (ButcherTableau)steps.Method;
        if (velocity.TimeSteps is { } known && _method.C.ContainsAnyExcept([0.0, 1.0]))
            throw new NotSupportedException($"{model.Path} knows {known} whole time steps alone, and {_method} asks between them. Choose euler or heun.");
        if (!areInput)
        {
            TimeGrid grid = velocity.TimeSteps is { } whole ? steps.Grid.OnSteps(whole) : steps.Grid;
            _grid = grid.Times(steps.Count, model.Start, model.End, ProbabilityPath.Of(model.Card.Path));
            _count = main.Whole(steps.Count);
        }
        else
        {
            if (steps.Grid != TimeGrid.Uniform)
                throw new NotSupportedException($"The grid '{steps.Grid}' is baked with its number of steps: it can be no input.");
            _count = main.Node("Squeeze", main.Input(SamplerFile.Steps, TensorElementType.Int64, 1), main.Wholes(0));
        }
    }

    /// <summary>Writes the loop.</summary>
    /// <param name="states">Where samples start, [N, d].</param>
    /// <param name="column">The shape [N, 1].</param>
    public SampledEnds Write(string states, string column)
    {
        GraphScope body = _main.Body();
        string step = body.Input(body.NewName(), TensorElementType.Int64);
        body.Input(body.NewName(), TensorElementType.Bool);
        string x = body.Input(body.NewName(), TensorElementType.Float, -1, -1);
        string alive = body.Input(body.NewName(), TensorElementType.Bool, -1, 1);
        string reached = body.Input(body.NewName(), TensorElementType.Float, -1, 1);
        string accepted = body.Input(body.NewName(), TensorElementType.Int64, -1, 1);
        string evaluations = body.Input(body.NewName(), TensorElementType.Int64, -1, 1);

        string start = TimeOf(body, step), end = TimeOf(body, body.Node("Min", body.Node("Add", step, body.Whole(1)), _count));
        string next = Step(body, x, start, end, out string slope);
        string isStep = body.Node("Less", step, _count), stages = body.Whole(_method.Stages);
        if (_model.FinishesWithData) // in a turn more, that stands at the end
        {
            next = body.Node("Where", isStep, next, _velocity.DataOf(body, x, slope, _model.End));
            stages = body.Node("Where", isStep, stages, body.Whole(1));
        }
        string finite = body.IsFinite(next);
        string going = body.Node("And", alive, finite);
        void Out(string value, TensorElementType type, params ReadOnlySpan<long> shape) => body.Add("Identity", [], [value], [body.Output(body.NewName(), type, shape)]);
        string count = body.With("ReduceSum", [GraphScope.Attribute("keepdims", 0)], body.Cast(going, TensorElementType.Int64));
        Out(body.Node("Greater", count, body.Whole(0)), TensorElementType.Bool);
        string xNow = body.Node("Where", going, next, x), reachedNow = body.Node("Where", going, body.Cast(end, TensorElementType.Float), reached);
        Out(xNow, TensorElementType.Float, -1, -1);
        Out(going, TensorElementType.Bool, -1, 1);
        Out(reachedNow, TensorElementType.Float, -1, 1);
        Out(body.Node("Add", accepted, body.Cast(body.Node("And", going, isStep), TensorElementType.Int64)), TensorElementType.Int64, -1, 1);
        Out(body.Node("Add", evaluations, body.Node("Mul", body.Cast(alive, TensorElementType.Int64), stages)), TensorElementType.Int64, -1, 1);
        if (_recorded)
            SampledTrajectory.Record(body, xNow, reachedNow);
        _velocity.AddWeights(body);

        string none = _main.Node("Expand", _main.Whole(0), column);
        string[] ends = [.. Enumerable.Range(0, _recorded ? 7 : 5).Select(_ => _main.NewName())];
        string atStart = _main.Node("Expand", _main.Single(_model.Start), column);
        string hasSteps = _main.Node("Less", _main.Whole(0), _count);
        string hasRows = _main.Node("Less", _main.Whole(0), _main.Node("Size", states)); // networks are not asked for nothing
        string turns = _main.Node("Add", _count, _main.Whole(_model.FinishesWithData ? 1 : 0));
        _main.AddLoop(body, [turns, _main.Node("And", hasSteps, hasRows), states, _main.Node("Expand", _main.True(), column), atStart, none, none], ends);
        string status = _main.Node("Where", ends[1], _main.Whole((long)SampleStatus.Completed), _main.Whole((long)SampleStatus.NonFinite));
        if (_areInput)
            status = _main.Node("Where", hasSteps, status, _main.Node("Expand", _main.Whole((long)SampleStatus.OutOfSteps), column));
        SampledTrajectory? trajectory = _recorded ? SampledTrajectory.Of(_main, states, atStart, ends[5], ends[6]) : null;
        return new SampledEnds(ends[0], ends[2], ends[4], ends[3], status, trajectory);
    }

    /// <summary>The time of a place on the grid, as <see cref="TimeGrid.Uniform"/> or the table has it, in float64 without dimensions.</summary>
    private string TimeOf(GraphScope body, string place)
    {
        if (_grid is not null)
            return body.Node("Gather", body.Doubles(_grid, _grid.Length), place);
        string share = body.Node("Div", body.Cast(place, TensorElementType.Double), body.Cast(_count, TensorElementType.Double));
        string time = body.Node("Add", body.Double(_model.Start), body.Node("Mul", body.Double(_model.End - _model.Start), share));
        if (_velocity.TimeSteps is { } steps)
            time = body.Node("Div", body.Node("Round", body.Node("Mul", time, body.Double(steps - 1))), body.Double(steps - 1));
        string inside = body.Node("Where", body.Node("Equal", place, _count), body.Double(_model.End), time);
        return body.Node("Where", body.Node("Equal", place, body.Whole(0)), body.Double(_model.Start), inside);
    }

    /// <summary>The states after a step, and their velocities before it.</summary>
    private string Step(GraphScope body, string x, string start, string end, out string slope)
    {
        string h = body.Node("Sub", end, start), size = body.Cast(h, TensorElementType.Float);
        var slopes = new string[_method.Stages];
        for (int stage = 0; stage < slopes.Length; stage++)
        {
            double node = _method.C[stage];
            string time = node == 0 ? start : node == 1 ? end : body.Node("Add", start, body.Node("Mul", body.Double(node), h));
            slopes[stage] = _velocity.At(body, time, stage == 0 ? x : Combined(body, x, size, slopes, _method.A(stage)));
        }
        slope = slopes[0];
        return Combined(body, x, size, slopes, _method.B);
    }

    /// <summary>x + h Σ_j weights_j slopes_j, each product and sum rounded to float32.</summary>
    internal static string Combined(GraphScope body, string x, string h, string[] slopes, ReadOnlySpan<double> weights) =>
        body.Node("Add", x, body.Node("Mul", h, Sum(body, slopes, weights)));

    /// <summary>Σ_j weights_j slopes_j, each product and sum rounded to float32; zeros are passed over.</summary>
    internal static string Sum(GraphScope body, string[] slopes, ReadOnlySpan<double> weights)
    {
        string? sum = null;
        for (int j = 0; j < weights.Length; j++)
        {
            if (weights[j] == 0)
                continue;
            string term = weights[j] == 1 ? slopes[j] : body.Node("Mul", slopes[j], body.Single(weights[j]));
            sum = sum is null ? term : body.Node("Add", sum, term);
        }
        return sum!;
    }
}
