namespace FlowRuntime.Ode;

/// <summary>One sample on its way: its own time, step, controller memory and counts. Its state is its row's.</summary>
internal struct Slot
{
    public long Index;
    public double Time;

    /// <summary>The step the controller proposes next (adaptive).</summary>
    public double Proposed;

    /// <summary>The step being taken, and the time it ends at.</summary>
    public double Step;
    public double Target;

    public double ErrorMemory;
    public int Evaluations;
    public int Accepted;
    public int Rejected;
    public bool LastWasRejected;

    /// <summary>Attempts that met a velocity or state that is not finite, and the earliest end of such an attempt;
    /// none once the sample is past it.</summary>
    public int NonFinite;
    public double NonFiniteTime;
}
