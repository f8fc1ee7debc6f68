namespace FlowRuntime.Training.Objectives;

/// <summary>One batch of the regression: where the network is asked, and what it shall say.</summary>
/// <param name="Times">Flow times t, [rows].</param>
/// <param name="States">Points x_t of the path, [rows, dimension].</param>
/// <param name="Targets">Velocities u_t, [rows, dimension].</param>
/// <param name="Labels">Class labels, [rows], the null label where the class is dropped; null where there are no classes.</param>
public sealed record TrainingBatch(float[] Times, float[] States, float[] Targets, long[]? Labels);
