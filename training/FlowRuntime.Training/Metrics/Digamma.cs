namespace FlowRuntime.Training.Metrics;

/// <summary>ψ(x) = d ln Γ(x) / dx.</summary>
internal static class Digamma
{
    /// <summary>ψ at x above 0, to about 1e-12.</summary>
    /// <remarks>Source: Abramowitz and Stegun, section 6.3: the recurrence ψ(x) = ψ(x + 1) − 1/x up to x = 10, then the asymptotic series.</remarks>
    public static double At(double x)
    {
        double sum = 0;
        for (; x < 10; x++)
            sum -= 1 / x;
        double square = 1 / (x * x);
        return sum + Math.Log(x) - 0.5 / x
            - square * (1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square * (1.0 / 240 - square / 132))));
    }
}
