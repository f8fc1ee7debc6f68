using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>A network trained for a benchmark, exported and opened in the runtime: what is judged is what would be shipped.</summary>
internal sealed class TrainedModel : IDisposable
{
    private readonly string _folder;
    private readonly FlowModel _model;

    private TrainedModel(string folder, FlowModel model) => (_folder, _model) = (folder, model);

    /// <summary>Trains, exports and opens.</summary>
    /// <param name="make">Makes the network.</param>
    /// <param name="path">The path, as the card says it.</param>
    /// <param name="data">The rows to learn.</param>
    /// <param name="objective">What is taught.</param>
    /// <param name="training">How.</param>
    /// <param name="cancellationToken">Ends the training after the step under way.</param>
    public static TrainedModel Train(
        Func<VelocityNetwork> make, PathCard path, Dataset data, FlowMatchingOptions objective, TrainingOptions training, CancellationToken cancellationToken)
    {
        using VelocityNetwork network = Trainer.Seeded(training.Seed, make);
        Trainer.Train(network, new ConditionalFlowMatching(data, objective, training.Seed), training, progress: null, cancellationToken);
        string folder = Directory.CreateTempSubdirectory("flow-bench-2d").FullName;
        try
        {
            (double start, double end) = objective.Range;
            string file = Path.Combine(folder, "model.onnx");
            OnnxExporter.Export(network, OnnxExporter.CardOf(data, path with { Start = start, End = end }) with { Data = null }, file); // starts and ends in the network's units
            return new TrainedModel(folder, FlowModel.Open(file, new FlowModelOptions { Provider = "cpu", Threads = 1 }));
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>The problem of carrying points by the flow.</summary>
    /// <param name="starts">Where the points start, [count, dimension].</param>
    /// <param name="solver">How to solve.</param>
    /// <param name="labels">Class of each point; null where there are none.</param>
    public OdeProblem Problem(float[] starts, SolverOptions solver, int[]? labels = null)
    {
        int d = _model.Field.Dimension;
        return new OdeProblem
        {
            Field = _model.Field,
            InitialState = (index, state) => starts.AsSpan((int)index * d, d).CopyTo(state),
            ConditionOf = index => labels is null ? Condition.None : new Condition { Label = labels[index] },
            Count = starts.Length / d,
            Start = _model.Start,
            End = _model.End,
            Solver = solver,
            Workers = 1, // a benchmark trains one network a processor
        };
    }

    /// <summary>Carries points by the flow; every one must arrive.</summary>
    public SampleBatch Carry(float[] starts, SolverOptions solver, int[]? labels = null) => OdeSolver.Solve(Problem(starts, solver, labels)).EnsureSuccess();

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
