using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool;

/// <summary>A few samples on their way from noise to data, as rows of frames at equal distances in time.</summary>
internal static class Film
{
    /// <summary>Draws the samples and their states on the way.</summary>
    /// <param name="model">The model; sample i has class i, modulo the classes, or the condition of row i where rows have vectors.</param>
    /// <param name="data">The rows.</param>
    /// <param name="samples">Number of samples.</param>
    /// <param name="frames">Number of frames, the noise and the sample included.</param>
    /// <param name="cancellationToken">Ends the solve.</param>
    /// <returns>The frames in the data's units, [samples, frames, dimension].</returns>
    public static float[] Draw(FlowModel model, Dataset data, int samples, int frames, CancellationToken cancellationToken)
    {
        int classes = model.Card.Conditions?.Classes?.Names.Count ?? 0;
        double start = model.Start, end = model.End;
        return model.Sample(samples, new SamplingOptions
        {
            Labels = data.Vectors is null ? [.. Enumerable.Range(0, classes)] : [],
            Conditions = data.Vectors is null ? [] : data.Conditions(samples),
            TrajectoryTimes = [.. Enumerable.Range(0, frames).Select(frame => frame == frames - 1 ? end : start + (end - start) * frame / (frames - 1))],
        }, cancellationToken: cancellationToken).EnsureSuccess().Trajectories;
    }
}
