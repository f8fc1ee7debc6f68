using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Objectives;

/// <summary>
/// Conditional flow matching: the mean of ‖v_θ(t, x_t) − u_t‖² over t ~ U[0, 1], x1 from the data, x0 ~ N(0, I), with
/// x_t = α x1 + σ x0 and u_t = α' x1 + σ' x0.
/// </summary>
/// <remarks>
/// Source: Lipman et al. 2023, eq. (9) and theorem 2. Every draw is a function of (seed, step, row), so that batches may
/// be made ahead on another thread, and a resumed run draws what an uninterrupted one would.
/// </remarks>
public sealed class ConditionalFlowMatching
{
    private readonly Dataset _data;
    private readonly ProbabilityPath _path;
    private readonly ulong _seed;
    private readonly double _classDropout;

    /// <summary>Makes the objective.</summary>
    /// <param name="data">The rows to learn.</param>
    /// <param name="path">The path from noise to data.</param>
    /// <param name="seed">Seed of all draws.</param>
    /// <param name="classDropout">Share of rows whose class is replaced by "no class", in [0, 1], so that the network
    /// also learns the unconditional field that guidance needs.</param>
    public ConditionalFlowMatching(Dataset data, ProbabilityPath path, ulong seed, double classDropout)
    {
        if (!(classDropout >= 0 && classDropout <= 1))
            throw new ArgumentOutOfRangeException(nameof(classDropout), classDropout, "Give a share between 0 and 1, such as 0.1.");
        (_data, _path, _seed, _classDropout) = (data, path, seed, classDropout);
    }

    /// <summary>Draws the batch of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="rows">Number of rows.</param>
    public TrainingBatch Draw(long step, int rows)
    {
        int d = _data.Dimension;
        var batch = new TrainingBatch(new float[rows], new float[rows * d], new float[rows * d], _data.Labels is null ? null : new long[rows]);
        float[] noise = new float[d];
        for (int row = 0; row < rows; row++)
        {
            long draw = step * rows + row;
            var words = Philox4x32.Block(0, RandomStream.Row, (uint)draw, (uint)(draw >> 32), _seed);
            int source = (int)((ulong)words.X0 * (uint)_data.Count >> 32);
            double t = Philox4x32.Uniform(words.X1);
            Noise.Fill(_seed, draw, noise, RandomStream.Noise);
            Interpolate(t, _data[source], noise, batch.States.AsSpan(row * d, d), batch.Targets.AsSpan(row * d, d));
            batch.Times[row] = (float)t;
            if (batch.Labels is not null)
                batch.Labels[row] = Philox4x32.Uniform(words.X2) < _classDropout ? _data.ClassNames!.Count : _data.Labels![source];
        }
        return batch;
    }

    private void Interpolate(double t, ReadOnlySpan<float> data, ReadOnlySpan<float> noise, Span<float> state, Span<float> target)
    {
        PathCoefficients path = _path.At(t);
        for (int e = 0; e < data.Length; e++)
        {
            state[e] = (float)(path.Alpha * data[e] + path.Sigma * noise[e]);
            target[e] = (float)(path.AlphaRate * data[e] + path.SigmaRate * noise[e]);
        }
    }
}
