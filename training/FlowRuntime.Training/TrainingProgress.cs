namespace FlowRuntime.Training;

/// <summary>How far a training has come.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all; where the training ends on time, as many as it will come to at this speed.</param>
/// <param name="Loss">Mean loss since the last report: squared velocity error a value.</param>
/// <param name="LearningRate">Learning rate of the last step.</param>
/// <param name="StepsPerSecond">Speed since the last report.</param>
/// <param name="ValidationLoss">Loss of the exported average on held-out rows, at times and noise that are always the same; null where it was not measured.</param>
public readonly record struct TrainingProgress(int Step, int Steps, double Loss, double LearningRate, double StepsPerSecond, double? ValidationLoss = null);
