namespace FlowRuntime.Training.Objectives;

/// <summary>One batch of the regression: where the network is asked, and what it shall say.</summary>
/// <param name="Times">Flow times t, [rows].</param>
/// <param name="States">Points x_t of the path, [rows, dimension].</param>
/// <param name="Targets">What the network shall predict, [rows, dimension].</param>
/// <param name="Weights">Weights of the rows' squared errors, [rows]; null where all are 1.</param>
/// <param name="Labels">Class labels, [rows], the null label where the condition is dropped; null where there are no classes.</param>
/// <param name="Vectors">Standardised condition vectors, [rows, k], the null vector where the condition is dropped; null where there are none.</param>
public sealed record TrainingBatch(float[] Times, float[] States, float[] Targets, float[]? Weights, long[]? Labels, float[]? Vectors = null);
