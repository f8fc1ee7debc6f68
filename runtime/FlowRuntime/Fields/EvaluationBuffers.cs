namespace FlowRuntime.Fields;

/// <summary>The buffers through which a solver and a velocity field's evaluator talk: one row a sample.</summary>
/// <remarks>
/// A solver's tables hold anything before they are first written, and its memory is used again once the evaluator is disposed: an evaluator
/// keeps nothing of it.
/// </remarks>
public sealed class EvaluationBuffers
{
    private readonly RowBuffer[] _velocities;
    private readonly RowBuffer[]? _divergences;

    /// <summary>Allocates buffers.</summary>
    /// <param name="capacity">Number of rows.</param>
    /// <param name="dimension">Number of values of a state.</param>
    /// <param name="outputs">Number of velocity tables (the stages of a Runge–Kutta method).</param>
    /// <param name="withDivergence">Whether the evaluator shall also give ∇·v.</param>
    public EvaluationBuffers(int capacity, int dimension, int outputs, bool withDivergence = false)
        : this(capacity, dimension, outputs, withDivergence, cleared: true)
    {
    }

    /// <summary>Takes buffers that may hold anything where they need not be cleared.</summary>
    internal EvaluationBuffers(int capacity, int dimension, int outputs, bool withDivergence, bool cleared)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        States = new RowBuffer(capacity, dimension, cleared);
        Times = new double[capacity];
        _velocities = [.. Enumerable.Range(0, outputs).Select(_ => new RowBuffer(capacity, dimension, cleared))];
        if (!withDivergence)
            return;
        _divergences = [.. Enumerable.Range(0, outputs).Select(_ => new RowBuffer(capacity, 1, cleared))];
        Probes = new RowBuffer(capacity, dimension, cleared: false);
        Probes.Memory.Span.Fill(float.NaN);
    }

    /// <summary>Buffers of tables that are there.</summary>
    internal EvaluationBuffers(int capacity, RowBuffer states, RowBuffer[] velocities) => (States, Times, _velocities) = (states, new double[capacity], velocities);

    /// <summary>Gives the memory back, when no evaluator uses it any more.</summary>
    internal void Release()
    {
        States.Release();
        foreach (RowBuffer table in _velocities)
            table.Release();
        foreach (RowBuffer table in _divergences ?? [])
            table.Release();
        Probes?.Release();
    }

    /// <summary>Number of rows.</summary>
    public int Capacity => States.Rows;

    /// <summary>Number of values of a state.</summary>
    public int Dimension => States.Width;

    /// <summary>Flow time of each row, in [0, 1], [capacity]. Read by the evaluator.</summary>
    public double[] Times { get; }

    /// <summary>State of each row, [capacity, dimension]. Read by the evaluator.</summary>
    public RowBuffer States { get; }

    /// <summary>Velocity tables, each [capacity, dimension]; an evaluation names the one it writes.</summary>
    public IReadOnlyList<RowBuffer> Velocities => _velocities;

    /// <summary>Divergence tables ∇·v, each [capacity, 1], one for each velocity table; null where not asked for.</summary>
    public IReadOnlyList<RowBuffer>? Divergences => _divergences;

    /// <summary>
    /// Probes e of each row, ±1, [capacity, dimension], beside the divergence tables; null where those are. A field that knows no exact
    /// divergence gives the estimate eᵀ(∂v/∂x)e instead, whose mean over probes is ∇·v; others do not look. The caller fills them, and keeps
    /// a sample's probe while it is solved; before they are NaN.
    /// </summary>
    /// <remarks>Source: Hutchinson 1990, "A Stochastic Estimator of the Trace of the Influence Matrix for Laplacian Smoothing Splines"; for
    /// flows, one probe along a trajectory, Grathwohl et al. 2019, "FFJORD".</remarks>
    public RowBuffer? Probes { get; }
}
