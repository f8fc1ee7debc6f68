namespace FlowRuntime.Training.Networks;

/// <summary>The kind of a network and its size.</summary>
public abstract record NetworkOptions
{
    /// <summary>Refuses states that this network cannot take.</summary>
    /// <param name="shape">Shape of one state.</param>
    /// <exception cref="ArgumentException">The network cannot take them; the message says what to change.</exception>
    public virtual void CheckFor(IReadOnlyList<int> shape)
    {
    }

    /// <summary>Makes a network with random weights, drawn from torch's generator; see <see cref="Trainer.Seeded"/>.</summary>
    /// <param name="shape">Shape of one state.</param>
    /// <param name="classes">Number of classes; 0 for none.</param>
    /// <param name="vectorLength">Number of values of a condition vector; 0 (the default) for none.</param>
    /// <exception cref="ArgumentException">The network cannot take such states.</exception>
    public abstract VelocityNetwork Make(IReadOnlyList<int> shape, int classes, int vectorLength = 0);

    /// <summary>A whole number of an option, in its range.</summary>
    private protected static int Checked(int least, int most, int value, string name) => value >= least && value <= most ? value
        : throw new ArgumentOutOfRangeException(name, value, $"Give a whole number from {least} to {most}.");
}
