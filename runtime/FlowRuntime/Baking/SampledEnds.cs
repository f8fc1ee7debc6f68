namespace FlowRuntime.Baking;

/// <summary>What comes of a solve inside a sampler.</summary>
/// <param name="States">The last finite states, [N, d].</param>
/// <param name="Time">The time that each sample reached, [N, 1] in float32.</param>
/// <param name="Evaluations">Its evaluations of the network, [N, 1].</param>
/// <param name="Accepted">Its accepted steps, [N, 1].</param>
/// <param name="Status">How it ended, [N, 1]: a <see cref="Sampling.SampleStatus"/>.</param>
/// <param name="Trajectory">Its way there, where it is wanted.</param>
internal sealed record SampledEnds(string States, string Time, string Evaluations, string Accepted, string Status, SampledTrajectory? Trajectory);
