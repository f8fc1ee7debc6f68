using System.Diagnostics;
using System.Runtime.InteropServices;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Optimisation;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

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
        Dataset data = objective.Data;
        if (!network.Shape.SequenceEqual(data.Shape) || network.Classes != (data.ClassNames?.Count ?? 0))
            throw new ArgumentException($"The network takes [{string.Join(", ", network.Shape)}] in {network.Classes} classes, the data set {data.Name} has [{string.Join(", ", data.Shape)}] in {data.ClassNames?.Count ?? 0}.", nameof(objective));
        set_num_threads(options.Threads);
        var rate = new LearningRate(options.LearningRate, options.WarmupSteps, options.Steps, options.Schedule);
        Parameter[] parameters = [.. network.parameters()];
        using var optimiser = new AdamW(parameters, options.WeightDecay);
        using var average = new ExponentialMovingAverage(network, options.EmaDecay);
        using var inputs = new Inputs(network, options.BatchSize, objective.IsWeighted);
        network.train();

        double lossSum = 0;
        int lastReport = 0;
        long reported = Stopwatch.GetTimestamp();
        int step = 0;
        foreach (TrainingBatch batch in DrawAhead(objective, options, cancellationToken))
        {
            inputs.Fill(batch);
            double loss = Step(network, inputs, optimiser, parameters, options.ClipNorm, rate.At(step));
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

    private static double Step(VelocityNetwork network, Inputs inputs, AdamW optimiser, Parameter[] parameters, double clipNorm, double learningRate)
    {
        using var scope = NewDisposeScope();
        Tensor prediction = network.Forward(TorchOps.Instance, inputs.Times, inputs.States, inputs.Labels);
        Tensor loss = inputs.Weights is null
            ? nn.functional.mse_loss(prediction, inputs.Targets)
            : (inputs.Weights * nn.functional.mse_loss(prediction, inputs.Targets, nn.Reduction.None)).mean();
        optimiser.ZeroGradients();
        loss.backward();
        nn.utils.clip_grad_norm_(parameters, clipNorm);
        optimiser.Step(learningRate);
        return loss.item<float>();
    }

    /// <summary>A batch's tensors, allocated once and filled anew for every step.</summary>
    private sealed class Inputs : IDisposable
    {
        public Inputs(VelocityNetwork network, int rows, bool weighted)
        {
            long[] shape = [rows, .. network.Shape.Select(size => (long)size)];
            Times = zeros(rows);
            States = zeros(shape);
            Targets = zeros(shape);
            Weights = weighted ? zeros([rows, .. network.Shape.Select(_ => 1L)]) : null;
            Labels = network.Classes > 0 ? zeros(rows, dtype: ScalarType.Int64) : null;
        }

        public Tensor Times { get; }
        public Tensor States { get; }
        public Tensor Targets { get; }
        public Tensor? Weights { get; }
        public Tensor? Labels { get; }

        public void Fill(TrainingBatch batch)
        {
            MemoryMarshal.AsBytes<float>(batch.Times).CopyTo(Times.bytes);
            MemoryMarshal.AsBytes<float>(batch.States).CopyTo(States.bytes);
            MemoryMarshal.AsBytes<float>(batch.Targets).CopyTo(Targets.bytes);
            if (Weights is not null)
                MemoryMarshal.AsBytes<float>(batch.Weights).CopyTo(Weights.bytes);
            if (Labels is not null)
                MemoryMarshal.AsBytes<long>(batch.Labels).CopyTo(Labels.bytes);
        }

        public void Dispose()
        {
            Times.Dispose();
            States.Dispose();
            Targets.Dispose();
            Weights?.Dispose();
            Labels?.Dispose();
        }
    }

    private static IEnumerable<TrainingBatch> DrawAhead(ConditionalFlowMatching objective, TrainingOptions options, CancellationToken cancellationToken)
    {
        int batchesAhead = Math.Max(BatchesAhead, 2 * objective.Options.CouplingBatches); // the next block is paired while one is trained on
        var ahead = new Queue<Task<TrainingBatch>>();
        int next = 0;
        for (int step = 0; step < options.Steps; step++)
        {
            while (next < options.Steps && ahead.Count < batchesAhead)
            {
                int drawn = next++;
                ahead.Enqueue(Task.Run(() => objective.Draw(drawn, options.BatchSize), CancellationToken.None));
            }
            cancellationToken.ThrowIfCancellationRequested();
            yield return ahead.Dequeue().GetAwaiter().GetResult();
        }
    }
}
