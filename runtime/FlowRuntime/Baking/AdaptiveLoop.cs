using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Sampling;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>
/// Adaptive steps of an embedded pair as a loop in which every sample has its own time, step and tolerances, in the operations and the order of <see cref="AdaptiveWorker"/> with
/// <see cref="AdaptiveSteps.Unfused"/>. All samples go through all turns: one that has ended stands still.
/// </summary>
/// <remarks>
/// The first turn is a step of no length, whose last stage is the slope where samples start: so the network is called in the body alone, and its weights stand there once.
/// </remarks>
internal sealed class AdaptiveLoop
{
    private const long Active = -1; // beside the statuses
    private const long Completed = (long)SampleStatus.Completed, NonFinite = (long)SampleStatus.NonFinite, OutOfSteps = (long)SampleStatus.OutOfSteps, StepTooSmall = (long)SampleStatus.StepTooSmall;

    private readonly GraphScope _main;
    private readonly FlowModel _model;
    private readonly SampledVelocity _velocity;
    private readonly EmbeddedPair _pair;
    private readonly AdaptiveSteps _steps;
    private readonly bool _recorded;
    private readonly string _relative, _absolute; // [N, 1]

    /// <param name="main">The sampler's graph.</param>
    /// <param name="model">The model.</param>
    /// <param name="velocity">Its velocity.</param>
    /// <param name="steps">Pair, controller, first step and bounds; its tolerances are inputs instead.</param>
    /// <param name="recorded">Whether the trajectory is wanted.</param>
    /// <exception cref="NotSupportedException">They cannot be baked.</exception>
    public AdaptiveLoop(GraphScope main, FlowModel model, SampledVelocity velocity, AdaptiveSteps steps, bool recorded)
    {
        (_main, _model, _velocity, _pair, _steps, _recorded) = (main, model, velocity, steps.Method, steps, recorded);
        BakeOptions.RequireBaked(_pair);
        if (steps.Controller.Beta3 != 0 || steps.Profile is not null || steps.Moments is not null)
            throw new NotSupportedException("Controllers with two errors of memory, profiles and moments are not baked.");
        if (velocity.TimeSteps is { } whole)
            throw new NotSupportedException($"{model.Path} knows {whole} whole time steps alone, and adaptive steps ask between them. Choose euler or heun.");
        string Tolerance(string name, double least) => main.Node("Max", main.Input(name, TensorElementType.Float, -1, 1), main.Single(least));
        (_relative, _absolute) = (Tolerance(SamplerFile.RelativeTolerance, AdaptiveWorker.Rounding), Tolerance(SamplerFile.AbsoluteTolerance, float.Epsilon));
    }

    /// <summary>What goes from turn to turn: states and slopes [N, d], and columns [N, 1].</summary>
    /// <param name="States">The states.</param>
    /// <param name="Slopes">Their velocities.</param>
    /// <param name="Time">Their times.</param>
    /// <param name="Step">The next step.</param>
    /// <param name="LastLog">Logarithm of the last accepted step's error.</param>
    /// <param name="Limit">How much a step may grow: not at all behind a rejected one.</param>
    /// <param name="NonFinite">Steps so far whose error was not finite.</param>
    /// <param name="NonFiniteTime">The earliest time that such a step wanted to reach.</param>
    /// <param name="InARow">Rejected steps one behind another.</param>
    /// <param name="Accepted">Accepted steps.</param>
    /// <param name="Attempts">Steps, accepted or not.</param>
    /// <param name="Status">−1 under way, or how it ended.</param>
    private sealed record Carried(
        string States, string Slopes, string Time, string Step, string LastLog, string Limit, string NonFinite, string NonFiniteTime, string InARow, string Accepted, string Attempts, string Status)
    {
        public static readonly TensorElementType[] Types =
        [
            TensorElementType.Float, TensorElementType.Float, TensorElementType.Double, TensorElementType.Double, TensorElementType.Double, TensorElementType.Double, TensorElementType.Int64, TensorElementType.Double,
            TensorElementType.Int64, TensorElementType.Int64, TensorElementType.Int64, TensorElementType.Int64,
        ];

        public static Carried Of(ReadOnlySpan<string> values) =>
            new(values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7], values[8], values[9], values[10], values[11]);

        public string[] Values => [States, Slopes, Time, Step, LastLog, Limit, NonFinite, NonFiniteTime, InARow, Accepted, Attempts, Status];

        /// <summary>Number of values in a row of one of them; −1 where it is open.</summary>
        public static long WidthOf(int place) => place < 2 ? -1 : 1;
    }

    /// <summary>Writes the loop.</summary>
    /// <param name="states">Where samples start, [N, d].</param>
    /// <param name="column">The shape [N, 1].</param>
    public SampledEnds Write(string states, string column)
    {
        string Filled(string value) => _main.Node("Expand", value, column);
        string start = Filled(_main.Double(_model.Start)), none = Filled(_main.Whole(0));
        double length = _model.End - _model.Start;
        var before = new Carried(
            states, Slopes: _main.Node("Mul", states, _main.Single(0)), start, Step: Filled(_main.Double(Math.Min(_steps.FirstStep ?? length, length))), LastLog: Filled(_main.Double(0)), Limit: Filled(_main.Double(StepController.Grow)),
            NonFinite: none, NonFiniteTime: Filled(_main.Double(double.PositiveInfinity)), InARow: none, Accepted: none, Attempts: none,
            Status: Filled(_main.Whole(Active)));

        GraphScope body = _main.Body();
        string turn = body.Input(body.NewName(), TensorElementType.Int64);
        body.Input(body.NewName(), TensorElementType.Bool);
        string[] inside = new string[Carried.Types.Length];
        for (int i = 0; i < inside.Length; i++)
            inside[i] = body.Input(body.NewName(), Carried.Types[i], -1, Carried.WidthOf(i));
        Carried after = Turn(body, Carried.Of(inside), isFirst: body.Node("Equal", turn, body.Whole(0)));
        body.Add("Identity", [], [AnyActive(body, after.Status)], [body.Output(body.NewName(), TensorElementType.Bool)]);
        string[] values = after.Values;
        for (int i = 0; i < values.Length; i++)
            body.Add("Identity", [], [values[i]], [body.Output(body.NewName(), Carried.Types[i], -1, Carried.WidthOf(i))]);
        if (_recorded)
            SampledTrajectory.Record(body, after.States, body.Cast(after.Time, TensorElementType.Float));

        string[] ends = new string[values.Length + (_recorded ? 2 : 0)];
        for (int i = 0; i < ends.Length; i++)
            ends[i] = _main.NewName();
        _velocity.AddWeights(body);
        _main.AddLoop(body, [_main.Whole(_steps.MaxSteps + 1L), AnyActive(_main, before.Status), .. before.Values], ends);
        Carried end = Carried.Of(ends);
        string evaluations = _main.Node("Add", _main.Node("Mul", end.Attempts, _main.Whole(_pair.Stages - 1)), _main.Whole(1));
        string status = _main.Node("Where", _main.Node("Equal", end.Status, _main.Whole(Active)), _main.Whole(OutOfSteps), end.Status);
        string time = _main.Cast(end.Time, TensorElementType.Float), reached = end.States;
        string BehindFirst(string recorded) => _main.Node("Slice", recorded, _main.Wholes(1), _main.Wholes(long.MaxValue), _main.Wholes(0));
        SampledTrajectory? trajectory = _recorded ? SampledTrajectory.Of(_main, states, _main.Cast(start, TensorElementType.Float), BehindFirst(ends[^2]), BehindFirst(ends[^1])) : null;
        if (_model.FinishesWithData)
        {
            string data = _velocity.DataOf(_main, end.States, end.Slopes, _model.End), done = _main.Node("Equal", status, _main.Whole(Completed)), finite = _main.IsFinite(data);
            reached = _main.Node("Where", _main.Node("And", done, finite), data, end.States);
            status = _main.Node("Where", _main.Node("And", done, _main.Node("Not", finite)), _main.Whole(NonFinite), status);
            trajectory = trajectory?.With(_main, reached, time);
        }
        return new SampledEnds(reached, time, evaluations, end.Accepted, status, trajectory);
    }

    /// <summary>One step of all samples.</summary>
    private Carried Turn(GraphScope body, Carried before, string isFirst)
    {
        GraphNumber Number(string name) => new(body, name);
        (GraphNumber time, GraphNumber proposed, GraphNumber limit) = (Number(before.Time), Number(before.Step), Number(before.Limit));
        string active = body.Node("And", body.Node("Equal", before.Status, body.Whole(Active)), body.Node("Not", isFirst));

        GraphNumber rest = _model.End - time;
        string isLast = body.Node("GreaterOrEqual", (AdaptiveWorker.Stretch * proposed).Name, rest.Name);
        GraphNumber step = Number(body.Node("Where", isFirst, body.Double(0), body.Node("Where", isLast, rest.Name, proposed.Name)));
        string target = body.Node("Where", body.Node("And", isLast, body.Node("Not", isFirst)), body.Double(_model.End), (time + step).Name);
        string h = body.Cast(step.Name, TensorElementType.Float);

        string x = before.States, next = x;
        var slopes = new string[_pair.Stages];
        slopes[0] = before.Slopes;
        for (int stage = 1; stage < slopes.Length; stage++)
        {
            next = FixedStepLoop.Combined(body, x, h, slopes, _pair.A(stage));
            slopes[stage] = _velocity.AtOwnTimes(body, TimeOf(body, _pair.C[stage], time, step, target), next);
        }
        string error = body.Node("Mul", h, FixedStepLoop.Sum(body, slopes, _pair.ErrorWeights));
        string size = body.Node("Max", body.Node("Abs", x), body.Node("Abs", next));
        string quotient = body.Node("Div", error, body.Node("Add", body.Node("Mul", _relative, size), _absolute));
        string squares = body.Node("Add", body.Node("Mul", quotient, quotient), body.Node("Sub", next, next));
        GraphNumber square = Number(body.SumOfRow(body.Cast(squares, TensorElementType.Double))) * (1.0 / _model.Graph.State.Width);

        string accepted = body.Node("LessOrEqual", square.Name, body.Double(1)), rejected = body.Node("Not", accepted); // NaN is rejected
        string isNumber = body.Node("Not", body.Node("IsNaN", square.Name)), isInfinite = body.Node("IsInf", square.Name);
        GraphNumber held = Number(body.Node("Where", isNumber, square.Name, body.Double(RowControllers.LeastSquare)));
        GraphNumber log = 0.5 * Between(held, RowControllers.LeastSquare, RowControllers.MostSquare).Of("Log");
        GraphNumber exponent = -_steps.Controller.Beta1 / (_pair.EmbeddedOrder + 1) * log;
        if (_steps.Controller.Beta2 != 0)
            exponent += -_steps.Controller.Beta2 / (_pair.EmbeddedOrder + 1) * Number(before.LastLog);
        GraphNumber growth = Rounded(Between(exponent, -RowControllers.MostExponent, RowControllers.MostExponent).Of("Exp"));
        GraphNumber factor = AtLeast(StepController.Safety * growth, StepController.Shrink).With("Min", limit);

        // A rejected step: its second try, and whether there is one.
        string isFinite = body.Node("And", isNumber, body.Node("Or", body.Node("Not", isInfinite), body.IsFinite(error)));
        GraphNumber shrunk = Rounded(held.With("Pow", held.Number(-0.5 / (_pair.EmbeddedOrder + 1))));
        GraphNumber kept = Between(StepController.Safety * shrunk, StepController.Shrink, StepController.Safety);
        string retry = body.Node("Where", body.Node("And", isNumber, body.Node("Not", isInfinite)), kept.Name, body.Double(StepController.Shrink));
        string wasRejected = body.Node("Equal", limit.Name, body.Double(1));
        string inARow = body.Node("Where", accepted, before.InARow, body.Node("Where", wasRejected, body.Node("Add", before.InARow, body.Whole(1)), body.Whole(1)));

        GraphNumber timeNow = Number(body.Node("Where", accepted, target, time.Name));
        GraphNumber stepNow = step * Number(body.Node("Where", accepted, factor.Name, retry));
        string forgotten = body.Node("And", accepted, body.Node("GreaterOrEqual", timeNow.Name, before.NonFiniteTime));
        string failed = body.Node("And", rejected, body.Node("Not", isFinite));
        string nonFinite = body.Node("Where", forgotten, body.Whole(0), body.Node("Add", before.NonFinite, body.Cast(failed, TensorElementType.Int64)));
        string nonFiniteTime = body.Node("Where", failed, body.Node("Min", before.NonFiniteTime, target), before.NonFiniteTime);
        nonFiniteTime = body.Node("Where", forgotten, body.Double(double.PositiveInfinity), nonFiniteTime);

        // How it stands: each line goes before those above it.
        string vanishes = body.Node("Not", body.Node("Greater", (timeNow + stepNow / 16).Name, timeNow.Name));
        string tooSmall = body.Node("Where", body.Node("Greater", nonFinite, body.Whole(0)), body.Whole(NonFinite), body.Whole(StepTooSmall));
        string status = body.Node("Where", vanishes, tooSmall, body.Whole(Active));
        string tired = body.Node("And", rejected, body.Node("GreaterOrEqual", inARow, body.Whole(_steps.MaxRejections)));
        status = body.Node("Where", tired, body.Node("Where", isFinite, body.Whole(OutOfSteps), body.Whole(NonFinite)), status);
        string lost = body.Node("And", rejected, body.Node("Greater", nonFinite, body.Whole(AdaptiveWorker.MaxNonFinite)));
        status = body.Node("Where", lost, body.Whole(NonFinite), status);
        string isDone = body.Node("And", accepted, body.Node("Equal", timeNow.Name, body.Double(_model.End)));
        status = body.Node("Where", isDone, body.Whole(Completed), status);

        string begun = body.Node("Where", body.Node("And", body.IsFinite(slopes[^1]), body.IsFinite(x)), body.Whole(Active), body.Whole(NonFinite));
        string moves = body.Node("And", active, accepted);
        string Changed(string now, string then) => body.Node("Where", active, now, then);
        return new Carried(
            States: body.Node("Where", moves, next, x),
            Slopes: body.Node("Where", body.Node("Or", moves, isFirst), slopes[^1], before.Slopes),
            Time: Changed(timeNow.Name, time.Name),
            Step: Changed(stepNow.Name, proposed.Name),
            LastLog: body.Node("Where", moves, AtLeast(log, RowControllers.LeastMemory).Name, before.LastLog),
            Limit: Changed(body.Node("Where", accepted, body.Double(StepController.Grow), body.Double(1)), limit.Name),
            NonFinite: Changed(nonFinite, before.NonFinite),
            NonFiniteTime: Changed(nonFiniteTime, before.NonFiniteTime),
            InARow: Changed(inARow, before.InARow),
            Accepted: body.Node("Add", before.Accepted, body.Cast(moves, TensorElementType.Int64)),
            Attempts: body.Node("Add", before.Attempts, body.Cast(active, TensorElementType.Int64)),
            Status: body.Node("Where", isFirst, begun, Changed(status, before.Status)));
    }

    private static string TimeOf(GraphScope body, double node, GraphNumber time, GraphNumber step, string target)
    {
        if (node == 1)
            return target;
        GraphNumber inside = time + node * step;
        return node <= AdaptiveWorker.SafeNode ? inside.Name : body.Node("Min", inside.Name, target);
    }

    private static GraphNumber AtLeast(GraphNumber value, double least) => value.With("Max", value.Number(least));

    private static GraphNumber Between(GraphNumber value, double least, double most) => AtLeast(value, least).With("Min", value.Number(most));

    private static GraphNumber Rounded(GraphNumber value) => new(value.Scope, value.Scope.Cast(value.Scope.Cast(value.Name, TensorElementType.Float), TensorElementType.Double));

    private static string AnyActive(GraphScope scope, string status)
    {
        string active = scope.Cast(scope.Node("Equal", status, scope.Whole(Active)), TensorElementType.Int64);
        return scope.Node("Greater", scope.With("ReduceSum", [GraphScope.Attribute("keepdims", 0)], active), scope.Whole(0));
    }
}
