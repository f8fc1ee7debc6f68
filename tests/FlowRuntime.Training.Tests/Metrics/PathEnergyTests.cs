using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class PathEnergyTests
{
    private static readonly AdaptiveSteps Tight = new() { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 };

    /// <summary>
    /// The linear path from N(0, I) to N(m, s² I) has the flow x = t m + √V x(0), V = (1 − t)² + t² s², hence the energy of one sample
    /// |m|² + 2 m·x(0) (s − 1) + |x(0)|² ∫ (V'/2√V)² dt, and ∫ = 1 + s² − πs/2.
    /// </summary>
    [Theory, InlineData(0.3), InlineData(1.0), InlineData(2.0)]
    public void The_linear_path_between_Gaussians_has_the_energy_of_its_closed_flow(double s)
    {
        const int Count = 500;
        double[] m = [3, -2];
        var field = new FormulaField(2, (_, t, x, v) =>
        {
            double slope = (t * s * s - (1 - t)) / ((1 - t) * (1 - t) + t * t * s * s);
            for (int i = 0; i < 2; i++)
                v[i] = (float)(m[i] + slope * (x[i] - t * m[i]));
        });
        double expected = Enumerable.Range(0, Count).Average(i =>
        {
            float[] x = Start(i);
            return 13 + 2 * (m[0] * x[0] + m[1] * x[1]) * (s - 1) + ((double)x[0] * x[0] + (double)x[1] * x[1]) * (1 + s * s - Math.PI * s / 2);
        });
        Assert.Equal(expected, PathEnergy.Along(Problem(field, Count)), 1e-4 * expected);
    }

    [Fact]
    public void Straight_lines_of_even_speed_have_the_squared_Wasserstein_distance_of_their_ends()
    {
        const double S = 0.5;
        double[] m = [3, -2];
        var optimal = new FormulaField(2, (_, t, x, v) =>
        {
            for (int i = 0; i < 2; i++)
                v[i] = (float)(m[i] + (S - 1) * (x[i] - t * m[i]) / (1 - t + t * S));
        });
        double squared = Enumerable.Range(0, 300).Average(i => Start(i).Zip(m, (x, shift) => Math.Pow(shift + (S - 1) * x, 2)).Sum());
        double energy = PathEnergy.Along(Problem(optimal, 300));
        Assert.Equal(squared, energy, 1e-5 * squared);
        Assert.Equal(0, PathEnergy.Normalised(energy, squared), 1e-5);
    }

    [Fact]
    public void A_detour_costs_more_than_the_distance()
    {
        // A quarter turn: |v| = π/2 |x| all along.
        var turn = new FormulaField(2, (_, _, x, v) => (v[0], v[1]) = ((float)(-Math.PI / 2 * x[1]), (float)(Math.PI / 2 * x[0])));
        double meanSquare = Enumerable.Range(0, 100).Average(i => Start(i).Sum(x => (double)x * x));
        Assert.Equal(Math.PI * Math.PI / 4 * meanSquare, PathEnergy.Along(Problem(turn, 100)), 1e-4);
        Assert.Equal(0.5, PathEnergy.Normalised(3, 2));
        Assert.Equal(0.5, PathEnergy.Normalised(1, 2));
    }

    [Fact]
    public void It_is_the_same_in_reverse_and_over_a_shift_of_time()
    {
        var growth = new FormulaField(2, (_, _, x, v) => (v[0], v[1]) = (x[0], x[1])); // |v|² = |x(0)|² exp(2t)
        double meanSquare = Enumerable.Range(0, 50).Average(i => Start(i).Sum(x => (double)x * x));
        Assert.Equal(meanSquare * (Math.Exp(2) - 1) / 2, PathEnergy.Along(Problem(growth, 50)), 1e-4);
        Assert.Equal(meanSquare * (1 - Math.Exp(-2)) / 2, PathEnergy.Along(Problem(growth, 50) with { Start = 1, End = 0 }), 1e-4);
        Assert.Equal(meanSquare * (Math.E - 1) / 2, PathEnergy.Along(Problem(growth, 50) with { Start = 0.5, End = 1 }), 1e-4);
    }

    [Fact]
    public void Each_sample_is_evaluated_as_itself_under_its_own_condition()
    {
        // The speed is the sample's index plus its label.
        var speeds = new FormulaField(1, (index, _, _, v) => v[0] = index);
        OdeProblem problem = new() { Field = speeds, InitialState = (_, x) => x.Clear(), First = 5, Count = 3, Solver = Tight, ConditionOf = index => new Condition { Label = (int)index } };
        Assert.Equal((100.0 + 144 + 196) / 3, PathEnergy.Along(problem), 1e-3);
    }

    [Fact]
    public void Neither_threads_nor_slots_change_it()
    {
        var field = new FormulaField(2, (_, t, x, v) => (v[0], v[1]) = (MathF.Sin(3 * x[1] + (float)t), MathF.Cos(2 * x[0])));
        double energy = PathEnergy.Along(Problem(field, 200) with { Workers = 1, Slots = 16 });
        Assert.Equal(energy, PathEnergy.Along(Problem(field, 200) with { Workers = 3, Slots = 7 }));
    }

    [Fact]
    public void A_failed_sample_and_an_odd_number_of_intervals_are_refused()
    {
        var bad = new FormulaField(2, (_, _, _, v) => v.Fill(float.NaN));
        Assert.Throws<SamplingException>(() => PathEnergy.Along(Problem(bad, 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => PathEnergy.Along(Problem(bad, 2), intervals: 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => PathEnergy.Normalised(1, 0));
    }

    private static OdeProblem Problem(IVelocityField field, int count) => new()
    {
        Field = field,
        InitialState = (index, x) => Start(index).CopyTo(x),
        Count = count,
        Solver = Tight,
    };

    private static float[] Start(long index)
    {
        float[] x = new float[2];
        Noise.Fill(seed: 1, index, x);
        return x;
    }
}
