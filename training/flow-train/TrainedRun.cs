using FlowRuntime.Training;
using FlowRuntime.Training.Networks;

namespace FlowRuntime.TrainTool;

/// <summary>What a finished training leaves.</summary>
/// <param name="Configuration">What it was determined by.</param>
/// <param name="Network">The network, with its averaged weights.</param>
/// <param name="Progress">All reports of the training.</param>
internal sealed record TrainedRun(RunConfiguration Configuration, VelocityNetwork Network, IReadOnlyList<TrainingProgress> Progress) : IDisposable
{
    public void Dispose() => Network.Dispose();
}
