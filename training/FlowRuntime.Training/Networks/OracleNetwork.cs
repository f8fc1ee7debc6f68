using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// The exact velocity field of a <see cref="GaussianMixture"/> as a network with nothing to train: to be exported, and to hold others against.
/// </summary>
/// <remarks>
/// It computes what <see cref="GaussianMixture.Velocity(PathCoefficients, ReadOnlySpan{float}, Span{double})"/> does, in single precision: with V_k = α² s_k² + ρ² and
/// w = softmax(log π_k − |x − α m_k|²/2V_k − (d/2) log V_k), v = α' Σ w_k m_k + Σ w_k b_k (x − α m_k), b_k = (αα's_k² + ρρ')/V_k. Distances
/// are taken as |x|² − 2α x·m_k + α²|m_k|², so it is as exact as squares of that size are: about 1e-6 |x|²/V_k of a weight.
/// </remarks>
public sealed class OracleNetwork : VelocityNetwork
{
    /// <summary>Components are filled up with ones of no weight to whole vectors, so that no row depends on its place.</summary>
    private const int SimdLength = 16;
    private const double NoWeight = -1e30;

    /// <summary>Keeps finite data finite where the noise ends.</summary>
    private const double LeastVariance = 1e-14;

    private readonly PathCard _path;
    private readonly Linear _products; // x·m_k
    private readonly Linear _combine; // Σ w_k m_k
    private readonly Linear _sum, _squaredLength, _first, _second;
    private readonly Tensor _logWeights, _squaredMeans, _variances, _quarterTurn;

    /// <summary>Makes the network.</summary>
    /// <param name="data">The data.</param>
    /// <param name="path">The path: its noise x0 must be normal and independent of the data. Not a table.</param>
    /// <exception cref="ArgumentException">The path is a table.</exception>
    public OracleNetwork(GaussianMixture data, PathCard path) : base("oracle", [data.Dimension])
    {
        using var scope = NewDisposeScope();
        if (path.Kind == PathKind.Tabulated)
            throw new ArgumentException("A path from a table has no formula to export. Name a path that has one, such as vp.", nameof(path));
        _path = path;
        int d = data.Dimension, padded = (data.Components + SimdLength - 1) / SimdLength * SimdLength;
        float[] means = new float[padded * d], logWeights = new float[padded], squares = new float[padded], variances = new float[padded];
        logWeights.AsSpan().Fill((float)NoWeight);
        for (int k = 0; k < data.Components; k++)
        {
            ReadOnlySpan<double> mean = data.Mean(k);
            for (int i = 0; i < d; i++)
            {
                means[k * d + i] = (float)mean[i];
                squares[k] += (float)(mean[i] * mean[i]);
            }
            logWeights[k] = (float)Math.Log(data.Weight(k));
            variances[k] = (float)(data.Scale(k) * data.Scale(k));
        }
        Tensor table = tensor(means).reshape(padded, d);
        _products = Fixed(table);
        _combine = Fixed(table.t().contiguous());
        _sum = Fixed(ones(1, padded));
        _squaredLength = Fixed(ones(1, d));
        _first = Fixed(tensor(new float[] { 1, 0 }).reshape(1, 2));
        _second = Fixed(tensor(new float[] { 0, 1 }).reshape(1, 2));
        _logWeights = tensor(logWeights).DetachFromDisposeScope();
        _squaredMeans = tensor(squares).DetachFromDisposeScope();
        _variances = tensor(variances).DetachFromDisposeScope();
        _quarterTurn = tensor(new[] { (float)(Math.PI / 2) }).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given = default) where T : class
    {
        (T alpha, T alphaRate, T noise, T halfNoiseRate) = Scalars(ops, ops.Reshape(t, 1), t);
        T squaredAlpha = ops.Multiply(alpha, alpha);
        T scales = ops.Constant(_variances);
        T variance = ops.Affine(ops.Add(ops.Multiply(squaredAlpha, scales), noise), 1, LeastVariance);
        T distance = ops.Add(
            ops.Add(ops.Linear(ops.Multiply(x, x), _squaredLength), ops.Multiply(squaredAlpha, ops.Constant(_squaredMeans))),
            ops.Multiply(ops.Affine(alpha, -2, 0), ops.Linear(x, _products)));
        T logits = ops.Add(
            ops.Constant(_logWeights),
            ops.Add(ops.Affine(ops.Divide(distance, variance), -0.5, 0), ops.Affine(ops.Log(variance), -Dimension / 2.0, 0)));
        T weights = ops.Softmax(logits);
        T slopes = ops.Divide(ops.Add(ops.Multiply(ops.Multiply(alpha, alphaRate), scales), halfNoiseRate), variance);
        T sloped = ops.Multiply(weights, slopes);
        T ofMeans = ops.Add(ops.Multiply(alphaRate, ops.Linear(weights, _combine)), ops.Multiply(ops.Affine(alpha, -1, 0), ops.Linear(sloped, _combine)));
        return ops.Add(ofMeans, ops.Multiply(ops.Linear(sloped, _sum), x));
    }

    /// <summary>α, α', ρ² and ρρ', each [N, 1].</summary>
    private (T Alpha, T AlphaRate, T Noise, T HalfNoiseRate) Scalars<T>(ITensorOps<T> ops, T t, T flatTime)
    {
        T one = ops.Affine(t, 0, 1), left = ops.Affine(t, -1, 1);
        switch (_path.Kind)
        {
            case PathKind.ConditionalOt:
                double fall = 1 - (_path.SigmaMin ?? 0);
                T sigma = ops.Affine(t, -fall, 1);
                return (t, one, ops.Multiply(sigma, sigma), ops.Affine(sigma, -fall, 0));
            case PathKind.IndependentPairs:
                double noise = _path.Noise ?? 0;
                return (t, one, ops.Affine(ops.Multiply(left, left), 1, noise * noise), ops.Affine(left, -1, 0));
            case PathKind.SchrodingerBridge:
                double square = Math.Pow(_path.Noise ?? SchrodingerBridgePath.DefaultNoise, 2);
                return (t, one, ops.Multiply(left, ops.Affine(t, square - 1, 1)), ops.Affine(t, 1 - square, square / 2 - 1));
            case PathKind.Cosine:
                T turned = ops.FourierFeatures(flatTime, _quarterTurn); // cosine, sine
                T cosine = ops.Linear(turned, _first), sine = ops.Linear(turned, _second);
                return (sine, ops.Affine(cosine, Math.PI / 2, 0), ops.Multiply(cosine, cosine), ops.Affine(ops.Multiply(sine, cosine), -Math.PI / 2, 0));
            case PathKind.VarianceExploding:
                double least = _path.SigmaMin ?? VarianceExplodingPath.DefaultSigmaMin, most = _path.SigmaMax ?? VarianceExplodingPath.DefaultSigmaMax;
                double logRatio = Math.Log(most / least);
                T exploding = ops.Affine(Exponential(ops, ops.Affine(left, 2 * logRatio, 0)), least * least, 0);
                return (one, ops.Affine(t, 0, 0), exploding, ops.Affine(exploding, -logRatio, 0));
            case PathKind.VariancePreserving:
                double betaMin = _path.BetaMin ?? VariancePreservingPath.DefaultBetaMin, growth = (_path.BetaMax ?? VariancePreservingPath.DefaultBetaMax) - betaMin;
                T integral = ops.Multiply(left, ops.Affine(left, growth / 2, betaMin)); // B
                T squaredAlpha = Exponential(ops, ops.Affine(integral, -1, 0)), alpha = Exponential(ops, ops.Affine(integral, -0.5, 0));
                T half = ops.Affine(left, growth / 2, betaMin / 2); // ½β
                T tanh = ops.Tanh(ops.Affine(integral, 0.5, 0)); // 1 − e^−B without cancellation: 2 tanh(B/2)/(1 + tanh(B/2))
                return (alpha, ops.Multiply(half, alpha), ops.Divide(ops.Affine(tanh, 2, 0), ops.Affine(tanh, 1, 1)), ops.Affine(ops.Multiply(half, squaredAlpha), -1, 0));
            default:
                throw new NotSupportedException($"There is no formula for the path '{_path.Kind}'.");
        }
    }

    /// <summary>eˣ as sigmoid(x)/sigmoid(−x), whose values do not depend on their place.</summary>
    private static T Exponential<T>(ITensorOps<T> ops, T x) => ops.Divide(ops.Sigmoid(x), ops.Sigmoid(ops.Affine(x, -1, 0)));

    private static Linear Fixed(Tensor weight)
    {
        Linear layer = nn.Linear(weight.shape[1], weight.shape[0], hasBias: false);
        layer.weight = (Parameter)new Parameter(weight.clone(), requires_grad: false).DetachFromDisposeScope(); // a parameter takes its tensor over
        return layer;
    }
}
