using System.Numerics.Tensors;
using FlowRuntime.Fields;
using FlowRuntime.Paths;

namespace FlowRuntime.Ode;

/// <summary>Takes all rows over one step of a grid.</summary>
internal abstract class GridStepper(GridContext context)
{
    /// <summary>Evaluations of each sample since the rows began.</summary>
    public int Evaluations { get; private set; }

    protected double[] Grid => context.Grid;

    protected OdeProblem Problem => context.Problem;

    protected long[] Indices => context.Indices;

    protected RowBuffer X => context.X;

    /// <summary>The states: where the field is asked, and at the end of a step its result.</summary>
    protected RowBuffer States => context.Buffers.States;

    protected IReadOnlyList<RowBuffer> Velocities => context.Buffers.Velocities;

    /// <summary>Number of velocity tables a method needs.</summary>
    public static int Outputs(SolverMethod method) => method switch
    {
        ButcherTableau tableau => tableau.Stages,
        MultistepMethod multistep => MultistepStepper.HistoryOf(multistep),
        _ => 2,
    };

    /// <exception cref="ArgumentException">The method needs a path and there is none.</exception>
    public static GridStepper Create(SolverMethod method, GridContext context) => method switch
    {
        ButcherTableau tableau => new RungeKuttaStepper(tableau, context),
        MultistepMethod { IsExponential: false } adams => new AdamsBashforthStepper(adams, context),
        MultistepMethod exponential => new ExponentialStepper(exponential, context),
        StochasticMethod stochastic => new StochasticStepper(stochastic, context),
        _ => throw new NotSupportedException($"The method {method} has no stepper."),
    };

    /// <summary>New samples have come into all rows.</summary>
    public virtual void Begin() => Evaluations = 0;

    /// <summary>Takes the first rows from X over a step; the result goes to the states.</summary>
    public abstract void Step(int step, int rows, CancellationToken cancellationToken);

    /// <summary>Moves what is remembered of a row.</summary>
    public abstract void Move(int source, int destination);

    /// <summary>The state of a row within the step just taken.</summary>
    /// <param name="step">The step.</param>
    /// <param name="theta">Share of the step, in (0, 1).</param>
    /// <param name="row">Row.</param>
    /// <param name="state">Receives the state.</param>
    public abstract void Interpolate(int step, double theta, int row, Span<float> state);

    /// <summary>The path that a method follows, forward and within its times.</summary>
    protected ProbabilityPath PathOf(SolverMethod method)
    {
        if (Problem.Path is not { } path)
            throw new ArgumentException($"The method {method} follows the model's path: set OdeProblem.Path.");
        if (Problem.Direction < 0)
            throw new ArgumentException($"The method {method} runs from noise to data only. Solve in reverse with a Runge–Kutta or an Adams method.");
        if (Problem.Start < 0 || Problem.End > 1)
            throw new ArgumentException(FormattableString.Invariant($"The method {method} follows the path from t = 0 to 1; the solve from {Problem.Start} to {Problem.End} leaves it."));
        return path;
    }

    protected void Evaluate(double time, int rows, int output, CancellationToken cancellationToken)
    {
        context.Evaluate(time, rows, output, cancellationToken);
        Evaluations++;
    }

    /// <summary>The quadratic through both ends of a step with a given slope at its start: x + θ h v + θ² (x' − x − h v).</summary>
    protected void InterpolateQuadratically(RowBuffer start, RowBuffer slope, double h, double theta, int row, Span<float> state)
    {
        States[row].CopyTo(state);
        TensorPrimitives.Multiply(state, (float)(theta * theta), state);
        TensorPrimitives.MultiplyAdd(start[row], (float)(1 - theta * theta), state, state);
        TensorPrimitives.MultiplyAdd(slope[row], (float)(h * (theta - theta * theta)), state, state);
    }
}
