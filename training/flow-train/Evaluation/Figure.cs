namespace FlowRuntime.TrainTool.Evaluation;

/// <summary>One figure of an evaluation.</summary>
/// <param name="Name">What is measured.</param>
/// <param name="Value">Its value for the model.</param>
/// <param name="Floor">Its value for real data in the samples' place; null where there is none.</param>
/// <param name="Note">How it is meant; null where the name says it.</param>
internal sealed record Figure(string Name, double Value, double? Floor = null, string? Note = null);
