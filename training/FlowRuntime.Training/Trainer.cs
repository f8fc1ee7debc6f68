using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>
/// Trains a velocity network by conditional flow matching with AdamW, a warm-up and cosine learning rate, gradient
/// clipping and a moving average of the weights.
/// </summary>
/// <remarks>The batches of the next steps are drawn on another thread; what they hold does not depend on it.</remarks>
public static class Trainer
{
    /// <summary>Torch's random numbers come from one generator for the whole process.</summary>
    private static readonly Lock Generator = new();

    /// <summary>Makes a network's weights a function of the seed, whatever other threads make in this way.</summary>
    /// <remarks>What draws from torch's generator elsewhere at the same time, a layer made by itself for one, changes the weights.</remarks>
    /// <param name="seed">The seed.</param>
    /// <param name="make">Makes the network.</param>
    public static TNetwork Seeded<TNetwork>(ulong seed, Func<TNetwork> make)
    {
        lock (Generator)
        {
            random.manual_seed((long)seed);
            return make();
        }
    }

    /// <summary>Trains the network; at the end its parameters are the moving average.</summary>
    /// <remarks>For checkpoints and losses on held-out rows make a <see cref="TrainingRun"/>.</remarks>
    /// <param name="network">The network.</param>
    /// <param name="objective">What it is taught; its data are of the network's shape and classes.</param>
    /// <param name="options">How to train.</param>
    /// <param name="progress">Told every 50 steps and at the end, on the calling thread.</param>
    /// <param name="cancellationToken">Ends the training after the step under way.</param>
    /// <exception cref="ArgumentException">The data do not fit the network.</exception>
    /// <exception cref="InvalidOperationException">The loss is not finite any more.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Train(
        VelocityNetwork network, ConditionalFlowMatching objective, TrainingOptions options,
        Action<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using var run = new TrainingRun(network, objective, options);
        run.Run(progress, cancellationToken: cancellationToken);
    }
}
