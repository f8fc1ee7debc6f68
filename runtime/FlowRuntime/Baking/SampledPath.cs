using FlowRuntime.Cards;
using FlowRuntime.Onnx;
using FlowRuntime.Paths;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>
/// A path's numbers at a time that is known where the sampler runs alone: <see cref="ProbabilityPath.At"/> and <see cref="PathCoefficients.VelocityOf"/> as nodes, in float64 and with
/// the functions that ONNX has. For the paths that tell noise and data apart, on which γ is 0. Tests hold both to one another.
/// </summary>
internal sealed class SampledPath(ProbabilityPath path)
{
    /// <summary>The velocity that states and predictions P speak of, v = OfState · x + OfPrediction · P, as <see cref="PathCoefficients.VelocityOf"/> has it.</summary>
    /// <param name="prediction">What P is; no velocity.</param>
    /// <param name="time">The flow time.</param>
    public (GraphNumber OfState, GraphNumber OfPrediction) VelocityOf(PredictionKind prediction, GraphNumber time)
    {
        Coefficients at = At(time);
        switch (prediction)
        {
            case PredictionKind.Noise:
                return (at.AlphaRate / at.Alpha, at.SigmaRate - at.Sigma * at.AlphaRate / at.Alpha);
            case PredictionKind.Data:
                GraphNumber decay = at.HalfVarianceRate / (at.Sigma * at.Sigma);
                return (decay, at.AlphaRate - at.Alpha * decay);
            case PredictionKind.Score:
                return (at.AlphaRate / at.Alpha, at.Sigma * at.Sigma * at.AlphaRate / at.Alpha - at.HalfVarianceRate);
            case PredictionKind.VPrediction:
                GraphNumber power = at.Alpha * at.Alpha + at.Sigma * at.Sigma;
                return ((at.AlphaRate * at.Alpha + at.HalfVarianceRate) / power, (at.SigmaRate * at.Alpha - at.AlphaRate * at.Sigma) / power);
            default:
                throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "There is no such prediction to convert.");
        }
    }

    /// <summary>The noise level σ/α.</summary>
    public GraphNumber NoiseLevel(GraphNumber time)
    {
        Coefficients at = At(time);
        return at.Sigma / at.Alpha;
    }

    /// <summary>The half log-SNR, log(α/σ).</summary>
    public GraphNumber HalfLogSnr(GraphNumber time)
    {
        Coefficients at = At(time);
        return (at.Alpha / at.Sigma).Of("Log");
    }

    private sealed record Coefficients(GraphNumber Alpha, GraphNumber Sigma, GraphNumber AlphaRate, GraphNumber SigmaRate, GraphNumber HalfVarianceRate)
    {
        public Coefficients(GraphNumber alpha, GraphNumber sigma, GraphNumber alphaRate, GraphNumber sigmaRate) : this(alpha, sigma, alphaRate, sigmaRate, sigma * sigmaRate)
        {
        }
    }

    private Coefficients At(GraphNumber t)
    {
        switch (path)
        {
            case ConditionalOtPath ot:
                return new Coefficients(t, 1 - (1 - ot.SigmaMin) * t, t.Number(1), t.Number(-(1 - ot.SigmaMin)));
            case CosinePath:
                GraphNumber sine = (Math.PI / 2 * t).Of("Sin"), cosine = (Math.PI / 2 * (1 - t)).Of("Sin");
                return new Coefficients(sine, cosine, Math.PI / 2 * cosine, -Math.PI / 2 * sine);
            case VariancePreservingPath vp:
                GraphNumber s = 1 - t, half = (vp.BetaMin * s + vp.BetaGrowth * s * s / 2) / 2;
                GraphNumber alpha = (-half).Of("Exp"), sigma = NoiseOf(half).Of("Sqrt");
                GraphNumber alphaRate = (vp.BetaMin + vp.BetaGrowth * s) / 2 * alpha;
                return new Coefficients(alpha, sigma, alphaRate, -alpha * alphaRate / sigma, -alpha * alphaRate);
            case VarianceExplodingPath ve:
                GraphNumber blur = ve.SigmaMin * (ve.LogRatio * (1 - t)).Of("Exp");
                return new Coefficients(t.Number(1), blur, t.Number(0), -ve.LogRatio * blur);
            case TabulatedPath table:
                return Tabulated(table, t);
            default:
                throw new NotSupportedException($"The path {path.GetType().Name} does not tell noise and data apart.");
        }
    }

    /// <summary>1 − e^(−2h), by its series where that would cancel: the first term left out is below 4e-10 of it.</summary>
    private static GraphNumber NoiseOf(GraphNumber h)
    {
        const double Small = 1e-3;
        GraphNumber series = 2 * h * (1 - h * (1 - 2.0 / 3 * h)), plain = 1 - (-2 * h).Of("Exp");
        return new GraphNumber(h.Scope, h.Scope.Node("Where", h.Scope.Node("Less", h.Name, h.Number(Small).Name), series.Name, plain.Name));
    }

    private static Coefficients Tabulated(TabulatedPath table, GraphNumber t)
    {
        GraphScope scope = t.Scope;
        int steps = table.LogSnrs.Length, intervals = steps - 1;
        GraphNumber step = (1 - t) * intervals;
        GraphNumber k = step.Of("Floor").With("Min", t.Number(intervals - 1)).With("Max", t.Number(0)); // the time may be outside of [0, 1] by rounding
        string place = scope.Cast(k.Name, TensorElementType.Int64), next = scope.Node("Add", place, scope.Whole(1));
        GraphNumber Of(double[] values, string at) => new(scope, scope.Node("Gather", scope.Doubles(values, steps), at));
        GraphNumber before = Of(table.LogSnrs, place), first = Of(table.Slopes, place), last = Of(table.Slopes, next);
        GraphNumber u = step - k, rise = Of(table.LogSnrs, next) - before;
        GraphNumber square = 3 * rise - 2 * first - last, cube = first + last - 2 * rise;
        GraphNumber logSnr = before + u * (first + u * (square + u * cube));
        GraphNumber rate = -intervals * (first + u * (2 * square + 3 * u * cube));
        GraphNumber signal = 1 / (1 + (-logSnr).Of("Exp")), noise = 1 / (1 + logSnr.Of("Exp"));
        GraphNumber alpha = signal.Of("Sqrt"), sigma = noise.Of("Sqrt");
        return new Coefficients(alpha, sigma, alpha * noise * rate / 2, -sigma * signal * rate / 2);
    }
}
