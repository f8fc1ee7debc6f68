using FlowRuntime.Ode;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>
/// Adaptive steps of an embedded pair as a loop in which every sample has its own time, step and tolerances, in the operations and the order of <see cref="AdaptiveWorker"/> with
/// <see cref="AdaptiveSteps.Unfused"/>. All samples go through all turns: one that has ended stands still.
/// </summary>
internal sealed class AdaptiveLoop
{
    private const int Tables = 2; // of what is carried, states and slopes; the rest is a column
    private const long Active = -1, Completed = 0, NonFinite = 1, OutOfSteps = 2, StepTooSmall = 3;

    private readonly GraphScope _main;
    private readonly FlowModel _model;
    private readonly SampledVelocity _velocity;
    private readonly EmbeddedPair _pair;
    private readonly AdaptiveSteps _steps;
    private readonly string _relative, _absolute; // [N, 1]

    /// <param name="main">The sampler's graph.</param>
    /// <param name="model">The model.</param>
    /// <param name="velocity">Its velocity.</param>
    /// <param name="steps">Pair, controller, first step and bounds; its tolerances are inputs instead.</param>
    /// <exception cref="NotSupportedException">They cannot be baked.</exception>
    public AdaptiveLoop(GraphScope main, FlowModel model, SampledVelocity velocity, AdaptiveSteps steps)
    {
        (_main, _model, _velocity, _pair, _steps) = (main, model, velocity, steps.Method, steps);
        if (_pair != ButcherTableau.Dopri5 && _pair != ButcherTableau.Tsit5)
            throw new NotSupportedException($"{_pair} is not baked. Choose dopri5 or tsit5.");
        if (steps.Controller.Beta3 != 0 || steps.Profile is not null || steps.Moments is not null)
            throw new NotSupportedException("Controllers with two errors of memory, profiles and moments are not baked.");
        if (velocity.TimeSteps is { } whole)
            throw new NotSupportedException($"{model.Path} knows {whole} whole time steps alone, and adaptive steps ask between them. Choose euler or heun.");
        string Tolerance(string name, double least) => main.Node("Max", main.Input(name, TensorElementType.Float, -1, 1), main.Single(least));
        (_relative, _absolute) = (Tolerance(SamplerFile.RelativeTolerance, AdaptiveWorker.Rounding), Tolerance(SamplerFile.AbsoluteTolerance, float.Epsilon));
    }

    /// <summary>Writes the loop.</summary>
    /// <param name="states">Where samples start, [N, d].</param>
    /// <param name="column">The shape [N, 1].</param>
    public SampledEnds Write(string states, string column)
    {
        string Filled(string value) => _main.Node("Expand", value, column);
        string start = Filled(_main.Double(_model.Start));
        string slope = _velocity.AtOwnTimes(_main, start, states);
        string firstFinite = _main.Node("And", _main.IsFinite(slope), _main.IsFinite(states));
        string status = _main.Node("Where", firstFinite, _main.Whole(Active), _main.Whole(NonFinite));
        double length = _model.End - _model.Start;
        string none = Filled(_main.Whole(0));

        GraphScope body = _main.Body();
        body.Input(body.NewName(), TensorElementType.Int64);
        body.Input(body.NewName(), TensorElementType.Bool);
        string firstStep = Filled(_main.Double(Math.Min(_steps.FirstStep ?? length, length))), zero = Filled(_main.Double(0)), grow = Filled(_main.Double(StepController.Grow)), never = Filled(_main.Double(double.PositiveInfinity));
        string[] carried = [states, slope, start, firstStep, zero, grow, none, never, none, none, none, status];
        TensorElementType[] types =
        [
            TensorElementType.Float, TensorElementType.Float, TensorElementType.Double, TensorElementType.Double, TensorElementType.Double, TensorElementType.Double, TensorElementType.Int64, TensorElementType.Double,
            TensorElementType.Int64, TensorElementType.Int64, TensorElementType.Int64, TensorElementType.Int64,
        ];
        string[] inside = new string[carried.Length];
        for (int i = 0; i < inside.Length; i++)
            inside[i] = body.Input(body.NewName(), types[i], -1, i < Tables ? -1 : 1);
        string[] after = Turn(body, inside, out string going);
        body.Add("Identity", [], [going], [body.Output(body.NewName(), TensorElementType.Bool)]);
        for (int i = 0; i < carried.Length; i++)
            body.Add("Identity", [], [after[i]], [body.Output(body.NewName(), types[i], -1, i < Tables ? -1 : 1)]);

        string[] ends = new string[carried.Length];
        for (int i = 0; i < ends.Length; i++)
            ends[i] = _main.NewName();
        _main.Add("Loop", [GraphScope.Attribute("body", body)], [_main.Whole(_steps.MaxSteps), AnyActive(_main, status), .. carried], ends);
        string evaluations = _main.Node("Add", _main.Node("Mul", ends[10], _main.Whole(_pair.Stages - 1)), _main.Whole(1));
        string ended = _main.Node("Where", _main.Node("Equal", ends[11], _main.Whole(Active)), _main.Whole(OutOfSteps), ends[11]);
        return new SampledEnds(ends[0], _main.Cast(ends[2], TensorElementType.Float), evaluations, ends[9], ended);
    }

    /// <summary>One step of all samples.</summary>
    private string[] Turn(GraphScope body, string[] before, out string going)
    {
        string Double(double value) => body.Double(value);
        (string x, string slope, string time, string proposed) = (before[0], before[1], before[2], before[3]);
        (string last, string limit, string nonFinite, string nonFiniteTime) = (before[4], before[5], before[6], before[7]);
        (string inARow, string acceptedSoFar, string attempts, string status) = (before[8], before[9], before[10], before[11]);
        string active = body.Node("Equal", status, body.Whole(Active));

        string rest = body.Node("Sub", Double(_model.End), time);
        string isLast = body.Node("GreaterOrEqual", body.Node("Mul", Double(AdaptiveWorker.Stretch), proposed), rest);
        string step = body.Node("Where", isLast, rest, proposed);
        string target = body.Node("Where", isLast, Double(_model.End), body.Node("Add", time, step));
        string h = body.Cast(step, TensorElementType.Float);

        var slopes = new string[_pair.Stages];
        slopes[0] = slope;
        string next = x;
        for (int stage = 1; stage < slopes.Length; stage++)
        {
            next = FixedStepLoop.Combined(body, x, h, slopes, _pair.A(stage));
            slopes[stage] = _velocity.AtOwnTimes(body, TimeOf(body, _pair.C[stage], time, step, target), next);
        }
        string error = body.Node("Mul", h, FixedStepLoop.Sum(body, slopes, _pair.ErrorWeights));
        string size = body.Node("Max", body.Node("Abs", x), body.Node("Abs", next));
        string quotient = body.Node("Div", error, body.Node("Add", body.Node("Mul", _relative, size), _absolute));
        string squares = body.Node("Add", body.Node("Mul", quotient, quotient), body.Node("Sub", next, next));
        string square = body.Node("Mul", body.SumOfRow(body.Cast(squares, TensorElementType.Double)), Double(1.0 / _model.Graph.State.Width));

        string accepted = body.Node("LessOrEqual", square, Double(1)); // not so for NaN
        string isNumber = body.Node("Not", body.Node("IsNaN", square)), held = body.Node("Where", isNumber, square, Double(RowControllers.LeastSquare));
        string log = body.Node("Mul", Double(0.5), body.Node("Log", body.Node("Min", body.Node("Max", held, Double(RowControllers.LeastSquare)), Double(RowControllers.MostSquare))));
        string exponent = body.Node("Mul", Double(-_steps.Controller.Beta1 / (_pair.EmbeddedOrder + 1)), log);
        if (_steps.Controller.Beta2 != 0)
            exponent = body.Node("Add", exponent, body.Node("Mul", Double(-_steps.Controller.Beta2 / (_pair.EmbeddedOrder + 1)), last));
        string growth = Rounded(body, body.Node("Exp", body.Node("Min", body.Node("Max", exponent, Double(-RowControllers.MostExponent)), Double(RowControllers.MostExponent))));
        string factor = body.Node("Min", body.Node("Max", body.Node("Mul", Double(StepController.Safety), growth), Double(StepController.Shrink)), limit);

        // A rejected step: its second try, and whether there is one.
        string isInfinite = body.Node("IsInf", square);
        string isFinite = body.Node("And", isNumber, body.Node("Or", body.Node("Not", isInfinite), body.IsFinite(error)));
        string shrunk = Rounded(body, body.Node("Pow", held, Double(-0.5 / (_pair.EmbeddedOrder + 1))));
        string kept = body.Node("Min", body.Node("Max", body.Node("Mul", Double(StepController.Safety), shrunk), Double(StepController.Shrink)), Double(StepController.Safety));
        string retry = body.Node("Where", body.Node("And", isNumber, body.Node("Not", isInfinite)), kept, Double(StepController.Shrink));
        string wasRejected = body.Node("Equal", limit, Double(1));
        string inARowNow = body.Node("Where", accepted, inARow, body.Node("Where", wasRejected, body.Node("Add", inARow, body.Whole(1)), body.Whole(1)));

        string timeNow = body.Node("Where", accepted, target, time);
        string proposedNow = body.Node("Mul", step, body.Node("Where", accepted, factor, retry));
        string forgotten = body.Node("And", accepted, body.Node("GreaterOrEqual", timeNow, nonFiniteTime));
        string failed = body.Node("And", body.Node("Not", accepted), body.Node("Not", isFinite));
        string nonFiniteNow = body.Node("Where", forgotten, body.Whole(0), body.Node("Add", nonFinite, body.Cast(failed, TensorElementType.Int64)));
        string nonFiniteTimeNow = body.Node("Where", forgotten, Double(double.PositiveInfinity), body.Node("Where", failed, body.Node("Min", nonFiniteTime, target), nonFiniteTime));

        string vanishes = body.Node("Not", body.Node("Greater", body.Node("Add", timeNow, body.Node("Div", proposedNow, Double(16))), timeNow));
        string tooSmall = body.Node("Where", body.Node("Greater", nonFiniteNow, body.Whole(0)), body.Whole(NonFinite), body.Whole(StepTooSmall));
        string going1 = body.Node("Where", vanishes, tooSmall, body.Whole(Active));
        string isDone = body.Node("And", accepted, body.Node("Equal", timeNow, Double(_model.End)));
        string tired = body.Node("And", body.Node("Not", accepted), body.Node("GreaterOrEqual", inARowNow, body.Whole(_steps.MaxRejections)));
        string going2 = body.Node("Where", tired, body.Node("Where", isFinite, body.Whole(OutOfSteps), body.Whole(NonFinite)), going1);
        string lost = body.Node("And", body.Node("Not", accepted), body.Node("Greater", nonFiniteNow, body.Whole(AdaptiveWorker.MaxNonFinite)));
        string going3 = body.Node("Where", lost, body.Whole(NonFinite), going2);
        string statusNow = body.Node("Where", isDone, body.Whole(Completed), going3);

        string moves = body.Node("And", active, accepted);
        string Changed(string now, string then) => body.Node("Where", active, now, then);
        string statusAfter = Changed(statusNow, status);
        going = AnyActive(body, statusAfter);
        return
        [
            body.Node("Where", moves, next, x), body.Node("Where", moves, slopes[^1], slope), Changed(timeNow, time), Changed(proposedNow, proposed),
            body.Node("Where", moves, body.Node("Max", log, Double(RowControllers.LeastMemory)), last), Changed(body.Node("Where", accepted, Double(StepController.Grow), Double(1)), limit),
            Changed(nonFiniteNow, nonFinite), Changed(nonFiniteTimeNow, nonFiniteTime), Changed(inARowNow, inARow),
            body.Node("Add", acceptedSoFar, body.Cast(moves, TensorElementType.Int64)), body.Node("Add", attempts, body.Cast(active, TensorElementType.Int64)), statusAfter,
        ];
    }

    private static string TimeOf(GraphScope body, double node, string time, string step, string target)
    {
        if (node == 1)
            return target;
        string inside = body.Node("Add", time, body.Node("Mul", body.Double(node), step));
        return node <= AdaptiveWorker.SafeNode ? inside : body.Node("Min", inside, target);
    }

    private static string Rounded(GraphScope scope, string value) => scope.Cast(scope.Cast(value, TensorElementType.Float), TensorElementType.Double);

    private static string AnyActive(GraphScope scope, string status)
    {
        string active = scope.Cast(scope.Node("Equal", status, scope.Whole(Active)), TensorElementType.Int64);
        return scope.Node("Greater", scope.With("ReduceSum", [GraphScope.Attribute("keepdims", 0)], active), scope.Whole(0));
    }
}
