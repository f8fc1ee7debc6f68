using System.Globalization;
using FlowRuntime.Cards;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;

namespace FlowRuntime.TrainTool;

/// <summary>What a training needs at the least, held against the machine's memory: the system ends a process that takes more than there is without a word.</summary>
internal static class TrainingMemory
{
    private const int CopiesOfWeights = 5; // the weights, their gradient, AdamW's two averages, the exported average
    private const int LeastBatchesAhead = 4;

    /// <summary>Refuses a training that does not fit.</summary>
    /// <param name="run">The run.</param>
    /// <param name="data">Its rows.</param>
    /// <param name="available">Bytes there are; null for the machine's.</param>
    /// <exception cref="InvalidDataException">It does not fit.</exception>
    public static void Require(RunConfiguration run, Dataset data, long? available = null)
    {
        double rows = (double)run.Training.BatchSize * run.Objective.CouplingBatches, values = rows * Math.Max(data.Dimension, data.Vectors?.Length ?? 0);
        if (rows > int.MaxValue / 2 || values > int.MaxValue / 2)
            throw new InvalidDataException($"training.batch_size: {rows} rows of {data.Dimension} values are too many to be drawn together. Give a smaller batch_size, or fewer objective.coupling_batches.");
        double weights = sizeof(float) * (CopiesOfWeights + run.Training.MoreEmaDecays.Count) * LeastWeights(run.Network, data);
        double batches = 2 * sizeof(float) * values * Math.Max(2, (double)LeastBatchesAhead / run.Objective.CouplingBatches);
        double pairs = run.Objective.Coupling == CouplingKind.Independent ? 0 : sizeof(float) * rows * rows;
        double network = sizeof(float) * run.Training.BatchSize * LeastInside(run.Network, data);
        double needed = weights + batches + pairs + network, most = available ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (needed > most)
        {
            (string what, string cure) = weights >= Math.Max(batches + network, pairs) ? ("the network's weights and their averages", "Make the network smaller")
                : pairs > batches + network ? ("the pairs of a batch", "Give a smaller batch_size, or fewer objective.coupling_batches") : ("a batch on its way through the network", "Give a smaller training.batch_size");
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"training: it needs {needed / 1e9:G3} GB at the least, most of it for {what}, and the machine has {most / 1e9:G3} GB. {cure}."));
        }
    }

    /// <summary>Weights that a network has at the least: those of its largest layers.</summary>
    private static double LeastWeights(NetworkOptions network, Dataset data) => network switch
    {
        MlpOptions mlp => Square(mlp.Width) * (3.0 * mlp.Blocks + 1) + 2.0 * mlp.Width * data.Dimension,
        UNetOptions unet => unet.Multipliers.Sum(multiplier => 36 * unet.Blocks * Square((double)unet.Width * multiplier)), // two 3 × 3 convolutions a block, down and up
        DitOptions dit => Square(dit.Width) * dit.Blocks * (4.0 + 2 * dit.Expansion),
        _ => 0,
    };

    /// <summary>Values that a row has inside a network at the least, since all are kept for the gradient.</summary>
    private static double LeastInside(NetworkOptions network, Dataset data) => network switch
    {
        MlpOptions mlp => 3.0 * mlp.Width * mlp.Blocks,
        UNetOptions unet => 4.0 * unet.Width * unet.Multipliers[0] * unet.Blocks * Pixels(data),
        DitOptions dit => Pixels(data) / Square(dit.Patch) * dit.Width * dit.Blocks * (4.0 + dit.Expansion),
        _ => 0,
    };

    private static double Pixels(Dataset data) => (double)data.Shape[1] * data.Shape[2];

    private static double Square(double side) => side * side;
}
