using FlowRuntime.Sampling;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;
using FlowRuntime.TrainTool.Pictures;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>Every data set of the plane with this trainer's defaults: all metrics beside their floors, and a picture.</summary>
internal static class PlaneBenchmark
{
    public const string Name = "plane";
    public static readonly string[] DataSets = ["moons", "8gaussians", "s-curve", "checkerboard", "spirals", "pinwheel", "swiss-roll"];

    private const int Judged = 2_000, Drawn = 3_000, FloorPairs = 6, Frames = 41;

    /// <summary>Trains, draws the picture and measures.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="folder">Where the model and the picture go.</param>
    /// <param name="steps">Training steps; the default of a run is 20,000.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static IEnumerable<Figure> Run(string data, string folder, int steps, CancellationToken cancellationToken)
    {
        RunConfiguration run = RunConfiguration.For(data);
        run = run with { Training = run.Training with { Steps = steps } };
        DataSplit split = run.LoadData();
        string file = Path.Combine(folder, $"{data}.onnx");
        using (VelocityNetwork network = run.MakeNetwork(split.Train))
        {
            Trainer.Train(network, new(split.Train, run.MakeObjective(), run.Training.Seed), run.Training, progress: null, cancellationToken);
            OnnxExporter.Export(network, ModelCards.Of(run, split.Train), file);
        }
        using FlowModel model = FlowModel.Open(file);
        SampleBatch samples = model.Sample(Drawn, new SamplingOptions { Seed = 2 }, cancellationToken: cancellationToken).EnsureSuccess();
        float[] heldOut = split.HeldOut.InDataUnits();
        TrajectoryPicture.Save(Path.Combine(folder, $"{data}.png"), heldOut, samples.Values, Film.Draw(model, split.HeldOut, samples: 60, Frames, cancellationToken), Frames, ["x", "y"]);
        SampleMetrics metrics = SampleMetrics.Measure(
            samples.Values.AsMemory(0, 2 * Judged), heldOut.AsMemory(0, 2 * Judged), split.Train.InDataUnits(), 2, FloorPairs);
        return
        [
            .. metrics.Figures.Select(figure => new Figure(Name, data, "defaults", figure.Name, [figure.Value], figure.Floor.Mean)),
            new Figure(Name, data, "defaults", "evaluations", [samples.Evaluations.Average()]),
        ];
    }
}
