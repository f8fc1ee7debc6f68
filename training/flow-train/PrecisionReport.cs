using System.Diagnostics;
using System.Globalization;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.TrainTool;

/// <summary>What it costs to store a run's weights rounded: the change of the velocity, and size, speed and samples beside those of float32.</summary>
internal static class PrecisionReport
{
    private const int PathRows = 512;
    private const int SpeedRows = 64;
    private const int SpeedRounds = 15;
    private const ulong Seed = 3;

    /// <summary>The change of velocity that is let pass where no limit is given.</summary>
    /// <remarks>
    /// Measured on perceptrons, a U-Net and a transformer of moons and digits that predict velocities: 0.0001 to 0.0004 in float16 and 0.003 to 0.011 in
    /// int8; of noise and score, which are divided by α: up to 0.0011 and 0.026. Twice to five times the largest tells a network that does not bear
    /// it. Samples moved by about as large a share of their deviation; the solver's normal quality allows an error of 0.01.
    /// </remarks>
    public static double DefaultLimit(WeightPrecision precision) => precision == WeightPrecision.Float16 ? 0.005 : 0.05;

    /// <summary>Compares a file with the trained network and its float32 file.</summary>
    /// <param name="run">The run.</param>
    /// <param name="data">Its data.</param>
    /// <param name="candidate">The file with rounded weights.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="precision">How its weights are stored.</param>
    /// <param name="divergence">Its divergence output.</param>
    /// <param name="limit">Largest change of velocity.</param>
    /// <param name="cancellationToken">Ends the comparison.</param>
    /// <returns>Lines that tell it.</returns>
    /// <exception cref="InvalidDataException">The velocity changes by more than the limit.</exception>
    public static IReadOnlyList<string> Of(
        TrainedRun run, DataSplit data, string candidate, string name, WeightPrecision precision, DivergenceKind? divergence, double limit, CancellationToken cancellationToken)
    {
        FlowMatchingOptions evenly = run.Configuration.MakeObjective() with { Times = TimeSampling.Uniform, CouplingBatches = 1 };
        double change = VelocityChange.Measure(run.Network, candidate, new ConditionalFlowMatching(data.HeldOut, evenly, Seed).Draw(0, PathRows));
        if (!(change <= limit))
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"{name}: weights in {Choice.Name(precision)} change the velocity along the path by {change:G2} of its size, more than {limit:G3}. Take {(precision == WeightPrecision.Int8 ? "float16" : "float32")}, or allow more by --max-change."));
        }
        var lines = new List<string> { string.Create(CultureInfo.InvariantCulture, $"velocity along the path changed by {change:G2} of its size (at most {limit:G3})") };
        string folder = Directory.CreateTempSubdirectory("flow-train-export").FullName;
        try
        {
            string reference = Path.Combine(folder, Path.GetFileName(name));
            OnnxExporter.Export(run.Network, ModelCards.Of(run.Configuration, data.Train), reference, divergence);
            lines.AddRange(Compare(reference, candidate, data, cancellationToken));
        }
        catch (NotSupportedException) // too large for a file
        {
            lines.Add("size, speed and samples not compared: in float32 the network does not fit in an ONNX file");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return lines;
    }

    private static IEnumerable<string> Compare(string reference, string candidate, DataSplit data, CancellationToken cancellationToken)
    {
        var options = new FlowModelOptions { Provider = "cpu", Threads = 1 };
        using FlowModel full = FlowModel.Open(reference, options), rounded = FlowModel.Open(candidate, options);
        (long ofFull, long ofRounded) = (new FileInfo(reference).Length, new FileInfo(candidate).Length);
        yield return string.Create(CultureInfo.InvariantCulture,
            $"size {100.0 * ofRounded / ofFull:F0}% of float32's {ofFull / 1e6:F2} MB; evaluations/s {SpeedRatio(full, rounded, cancellationToken):F2} of float32's ({SpeedRows} rows a call, one thread)");
        string[] ofSamples;
        try
        {
            (EnergyFigure[] energies, SampleBatch[] samples) = EnergyFigure.Measure([full, rounded], data, cancellationToken);
            ofSamples =
            [
                string.Create(CultureInfo.InvariantCulture, $"energy distance to held-out data {energies[1].Distance:G3}, in float32 {energies[0].Distance:G3}, floor between real sets {energies[0].Floor:G3}"),
                string.Create(CultureInfo.InvariantCulture, $"samples of the same seeds moved by {RelativeDifference(samples[1], samples[0]):G2} of their deviation (RMS)"),
            ];
        }
        catch (SamplingException e) // a network that was hardly trained may have no solution; it is exported all the same
        {
            ofSamples = [$"samples not compared: {e.Message}"];
        }
        foreach (string line in ofSamples)
            yield return line;
    }

    /// <summary>Root mean square of the samples' differences over that of their deviations from their mean, value by value.</summary>
    private static double RelativeDifference(SampleBatch rounded, SampleBatch full)
    {
        int d = full.Dimension;
        double difference = 0, deviation = 0;
        for (int e = 0; e < d; e++)
        {
            double mean = 0;
            for (int i = 0; i < full.Count; i++)
                mean += full[i][e] / (double)full.Count;
            for (int i = 0; i < full.Count; i++)
            {
                difference += Math.Pow(rounded[i][e] - full[i][e], 2);
                deviation += Math.Pow(full[i][e] - mean, 2);
            }
        }
        return Math.Sqrt(difference / deviation);
    }

    /// <summary>Evaluations a second over float32's: the median of rounds that are taken in turn.</summary>
    private static double SpeedRatio(FlowModel full, FlowModel rounded, CancellationToken cancellationToken)
    {
        using var first = new Rate(full);
        using var second = new Rate(rounded);
        first.Seconds(1);
        int calls = Math.Max(1, (int)(0.01 / first.Seconds(1))); // rounds of some 10 ms
        var ratios = new List<double>();
        for (int round = 0; round <= SpeedRounds; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ratios.Add(first.Seconds(calls) / second.Seconds(calls));
        }
        return ratios.Skip(1).Order().ElementAt(SpeedRounds / 2);
    }

    private sealed class Rate : IDisposable
    {
        private readonly IVelocityEvaluator _evaluator;

        public Rate(FlowModel model)
        {
            var buffers = new EvaluationBuffers(SpeedRows, model.Field.Dimension, outputs: 1);
            _evaluator = model.Network.CreateEvaluator(buffers);
            for (int row = 0; row < SpeedRows; row++)
            {
                Noise.Fill(Seed, row, buffers.States[row]);
                buffers.Times[row] = 0.5;
                _evaluator.Assign(row, row, Condition.None);
            }
        }

        public double Seconds(int calls)
        {
            long started = Stopwatch.GetTimestamp();
            for (int call = 0; call < calls; call++)
                _evaluator.Evaluate(0, SpeedRows, output: 0);
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        public void Dispose() => _evaluator.Dispose();
    }
}
