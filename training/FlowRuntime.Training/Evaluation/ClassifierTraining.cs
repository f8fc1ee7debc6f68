using FlowRuntime.Cards;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Optimisation;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Evaluation;

/// <summary>Trains a classifier of a data set's images by cross entropy, and writes it as an ONNX file.</summary>
public static class ClassifierTraining
{
    private const int BatchSize = 128, WarmupSteps = 100;
    private const double LearningRate = 2e-3, WeightDecay = 0.05, ClipNorm = 1;
    private const int PixelsPerShift = 14; // MNIST's 28 pixels move by 2, digits of 8 stay

    /// <summary>Number of steps where none is given: six times through 60,000 images.</summary>
    public const int DefaultSteps = 3_000;

    /// <summary>Trains and writes. The images are in the data's units, in [0, 1], and a little moved as they are drawn.</summary>
    /// <param name="data">Images with classes.</param>
    /// <param name="path">The .onnx file, which is replaced: input x [N, C, H, W], outputs features [N, 128] and logits [N, classes].</param>
    /// <param name="steps">Training steps of 128 images each. Default 3,000.</param>
    /// <param name="threads">Threads of torch. Default 1; the weights are the same only for the same number.</param>
    /// <param name="cancellationToken">Ends the training; nothing is written.</param>
    /// <exception cref="ArgumentException">The data are no images, or have no classes.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Train(Dataset data, string path, int steps = DefaultSteps, int threads = 1, CancellationToken cancellationToken = default)
    {
        if (data.Shape.Count != 3 || data.ClassNames is null)
            throw new ArgumentException($"{data.Name}: only images [channels, height, width] with classes have a classifier.", nameof(data));
        set_num_threads(threads);
        using ClassifierNetwork network = Trainer.Seeded(0, () => new ClassifierNetwork(data.Shape, data.ClassNames.Count));
        using var parameters = new FlatParameters(network);
        using var optimiser = new AdamW(parameters.Values, parameters.Gradients, WeightDecay);
        var rate = new LearningRate(LearningRate, WarmupSteps, steps);
        var moves = new Augmentation { Shift = Math.Min(data.Shape[1], data.Shape[2]) / PixelsPerShift };
        for (int step = 0; step < steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            (Tensor images, Tensor labels) = Draw(data, moves, step);
            parameters.Gradients.zero_();
            using Tensor loss = nn.functional.cross_entropy(network.Forward(TorchOps.Instance, images).Logits, labels);
            loss.backward();
            GradientNorm.Clip(parameters.Gradients, ClipNorm);
            optimiser.Step(rate.At(step), step + 1);
        }
        ClassifierExport.Write(network, data.Shape, path);
    }

    private static (Tensor Images, Tensor Labels) Draw(Dataset data, Augmentation moves, int step)
    {
        float[] images = new float[BatchSize * data.Dimension];
        long[] labels = new long[BatchSize];
        for (int i = 0; i < BatchSize; i++)
        {
            long draw = (long)step * BatchSize + i;
            int row = (int)((ulong)Philox4x32.Block(0, RandomStream.Classifier, (uint)draw, (uint)(draw >> 32), 0).X0 * (uint)data.Count >> 32);
            Span<float> image = images.AsSpan(i * data.Dimension, data.Dimension);
            data.Read(row, image);
            moves.Apply(image, data.Shape, data.Card.Image, seed: 0, draw);
            labels[i] = data.Labels![row];
        }
        DataTransform.ToDataUnits(data.Card, images);
        return (from_array(images).reshape([BatchSize, .. data.Shape.Select(size => (long)size)]), from_array(labels));
    }
}
