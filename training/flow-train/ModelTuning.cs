using System.Globalization;
using FlowRuntime.Cards;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Tuning;

namespace FlowRuntime.TrainTool;

/// <summary>Measures solvers on an exported model and writes what they need into its card.</summary>
internal static class ModelTuning
{
    /// <summary>Samples measured, and as many others judged.</summary>
    public const int Samples = 128;

    /// <summary>Values of a sample up to which solvers are measured unasked; the networks of larger ones are slow: a U-Net on images of 28×28 took a quarter of an hour with 32 samples.</summary>
    private const int MostDimension = 256;

    /// <summary>Measures and writes.</summary>
    /// <param name="path">The exported model.</param>
    /// <param name="samples">Samples measured, and as many others judged.</param>
    /// <param name="data">Rows whose condition vectors it is sampled under, where they have some.</param>
    /// <param name="cancellationToken">Ends the measurement.</param>
    /// <returns>What was found, in one line.</returns>
    public static string Write(string path, int samples, Dataset data, CancellationToken cancellationToken)
    {
        HintsCard hints;
        try
        {
            using FlowModel model = FlowModel.Open(path);
            if (model.Field.Dimension > MostDimension)
                return $"solvers not measured: samples of {model.Field.Dimension} values may take long. flow tune {path} --samples 32 does it";
            hints = SolverTuner.Tune(model, samples, conditions: data.Vectors is null ? null : data.Conditions(2 * samples), cancellationToken: cancellationToken);
        }
        catch (SamplingException e) // a network that was hardly trained may have no solution to measure by; it is exported all the same
        {
            return $"solvers not measured: {e.Message}";
        }
        CardFile.WriteHints(path, hints);
        QualityCard quality = hints.Quality!;
        return $"solvers measured: {Level("draft", quality.Draft)}, {Level("normal", quality.Normal)}, {Level("fine", quality.Fine)}";
    }

    private static string Level(string name, QualityLevelCard level) => string.Create(CultureInfo.InvariantCulture,
        $"{name} {level.Method} at {level.Tolerance:G2} with {level.Evaluations:F0} evaluations");
}
