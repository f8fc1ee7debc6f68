namespace FlowRuntime.Training;

/// <summary>The parts of a training step.</summary>
public enum TrainingPhase
{
    /// <summary>Waiting for the batch, and copying it into torch's tensors.</summary>
    Draw,

    /// <summary>The network and the loss.</summary>
    Forward,

    /// <summary>The gradient.</summary>
    Backward,

    /// <summary>The gradient's norm, and shortening it.</summary>
    Clip,

    /// <summary>AdamW.</summary>
    Optimise,

    /// <summary>The moving averages.</summary>
    Average,
}
