using System.Text.Json.Serialization;
using FlowRuntime.Paths;

namespace FlowRuntime.Cards;

/// <summary>
/// A model's card: all that is needed to sample it and that its graph does not say. It is JSON in the ONNX metadata
/// entry <c>flow.card</c>, overlaid field by field by a sidecar <c>NAME.flow.json</c>.
/// </summary>
/// <remarks>Field by field in docs/model-card.md. In JSON the names are in snake_case.</remarks>
/// <param name="Format">Version of the card's format; this library writes and reads <see cref="CurrentFormat"/>.</param>
/// <param name="Prediction">What the network predicts.</param>
/// <param name="Path">The probability path it was trained on.</param>
/// <param name="Sample">The shape of one sample.</param>
/// <param name="Inputs">Names of the graph's inputs.</param>
/// <param name="Outputs">Names of the graph's outputs.</param>
/// <param name="Time">How time is fed. Default: flow time as it is.</param>
/// <param name="Prior">The noise a sample starts from. Default: standard normal.</param>
/// <param name="Conditions">What samples can be conditioned on. Default: nothing.</param>
/// <param name="Data">How the network's values become the data's. Default: they are the data's.</param>
/// <param name="Latent">The autoencoder of a latent model. Default: none.</param>
/// <param name="Hints">How to solve this model by default. Default: the library's general defaults.</param>
/// <param name="Provenance">Where the model comes from.</param>
public sealed record FlowCard(
    int Format,
    PredictionCard Prediction,
    PathCard Path,
    SampleCard Sample,
    InputsCard Inputs,
    OutputsCard Outputs,
    TimeCard? Time = null,
    PriorCard? Prior = null,
    ConditionsCard? Conditions = null,
    DataCard? Data = null,
    LatentCard? Latent = null,
    HintsCard? Hints = null,
    ProvenanceCard? Provenance = null)
{
    /// <summary>The version of the card's format that this library writes.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The flow times in which the network is solved: those it was trained at, inside the ends where its prediction or the quantity it is fed for its time is not finite.</summary>
    internal (double Start, double End) TimeRange(ProbabilityPath path)
    {
        (double start, double end) = path.TimeRange(Prediction.Kind);
        if (Time?.Quantity is TimeQuantity.NoiseLevel or TimeQuantity.LogNoiseLevel or TimeQuantity.LogSnr && path.At(start).Alpha == 0)
            start = ProbabilityPath.EndMargin;
        if (Time?.Quantity is TimeQuantity.LogNoiseLevel or TimeQuantity.LogSnr && path.At(end).Deviation == 0)
            end = 1 - ProbabilityPath.EndMargin;
        return (Math.Max(start, Path.Start), Math.Min(end, Path.End));
    }
}

/// <summary>What the network predicts.</summary>
/// <param name="Kind">The quantity.</param>
/// <param name="Sign">1, or −1 where the network's prediction output is its negative; a divergence output is taken as it is.</param>
public sealed record PredictionCard(PredictionKind Kind, int Sign = 1);

/// <summary>The quantities a network may predict; formulas in docs/model-card.md.</summary>
public enum PredictionKind
{
    /// <summary>The velocity dx/dt of flow time.</summary>
    [JsonStringEnumMemberName("velocity")] Velocity,

    /// <summary>The noise ε.</summary>
    [JsonStringEnumMemberName("noise")] Noise,

    /// <summary>The data x1.</summary>
    [JsonStringEnumMemberName("data")] Data,

    /// <summary>The score ∇ log p_t.</summary>
    [JsonStringEnumMemberName("score")] Score,

    /// <summary>The diffusion v-prediction α ε − σ x1.</summary>
    [JsonStringEnumMemberName("v-prediction")] VPrediction,
}

/// <summary>The probability path: its kind and numbers, and the times it was trained at.</summary>
/// <param name="Kind">Kind of path.</param>
/// <param name="SigmaMin">σ_min of conditional OT (default 0) and of the variance-exploding path.</param>
/// <param name="SigmaMax">σ_max of the variance-exploding path.</param>
/// <param name="BetaMin">β_min of the variance-preserving path.</param>
/// <param name="BetaMax">β_max of the variance-preserving path.</param>
/// <param name="Noise">Constant noise γ of independent pairs, or c of the Schrödinger bridge.</param>
/// <param name="AlphaBar">ᾱ of a diffusion model's steps, from nearly clean to noise.</param>
/// <param name="Start">First trained flow time, where a solve starts. Default 0.</param>
/// <param name="End">Last trained flow time, where a solve ends. Default 1.</param>
/// <param name="Coupling">How noise and data were paired in training. Default: independently.</param>
public sealed record PathCard(
    PathKind Kind,
    double? SigmaMin = null,
    double? SigmaMax = null,
    double? BetaMin = null,
    double? BetaMax = null,
    double? Noise = null,
    IReadOnlyList<double>? AlphaBar = null,
    double Start = 0,
    double End = 1,
    CouplingKind? Coupling = null)
{
    /// <summary>
    /// Whether a velocity of this path tells the noise, the data and the score: the source is normal and independent of the data.
    /// Other models predict velocities alone.
    /// </summary>
    internal bool TellsNoise => (Coupling ?? CouplingKind.Independent) == CouplingKind.Independent && Kind is not (PathKind.IndependentPairs or PathKind.SchrodingerBridge);

    /// <summary>Kind and coupling, for messages.</summary>
    internal string Described => Coupling is null or CouplingKind.Independent ? $"path '{Kind}'" : $"path '{Kind}' with coupling '{Coupling}'";
}

/// <summary>How noise and data are paired in training.</summary>
public enum CouplingKind
{
    /// <summary>Independently of one another.</summary>
    [JsonStringEnumMemberName("independent")] Independent,

    /// <summary>By exact optimal transport within a batch.</summary>
    [JsonStringEnumMemberName("optimal-transport")] OptimalTransport,

    /// <summary>By entropic optimal transport within a batch.</summary>
    [JsonStringEnumMemberName("sinkhorn")] Sinkhorn,

    /// <summary>By optimal transport within a batch that does not mix conditions.</summary>
    [JsonStringEnumMemberName("conditional-optimal-transport")] ConditionalOptimalTransport,
}

/// <summary>The kinds of probability paths.</summary>
public enum PathKind
{
    /// <summary>Conditional optimal transport: α = t, σ = 1 − (1 − σ_min) t.</summary>
    [JsonStringEnumMemberName("conditional-ot")] ConditionalOt,

    /// <summary>Variance preserving, with β_min and β_max.</summary>
    [JsonStringEnumMemberName("vp")] VariancePreserving,

    /// <summary>Variance exploding, with σ_min and σ_max.</summary>
    [JsonStringEnumMemberName("ve")] VarianceExploding,

    /// <summary>Trigonometric: α = sin(πt/2), σ = cos(πt/2).</summary>
    [JsonStringEnumMemberName("cosine")] Cosine,

    /// <summary>From a table of ᾱ.</summary>
    [JsonStringEnumMemberName("tabulated")] Tabulated,

    /// <summary>Independent pairs (I-CFM) with constant noise.</summary>
    [JsonStringEnumMemberName("independent-pairs")] IndependentPairs,

    /// <summary>Schrödinger bridge.</summary>
    [JsonStringEnumMemberName("schrodinger-bridge")] SchrodingerBridge,
}

/// <summary>The samples.</summary>
/// <param name="Shape">Shape of one sample, without the batch: [C, H, W] for images, [d] for points and rows of tables.</param>
public sealed record SampleCard(IReadOnlyList<int> Shape);

/// <summary>Names of the graph's inputs.</summary>
/// <param name="Time">The time, one number a row.</param>
/// <param name="State">The state x.</param>
/// <param name="Probe">A probe e of ±1, of the state's shape, with which the divergence output is the estimate eᵀ(∂P/∂x)e; null where it is exact.</param>
/// <param name="Constants">Inputs that are always fed the same. Default: none.</param>
public sealed record InputsCard(string Time, string State, string? Probe = null, IReadOnlyList<ConstantInputCard>? Constants = null);

/// <summary>An input that is always fed the same numbers, such as the position ids and the guidance scale of some transformers.</summary>
/// <param name="Input">Name of the graph's input, of any number type.</param>
/// <param name="Values">The numbers: one, which fills the input, or as many as the shape has without its rows.</param>
/// <param name="Shape">Shape of the input, −1 for the number of rows, over which the numbers are repeated. Default: as the graph declares it, with rows where its first size is open.</param>
public sealed record ConstantInputCard(string Input, IReadOnlyList<double> Values, IReadOnlyList<int>? Shape = null);

/// <summary>Names of the graph's outputs.</summary>
/// <param name="Prediction">The prediction, of the state's shape.</param>
/// <param name="Divergence">The divergence of the prediction P (∇·v where it is the velocity), or its estimate with <see cref="InputsCard.Probe"/>, one
/// number a row; null where the graph has none.</param>
public sealed record OutputsCard(string Prediction, string? Divergence = null);

/// <summary>How the network is fed time: τ = Scale · t, or Scale · (1 − t) where it counts from the data, or another quantity of the path.</summary>
/// <param name="From">The end at which the network's time is 0. Default: noise.</param>
/// <param name="Scale">Factor, above 0. Default 1.</param>
/// <param name="Steps">Number of steps K where the network knows whole step numbers 0 … K − 1 alone, k = (K − 1) t, or (K − 1)(1 − t) from the data; null for real times.</param>
/// <param name="Quantity">What is fed, times the scale. Default: the time.</param>
public sealed record TimeCard(TimeOrigin From = TimeOrigin.Noise, double Scale = 1, int? Steps = null, TimeQuantity Quantity = TimeQuantity.Time);

/// <summary>What a network is fed for its time.</summary>
public enum TimeQuantity
{
    /// <summary>The time t, or 1 − t from the data.</summary>
    [JsonStringEnumMemberName("time")] Time,

    /// <summary>The noise level ρ/α of the path at the time: σ of EDM.</summary>
    [JsonStringEnumMemberName("noise-level")] NoiseLevel,

    /// <summary>ln(ρ/α); with a scale of ¼ it is what EDM feeds.</summary>
    [JsonStringEnumMemberName("log-noise-level")] LogNoiseLevel,

    /// <summary>The log-SNR, ln(α²/ρ²).</summary>
    [JsonStringEnumMemberName("log-snr")] LogSnr,
}

/// <summary>The end at which a network's time is 0.</summary>
public enum TimeOrigin
{
    /// <summary>Noise, as flow time has it.</summary>
    [JsonStringEnumMemberName("noise")] Noise,

    /// <summary>Data, as most diffusion models have it.</summary>
    [JsonStringEnumMemberName("data")] Data,
}

/// <summary>The noise a sample starts from: N(mean, scale² I).</summary>
/// <param name="Mean">Mean of every value. Default 0.</param>
/// <param name="Scale">Standard deviation of every value, above 0. Default 1.</param>
public sealed record PriorCard(double Mean = 0, double Scale = 1);

/// <summary>What samples can be conditioned on.</summary>
/// <param name="Classes">A class label.</param>
/// <param name="Vectors">Named vectors, one a sample.</param>
/// <param name="Sequences">Named sequences, one a sample.</param>
public sealed record ConditionsCard(
    ClassesCard? Classes = null,
    IReadOnlyList<ConditionInputCard>? Vectors = null,
    IReadOnlyList<SequenceInputCard>? Sequences = null);

/// <summary>The classes of a class-conditional network.</summary>
/// <param name="Input">Name of the graph's label input, int64, one number a row.</param>
/// <param name="Names">Names of the classes; label i is the i-th.</param>
/// <param name="Null">The label that means "no class", for unconditional samples and guidance; null where there is none.</param>
public sealed record ClassesCard(string Input, IReadOnlyList<string> Names, int? Null = null);

/// <summary>A vector input.</summary>
/// <param name="Input">Name of the graph's input.</param>
/// <param name="Shape">Shape for one sample.</param>
/// <param name="Columns">Names of its values and how they are fed: (value − mean) / scale. Default: fed as they are given.</param>
/// <param name="Null">The number that fills the input where no condition is given, for unconditional samples and guidance; null where there is none.</param>
public sealed record ConditionInputCard(string Input, IReadOnlyList<int> Shape, ColumnsCard? Columns = null, double? Null = null)
{
    /// <summary>Number of values for one sample.</summary>
    [JsonIgnore]
    public int Length => Shape.Aggregate(1, (product, size) => product * size);
}

/// <summary>A sequence input, such as the tokens of a text or what a text encoder made of them.</summary>
/// <param name="Input">Name of the graph's input.</param>
/// <param name="Shape">Shape for one sample, the greatest length first: [77, 768] for vectors, [77] for token numbers. A shorter sequence is filled up.</param>
/// <param name="Mask">Name of an input [N, length] that is 1 where the sequence is and 0 where it was filled up; null where there is none.</param>
/// <param name="Padding">The number that shorter sequences are filled up with. Default 0.</param>
/// <param name="Null">The number that fills the whole input where no sequence is given, for unconditional samples and guidance; null where there is none.</param>
public sealed record SequenceInputCard(string Input, IReadOnlyList<int> Shape, string? Mask = null, double Padding = 0, double? Null = null)
{
    /// <summary>Greatest length.</summary>
    [JsonIgnore]
    public int MostItems => Shape[0];

    /// <summary>Number of values of one item of the sequence.</summary>
    [JsonIgnore]
    public int ItemLength => Shape.Skip(1).Aggregate(1, (product, size) => product * size);
}

/// <summary>How the network's values become the data's.</summary>
/// <param name="Image">For images: the range of the network's values.</param>
/// <param name="Columns">For points and tables: the columns and their standardisation.</param>
/// <param name="Mean">Mean of the data in the network's units: one number, or one a value.</param>
/// <param name="Scale">Standard deviation of the data in the network's units: one number, or one a value.</param>
public sealed record DataCard(
    ImageCard? Image = null,
    ColumnsCard? Columns = null,
    IReadOnlyList<double>? Mean = null,
    IReadOnlyList<double>? Scale = null);

/// <summary>The range of an image network's values: Low is black (0), High is white (1).</summary>
/// <param name="Low">The network's value for 0.</param>
/// <param name="High">The network's value for 1, above Low.</param>
public sealed record ImageCard(double Low, double High);

/// <summary>The columns of a table: value = Mean + Scale · (the network's value).</summary>
/// <param name="Names">Names of the columns.</param>
/// <param name="Mean">Mean of each column.</param>
/// <param name="Scale">Scale of each column, above 0.</param>
public sealed record ColumnsCard(IReadOnlyList<string> Names, IReadOnlyList<double> Mean, IReadOnlyList<double> Scale);

/// <summary>The autoencoder of a latent model: data = decoder(state / Scale + Shift).</summary>
/// <param name="Decoder">File of the decoder, beside the model.</param>
/// <param name="Encoder">File of the encoder, beside the model.</param>
/// <param name="Scale">Factor of the latents.</param>
/// <param name="Shift">Shift of the latents.</param>
public sealed record LatentCard(string Decoder, string? Encoder = null, double Scale = 1, double Shift = 0);

/// <summary>How to solve this model by default, as measured or chosen for its graph.</summary>
/// <param name="Graph">SHA-256 of the graph the hints belong to, in hexadecimal; for another graph they are ignored.</param>
/// <param name="Method">Name of the method.</param>
/// <param name="RelativeTolerance">Relative tolerance, for adaptive steps.</param>
/// <param name="AbsoluteTolerance">Absolute tolerance, for adaptive steps.</param>
/// <param name="Steps">Number of steps, for fixed ones.</param>
/// <param name="Guidance">Guidance scale.</param>
/// <param name="Quality">What was found for each quality; the normal one is the default where method, tolerances and steps say nothing.</param>
/// <param name="Profiles">Step profiles, one a method.</param>
public sealed record HintsCard(
    string Graph,
    string? Method = null,
    double? RelativeTolerance = null,
    double? AbsoluteTolerance = null,
    int? Steps = null,
    double? Guidance = null,
    QualityCard? Quality = null,
    IReadOnlyList<ProfileCard>? Profiles = null);

/// <summary>The solver for each quality.</summary>
/// <param name="Draft">For a quick look.</param>
/// <param name="Normal">The default.</param>
/// <param name="Fine">For small errors.</param>
public sealed record QualityCard(QualityLevelCard Draft, QualityLevelCard Normal, QualityLevelCard Fine);

/// <summary>The solver that reaches a quality with the fewest evaluations, as measured.</summary>
/// <param name="Method">Name of the pair.</param>
/// <param name="Tolerance">Relative and absolute tolerance.</param>
/// <param name="Evaluations">Mean evaluations per sample, as measured.</param>
/// <param name="Error">Error as a share of the data's standard deviation, as measured.</param>
/// <param name="Profiled">Whether the pair's step profile is used.</param>
/// <param name="Whitened">Whether it is solved in coordinates in which Gaussian data with the mean and scale of the card stand still.</param>
public sealed record QualityLevelCard(string Method, double Tolerance, double? Evaluations = null, double? Error = null, bool Profiled = false, bool Whitened = false);

/// <summary>A step profile; see <see cref="Ode.StepProfile"/>.</summary>
/// <param name="Method">Name of the pair it was measured with.</param>
/// <param name="Tolerances">Tolerances, rising.</param>
/// <param name="Steps">For each tolerance the largest steps, equally far apart in log(1 − t + 0.001).</param>
/// <param name="Whitened">Whether it was measured in the coordinates of Gaussian data, with their angle for t.</param>
public sealed record ProfileCard(string Method, IReadOnlyList<double> Tolerances, IReadOnlyList<IReadOnlyList<double>> Steps, bool Whitened = false);

/// <summary>Where the model comes from.</summary>
/// <param name="Data">The data it was trained on.</param>
/// <param name="Steps">Training steps.</param>
/// <param name="Seed">Seed of the training.</param>
/// <param name="Date">Date, as yyyy-mm-dd.</param>
/// <param name="Software">Name and version of the software that made it.</param>
/// <param name="Licence">Licence of the model.</param>
/// <param name="Precision">How the file stores the weights, such as float16 or int8; null for float32.</param>
public sealed record ProvenanceCard(
    string? Data = null,
    long? Steps = null,
    ulong? Seed = null,
    string? Date = null,
    string? Software = null,
    string? Licence = null,
    string? Precision = null);
