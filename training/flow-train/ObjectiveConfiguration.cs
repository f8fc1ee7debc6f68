using System.Globalization;
using FlowRuntime.Cards;
using FlowRuntime.Paths;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.TrainTool;

/// <summary>What a run teaches its network, in words that a file can hold.</summary>
internal sealed record ObjectiveConfiguration
{
    private const string TimeLaws = "uniform, logit-normal(MEAN,SCALE), mode(SHAPE), beta(A,B)";

    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Velocity;

    /// <summary>Weight of the prediction's squared error: the velocity's, or 1.</summary>
    public LossWeight Weight { get; init; } = LossWeight.Velocity;

    /// <summary>The law of the times, such as <c>uniform</c> or <c>beta(1,1.5)</c>.</summary>
    public string Times
    {
        get;
        init
        {
            ParseTimes(value);
            field = value;
        }
    } = "uniform";

    /// <summary>Whether the rows of a batch share the law of the times evenly.</summary>
    public bool StratifiedTimes { get; init; }

    /// <summary>Whether a row's loss is weighted by 1/p(t).</summary>
    public bool ImportanceWeights { get; init; }

    /// <summary>How noise and data are paired.</summary>
    public CouplingKind Coupling { get; init; } = CouplingKind.Independent;

    /// <summary>Training batches that are paired together.</summary>
    public int CouplingBatches { get; init; } = 1;

    /// <summary>ε of the coupling <c>sinkhorn</c>, in units of squared distance.</summary>
    public double Regularisation { get; init; } = 2;

    /// <summary>Share of rows trained without their class.</summary>
    public double ClassDropout { get; init; } = 0.1;

    /// <summary>The objective on a path.</summary>
    public FlowMatchingOptions On(ProbabilityPath path) => new()
    {
        Path = path,
        Prediction = Prediction,
        Weight = Weight == LossWeight.Plain ? FlowMatchingOptions.Plain : null,
        Times = ParseTimes(Times) with { Stratified = StratifiedTimes, ImportanceWeighted = ImportanceWeights },
        Coupling = Coupling switch
        {
            CouplingKind.Independent => new IndependentCoupling(),
            CouplingKind.OptimalTransport => new OptimalTransportCoupling(),
            CouplingKind.Sinkhorn => new SinkhornCoupling(Regularisation),
            CouplingKind.ConditionalOptimalTransport => new ConditionalOptimalTransportCoupling(),
            _ => throw new NotSupportedException($"There is no coupling {Coupling}."),
        },
        CouplingBatches = CouplingBatches,
        ClassDropout = ClassDropout,
    };

    private static TimeSampling ParseTimes(string times)
    {
        string[] parts = times.TrimEnd(')').Split('(', 2);
        double[] numbers = parts.Length < 2 ? [] : [.. parts[1].Split(',').Select(part =>
            double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : double.NaN)];
        return (parts[0], numbers) switch
        {
            ("uniform", []) => TimeSampling.Uniform,
            ("logit-normal", []) => new LogitNormalTimes(),
            ("logit-normal", [var mean, var scale]) => new LogitNormalTimes { Mean = mean, Scale = scale },
            ("mode", [var shape]) => new ModeTimes { Shape = shape },
            ("beta", [var a, var b]) => new BetaTimes(a, b),
            _ => throw new ArgumentOutOfRangeException(nameof(times), times, $"Give one of {TimeLaws}."),
        };
    }
}

/// <summary>How a prediction's squared error is weighted.</summary>
internal enum LossWeight
{
    /// <summary>So that it is the velocity's squared error.</summary>
    Velocity,

    /// <summary>Not at all.</summary>
    Plain,
}
