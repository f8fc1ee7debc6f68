namespace FlowRuntime.Fields;

/// <summary>
/// A velocity field v(t, x): where the flow carries the point x at time t. Solving dx/dt = v from t = 0 (noise) to
/// t = 1 (data) turns noise into samples.
/// </summary>
/// <remarks>
/// Source: Lipman et al. 2023, "Flow Matching for Generative Modeling", eq. (1).
/// A field is shared by any number of threads; what a thread needs for itself (buffers, bindings) lives in the
/// evaluators it makes. A field may wrap another: see <see cref="GuidedField"/>.
/// </remarks>
public interface IVelocityField
{
    /// <summary>Number of values of one state x.</summary>
    int Dimension { get; }

    /// <summary>Makes an evaluator over the given buffers, for one caller at a time.</summary>
    /// <param name="buffers">The buffers that times and states are read from and velocities are written to.</param>
    IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers);
}

/// <summary>
/// Evaluates a velocity field on rows of buffers shared with its caller. Each row is one sample at its own time.
/// </summary>
/// <remarks>
/// A row's velocity must depend on that row alone (its time, state and condition), bit for bit: neither on the other
/// rows nor on their number. One caller at a time.
/// </remarks>
public interface IVelocityEvaluator : IDisposable
{
    /// <summary>Tells which sample a row holds from now on.</summary>
    /// <param name="row">Row, from 0 to the buffers' capacity − 1.</param>
    /// <param name="sampleIndex">Index of the sample, by which its randomness is drawn.</param>
    /// <param name="condition">The condition the sample is drawn under.</param>
    void Assign(int row, long sampleIndex, Condition condition);

    /// <summary>Tells that the sample of row <paramref name="source"/> is held by row <paramref name="destination"/> from now on.</summary>
    void Move(int source, int destination);

    /// <summary>Evaluates v(t, x) for the rows first … first + count − 1; most calls start at row 0.</summary>
    /// <param name="first">First row.</param>
    /// <param name="count">Number of rows, at least 1.</param>
    /// <param name="output">Which of the buffers' velocity tables (and divergence tables) receives the result. What
    /// the table holds in rows behind the evaluated ones is lost.</param>
    /// <param name="cancellationToken">Ends an evaluation that takes long; a field whose evaluations are short need not look at it, since the solver does between them.</param>
    /// <exception cref="ObjectDisposedException">The field's model was disposed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    void Evaluate(int first, int count, int output, CancellationToken cancellationToken = default);
}
