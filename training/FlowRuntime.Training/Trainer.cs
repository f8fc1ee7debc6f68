using System.Diagnostics;
using System.Runtime.InteropServices;
using FlowRuntime.Paths;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Optimisation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>
/// Trains a velocity network by conditional flow matching with AdamW, a warm-up and cosine learning rate, gradient
/// clipping and a moving average of the weights.
/// </summary>
/// <remarks>The batches of the next steps are drawn on another thread; what they hold does not depend on it.</remarks>
public static class Trainer
{
    private const int BatchesAhead = 4;
    private const int ReportEvery = 50;

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
    /// <param name="network">The network.</param>
    /// <param name="data">The rows to learn, of the network's shape.</param>
    /// <param name="path">The path from noise to data.</param>
    /// <param name="options">How to train.</param>
    /// <param name="progress">Told every 50 steps and at the end, on the calling thread.</param>
    /// <param name="cancellationToken">Ends the training after the step under way.</param>
    /// <exception cref="ArgumentException">The data do not fit the network.</exception>
    /// <exception cref="InvalidOperationException">The loss is not finite any more.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Train(
        VelocityNetwork network, Dataset data, ProbabilityPath path, TrainingOptions options,
        Action<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!network.Shape.SequenceEqual(data.Shape) || network.Classes != (data.ClassNames?.Count ?? 0))
            throw new ArgumentException($"The network takes [{string.Join(", ", network.Shape)}] in {network.Classes} classes, the data set {data.Name} has [{string.Join(", ", data.Shape)}] in {data.ClassNames?.Count ?? 0}.", nameof(data));
        set_num_threads(options.Threads);
        var objective = new ConditionalFlowMatching(data, path, options.Seed, options.ClassDropout);
        var rate = new LearningRate(options.LearningRate, options.WarmupSteps, options.Steps);
        Parameter[] parameters = [.. network.parameters()];
        using var optimiser = optim.AdamW(parameters, lr: options.LearningRate, weight_decay: options.WeightDecay);
        using var average = new ExponentialMovingAverage(network, options.EmaDecay);
        using var inputs = new Inputs(network, options.BatchSize);
        network.train();

        double lossSum = 0;
        int lastReport = 0;
        long reported = Stopwatch.GetTimestamp();
        int step = 0;
        foreach (TrainingBatch batch in DrawAhead(objective, options, cancellationToken))
        {
            foreach (var group in optimiser.ParamGroups)
                group.LearningRate = rate.At(step);
            inputs.Fill(batch);
            double loss = Step(network, inputs, optimiser, parameters, options.ClipNorm);
            average.Update();
            step++;
            if (!double.IsFinite(loss))
                throw new InvalidOperationException($"The loss is {loss} at step {step}. Lower the learning rate (now {options.LearningRate:G3}).");
            lossSum += loss;
            if (step % ReportEvery == 0 || step == options.Steps)
            {
                double seconds = Stopwatch.GetElapsedTime(reported).TotalSeconds;
                progress?.Invoke(new TrainingProgress(step, options.Steps, lossSum / (step - lastReport), rate.At(step - 1), (step - lastReport) / seconds));
                (lossSum, lastReport, reported) = (0, step, Stopwatch.GetTimestamp());
            }
        }
        average.CopyToNetwork();
        network.eval();
    }

    private static double Step(VelocityNetwork network, Inputs inputs, optim.Optimizer optimiser, Parameter[] parameters, double clipNorm)
    {
        using var scope = NewDisposeScope();
        Tensor loss = nn.functional.mse_loss(network.Forward(TorchOps.Instance, inputs.Times, inputs.States, inputs.Labels), inputs.Targets);
        optimiser.zero_grad();
        loss.backward();
        nn.utils.clip_grad_norm_(parameters, clipNorm);
        optimiser.step();
        return loss.item<float>();
    }

    /// <summary>A batch's tensors, allocated once and filled anew for every step.</summary>
    private sealed class Inputs : IDisposable
    {
        public Inputs(VelocityNetwork network, int rows)
        {
            long[] shape = [rows, .. network.Shape.Select(size => (long)size)];
            Times = zeros(rows);
            States = zeros(shape);
            Targets = zeros(shape);
            Labels = network.Classes > 0 ? zeros(rows, dtype: ScalarType.Int64) : null;
        }

        public Tensor Times { get; }
        public Tensor States { get; }
        public Tensor Targets { get; }
        public Tensor? Labels { get; }

        public void Fill(TrainingBatch batch)
        {
            MemoryMarshal.AsBytes<float>(batch.Times).CopyTo(Times.bytes);
            MemoryMarshal.AsBytes<float>(batch.States).CopyTo(States.bytes);
            MemoryMarshal.AsBytes<float>(batch.Targets).CopyTo(Targets.bytes);
            if (Labels is not null)
                MemoryMarshal.AsBytes<long>(batch.Labels).CopyTo(Labels.bytes);
        }

        public void Dispose()
        {
            Times.Dispose();
            States.Dispose();
            Targets.Dispose();
            Labels?.Dispose();
        }
    }

    private static IEnumerable<TrainingBatch> DrawAhead(ConditionalFlowMatching objective, TrainingOptions options, CancellationToken cancellationToken)
    {
        var ahead = new Queue<Task<TrainingBatch>>();
        int next = 0;
        for (int step = 0; step < options.Steps; step++)
        {
            while (next < options.Steps && ahead.Count < BatchesAhead)
            {
                int drawn = next++;
                ahead.Enqueue(Task.Run(() => objective.Draw(drawn, options.BatchSize), CancellationToken.None));
            }
            cancellationToken.ThrowIfCancellationRequested();
            yield return ahead.Dequeue().GetAwaiter().GetResult();
        }
    }
}
