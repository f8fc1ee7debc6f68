using System.Numerics.Tensors;

namespace FlowRuntime.Training.Couplings;

/// <summary>A plan of entropic transport.</summary>
/// <param name="Masses">P_ij, [n, m]; every row sums to 1/n.</param>
/// <param name="ColumnError">Σ_j |Σ_i P_ij − 1/m|: how far the columns are from their marginal, between 0 and 2.</param>
/// <param name="Iterations">Iterations done, each one scaling of the columns and of the rows.</param>
public sealed record EntropicPlan(float[] Masses, double ColumnError, int Iterations);

/// <summary>
/// Entropic optimal transport with uniform marginals: the P with rows summing to 1/n and columns to 1/m that minimises
/// Σ P_ij C_ij + ε Σ P_ij (log P_ij − 1). It is P_ij = exp((f_i + g_j − C_ij)/ε). As ε → 0 its cost tends to that of
/// optimal transport, as ε → ∞ it tends to 1/(nm).
/// </summary>
/// <remarks>
/// Sources: Cuturi 2013, "Sinkhorn distances"; Schmitzer 2019, "Stabilized sparse scaling algorithms for entropy regularized
/// transport problems", for potentials in the log domain that take up the scalings now and then, and for ε that falls to its value in steps.
/// Potentials are double, and each row of the kernel is scaled to its largest entry, so that a small ε neither overflows nor empties a row.
/// The smaller ε beside the costs, the more iterations; where they do not suffice, the plan tells its error.
/// </remarks>
public static class EntropicTransport
{
    /// <summary>The error of the columns at which a plan is good enough, where none is given.</summary>
    public const double DefaultTolerance = 1e-4;

    /// <summary>The most iterations, where none is given.</summary>
    public const int DefaultMaxIterations = 10_000;

    /// <summary>The plan of given costs.</summary>
    /// <param name="costs">C_ij, [n, m], row by row; finite.</param>
    /// <param name="n">Number of rows, at least 1.</param>
    /// <param name="m">Number of columns, at least 1.</param>
    /// <param name="regularisation">ε, in the units of the costs, above 0.</param>
    /// <param name="tolerance">Iterations end when Σ_j |Σ_i P_ij − 1/m| is at most this, in [1e-6, 1]; default 1e-4.</param>
    /// <param name="maxIterations">And at the latest after so many, default 10,000.</param>
    /// <exception cref="ArgumentException">A number is out of its range, or a cost is not finite.</exception>
    public static EntropicPlan Plan(ReadOnlySpan<float> costs, int n, int m, double regularisation,
        double tolerance = DefaultTolerance, int maxIterations = DefaultMaxIterations)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(m, 1);
        Check(regularisation, tolerance, maxIterations);
        if (costs.Length != (long)n * m)
            throw new ArgumentException($"There are {costs.Length} costs; give {n} x {m}.", nameof(costs));
        if (!TensorPrimitives.IsFiniteAll(costs))
            throw new ArgumentException("A cost is not finite; check the rows that the costs are made of.", nameof(costs));
        var scaling = new Scaling(costs, n, m);
        double spread = (double)TensorPrimitives.Max(costs) - TensorPrimitives.Min(costs);
        for (double coarse = spread; coarse > 2 * regularisation; coarse /= 4)
            scaling.Run(coarse, tolerance, Scaling.Stretch);
        return scaling.Run(regularisation, tolerance, maxIterations);
    }

    internal static void Check(double regularisation, double tolerance, int maxIterations)
    {
        if (!(regularisation > 0 && double.IsFinite(regularisation)))
            throw new ArgumentOutOfRangeException(nameof(regularisation), regularisation, "Give an ε above 0, in units of squared distance.");
        if (!(tolerance is >= 1e-6 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(tolerance), tolerance, "Give a tolerance between 1e-6, which float can tell, and 1.");
        ArgumentOutOfRangeException.ThrowIfLessThan(maxIterations, 1);
    }

    /// <summary>One problem under way: the potential of the columns lasts, kernel and scalings live for a stretch of iterations.</summary>
    private sealed class Scaling(ReadOnlySpan<float> costs, int n, int m)
    {
        /// <summary>Iterations until the potential takes up the scalings.</summary>
        public const int Stretch = 50;
        private const float Least = 1e-12f, Most = 1e12f; // the scalings that single precision bears

        private readonly float[] _costs = costs.ToArray();
        private readonly double[] _g = new double[m];
        private readonly float[] _kernel = new float[n * m];              // rows sum to 1
        private readonly float[] _v = new float[m], _sums = new float[m]; // scaling of the columns; their sums
        private readonly double[] _exponents = new double[m];

        public EntropicPlan Run(double regularisation, double tolerance, int maxIterations)
        {
            int done = 0;
            while (true)
            {
                ScaleRows(regularisation);
                Array.Fill(_v, 1f);
                Array.Clear(_sums);
                for (int row = 0; row < n; row++)
                    TensorPrimitives.Add(_sums, Kernel(row), _sums);
                double error = ColumnError();
                if (error <= tolerance || done >= maxIterations)
                {
                    TensorPrimitives.Multiply(_kernel, 1f / n, _kernel);
                    return new EntropicPlan(_kernel, error, done);
                }
                int end = Math.Min(done + Stretch, maxIterations);
                bool bearable = true;
                while (bearable && done < end && error > 0.5 * tolerance)
                {
                    bearable = Iterate();
                    error = ColumnError();
                    done++;
                }
                for (int column = 0; column < m; column++)
                    _g[column] += regularisation * Math.Log(_v[column]);
            }
        }

        private Span<float> Kernel(int row) => _kernel.AsSpan(row * m, m);

        /// <summary>Σ_j |Σ_i P_ij − 1/m|, of P with exact rows.</summary>
        private double ColumnError()
        {
            double error = 0;
            foreach (float sum in _sums)
                error += Math.Abs((double)sum / n - 1.0 / m);
            return error;
        }

        /// <summary>Scales the columns, then the rows, and sums the columns of what comes out.</summary>
        /// <returns>Whether the scalings are within what single precision bears.</returns>
        private bool Iterate()
        {
            float share = (float)n / m;
            for (int column = 0; column < m; column++)
                _v[column] *= share / Math.Max(_sums[column], Least); // so an empty column comes up stretch by stretch
            Array.Clear(_sums);
            for (int row = 0; row < n; row++)
                TensorPrimitives.MultiplyAdd(Kernel(row), 1 / TensorPrimitives.Dot(Kernel(row), _v), _sums, _sums);
            TensorPrimitives.Multiply(_sums, _v, _sums);
            return TensorPrimitives.Min<float>(_sums) > Least && TensorPrimitives.Min<float>(_v) > Least && TensorPrimitives.Max<float>(_v) < Most;
        }

        /// <summary>The kernel exp((f_i + g_j − C_ij)/ε), with f_i such that each row sums to 1.</summary>
        private void ScaleRows(double regularisation)
        {
            for (int row = 0; row < n; row++)
            {
                TensorPrimitives.ConvertTruncating<float, double>(_costs.AsSpan(row * m, m), _exponents);
                TensorPrimitives.Subtract(_g, _exponents, _exponents);
                TensorPrimitives.Multiply(_exponents, 1 / regularisation, _exponents);
                TensorPrimitives.Subtract(_exponents, TensorPrimitives.Max<double>(_exponents), _exponents);
                TensorPrimitives.Exp<double>(_exponents, _exponents);
                TensorPrimitives.Multiply(_exponents, 1 / TensorPrimitives.Sum<double>(_exponents), _exponents);
                TensorPrimitives.ConvertTruncating<double, float>(_exponents, Kernel(row));
            }
        }
    }
}
