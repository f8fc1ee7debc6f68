using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>Steps that look back: the values of the last steps in a ring of tables.</summary>
internal abstract class MultistepStepper : GridStepper
{
    private readonly int _history;

    protected MultistepStepper(MultistepMethod method, GridContext context) : base(context)
    {
        Method = method;
        _history = HistoryOf(method);
    }

    protected MultistepMethod Method { get; }

    /// <summary>Tables of a method's history: as many values as its order; one more where a corrector looks at the new value too.</summary>
    public static int HistoryOf(MultistepMethod method) => method.Order + (method == MultistepMethod.UniPC2 || method == MultistepMethod.UniPC3 ? 1 : 0);

    public override void Move(int source, int destination)
    {
        foreach (RowBuffer table in Velocities)
            table[source].CopyTo(table[destination]);
    }

    /// <summary>The table of a step's value, counted from the first step.</summary>
    protected int OutputOf(int step) => step % _history;

    /// <summary>The value of a step.</summary>
    protected RowBuffer ValueOf(int step) => Velocities[OutputOf(step)];
}
