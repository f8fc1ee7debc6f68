using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Couplings;

/// <summary>
/// Entropic optimal transport within the batch: each data row gets one source row, drawn from the plan given that row. So
/// each data row is used once; a source row may be used several times or not at all.
/// </summary>
/// <remarks>
/// The plan is that of <see cref="EntropicTransport"/> under squared Euclidean distance. For the Schrödinger bridge with
/// noise c √(t(1 − t)), ε = 2c². Source: Tong et al. 2024, "Simulation-free Schrödinger bridges via score and flow matching".
/// </remarks>
public sealed class SinkhornCoupling : Coupling
{
    private readonly double _regularisation, _tolerance;
    private readonly int _maxIterations;

    /// <summary>Makes the coupling.</summary>
    /// <param name="regularisation">ε, in units of squared distance, above 0.</param>
    /// <param name="tolerance">The error of the source marginal at which the plan is good enough, as in <see cref="EntropicTransport.Plan"/>.</param>
    /// <param name="maxIterations">Iterations after which the plan is taken as it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public SinkhornCoupling(double regularisation, double tolerance = EntropicTransport.DefaultTolerance, int maxIterations = EntropicTransport.DefaultMaxIterations)
    {
        EntropicTransport.Check(regularisation, tolerance, maxIterations);
        (_regularisation, _tolerance, _maxIterations) = (regularisation, tolerance, maxIterations);
    }

    /// <inheritdoc/>
    public override int[] Pair(CouplingBatch batch, ulong seed, long draw)
    {
        int n = batch.Count;
        float[] costs = SquaredDistances.Between(batch.Data, batch.Source, batch.Dimension);
        float[] masses = EntropicTransport.Plan(costs, n, n, _regularisation, _tolerance, _maxIterations).Masses;
        int[] sourceOf = new int[n];
        for (int row = 0; row < n; row++)
        {
            var words = Philox4x32.Block((uint)row, RandomStream.Coupling, (uint)draw, (uint)(draw >> 32), seed);
            sourceOf[row] = Draw(masses.AsSpan(row * n, n), Philox4x32.Uniform(words.X0));
        }
        return sourceOf;
    }

    /// <summary>The place where the masses, summed from the left, pass the given share of their sum.</summary>
    private static int Draw(ReadOnlySpan<float> masses, double share)
    {
        double rest = 0;
        foreach (float mass in masses)
            rest += mass;
        rest *= share;
        int place = 0;
        while ((rest -= masses[place]) > 0 && place < masses.Length - 1)
            place++;
        return place;
    }
}
