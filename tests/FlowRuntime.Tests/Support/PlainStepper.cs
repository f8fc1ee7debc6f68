using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>dx/dt = v(t, x) in double precision with a closed form of its solution, and steps written out as the textbook has them.</summary>
internal sealed record PlainStepper(string Name, Func<double, double[], double[]> Velocity, Func<double, double[]> Exact)
{
    /// <summary>A turn whose speed swings: z′ = i(1 + cos t) z, z = exp(i(t + sin t)).</summary>
    public static PlainStepper Turn { get; } = new("turn",
        (t, z) => [-(1 + Math.Cos(t)) * z[1], (1 + Math.Cos(t)) * z[0]],
        t => [Math.Cos(t + Math.Sin(t)), Math.Sin(t + Math.Sin(t))]);

    /// <summary>A turn that gathers speed and changes its radius: z′ = (cos t + 2it) z, z = exp(sin t + it²).</summary>
    public static PlainStepper Spiral { get; } = new("spiral",
        (t, z) => [Math.Cos(t) * z[0] - 2 * t * z[1], Math.Cos(t) * z[1] + 2 * t * z[0]],
        t => [Math.Exp(Math.Sin(t)) * Math.Cos(t * t), Math.Exp(Math.Sin(t)) * Math.Sin(t * t)]);

    /// <summary>The largest error at the end of equal steps.</summary>
    public double ErrorAfter(ButcherTableau method, int steps, double start, double end)
    {
        double[] x = Exact(start), weights = method.B.ToArray();
        double h = (end - start) / steps;
        for (int step = 0; step < steps; step++)
            x = Moved(x, h, weights, Stages(method, start + step * h, h, x));
        return Distance(x, Exact(end));
    }

    /// <summary>The largest error inside one step that starts on the solution.</summary>
    public double ErrorInside(ButcherTableau method, double start, double h, double theta)
    {
        double[] weights = new double[method.Stages + method.Interpolant.ExtraStages];
        method.Interpolant.Weights(theta, weights);
        return Distance(Moved(Exact(start), h, weights, Stages(method, start, h, Exact(start))), Exact(start + theta * h));
    }

    /// <summary>The norm of the error that a pair estimates of one step that starts on the solution, without tolerances.</summary>
    public double EstimateOf(EmbeddedPair pair, double start, double h)
    {
        List<double[]> k = Stages(pair, start, h, Exact(start));
        double Norm(ReadOnlySpan<double> weights) => Moved(new double[k[0].Length], 1, weights.ToArray(), k).Sum(e => e * e);
        double first = Norm(pair.ErrorWeights), second = Norm(pair.SecondErrorWeights), n = k[0].Length;
        return h * (pair.SecondErrorWeights.IsEmpty ? Math.Sqrt(first / n) : first / Math.Sqrt((first + 0.01 * second) * n));
    }

    private List<double[]> Stages(ButcherTableau method, double t, double h, double[] x)
    {
        List<double[]> k = [];
        for (int i = 0; i < method.Stages; i++)
            k.Add(Velocity(t + method.C[i] * h, Moved(x, h, method.A(i).ToArray(), k)));
        for (int extra = 0; extra < method.Interpolant.ExtraStages; extra++)
            k.Add(Velocity(t + method.Interpolant.C(extra) * h, Moved(x, h, method.Interpolant.A(extra).ToArray(), k)));
        return k;
    }

    private static double[] Moved(double[] x, double h, double[] weights, List<double[]> k) =>
        [.. x.Select((value, component) => value + h * weights.Zip(k, (weight, velocity) => weight * velocity[component]).Sum())];

    private static double Distance(double[] left, double[] right) => left.Zip(right, (l, r) => Math.Abs(l - r)).Max();
}
