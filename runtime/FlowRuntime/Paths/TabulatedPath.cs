namespace FlowRuntime.Paths;

/// <summary>
/// The path of a diffusion model with a table of ᾱ: at step k = (1 − t)(K − 1), α = √ᾱ and σ = √(1 − ᾱ). Between the steps the
/// log-SNR, log(ᾱ/(1 − ᾱ)), follows a monotone cubic with continuous slope, from which the derivatives come.
/// </summary>
/// <remarks>Source of the interpolant: Fritsch and Butland 1984, "A Method for Constructing Local Monotone Piecewise Cubic Interpolants".</remarks>
public sealed class TabulatedPath : ProbabilityPath
{
    /// <summary>Makes the path.</summary>
    /// <param name="alphaBar">ᾱ of the steps, from nearly clean to noise: falling, each above 0 and below 1; at least two.</param>
    /// <exception cref="ArgumentException">The table is not so; the message names the step.</exception>
    public TabulatedPath(IReadOnlyList<double> alphaBar)
    {
        if (alphaBar.Count < 2)
            throw new ArgumentException($"The table of ᾱ has {alphaBar.Count} steps. Give at least two.", nameof(alphaBar));
        for (int k = 0; k < alphaBar.Count; k++)
        {
            if (!(alphaBar[k] is > 0 and < 1))
                throw new ArgumentException(FormattableString.Invariant($"ᾱ is {alphaBar[k]} at step {k}: its log-SNR is not finite. Leave the step out, or give a value above 0 and below 1."), nameof(alphaBar));
            if (k > 0 && !(alphaBar[k] < alphaBar[k - 1]))
                throw new ArgumentException(FormattableString.Invariant($"ᾱ is {alphaBar[k]} at step {k} and {alphaBar[k - 1]} before it. Give values that fall, from nearly clean to noise."), nameof(alphaBar));
        }
        LogSnrs = [.. alphaBar.Select(value => Math.Log(value / (1 - value)))];
        Slopes = SlopesOf(LogSnrs);
    }

    /// <summary>The log-SNR of each step.</summary>
    internal double[] LogSnrs { get; }

    /// <summary>The cubic's slope at each step.</summary>
    internal double[] Slopes { get; }

    /// <inheritdoc/>
    public override PathCoefficients At(double t)
    {
        int intervals = LogSnrs.Length - 1;
        double step = (1 - t) * intervals;
        int k = Math.Clamp((int)step, 0, intervals - 1);
        double u = step - k, rise = LogSnrs[k + 1] - LogSnrs[k];
        // Hermite's cubic: L_k + s_k u + (3r − 2s_k − s_{k+1}) u² + (s_k + s_{k+1} − 2r) u³.
        double square = 3 * rise - 2 * Slopes[k] - Slopes[k + 1], cube = Slopes[k] + Slopes[k + 1] - 2 * rise;
        double logSnr = LogSnrs[k] + u * (Slopes[k] + u * (square + u * cube));
        double rate = -intervals * (Slopes[k] + u * (2 * square + 3 * u * cube)); // dL/dt
        double signal = 1 / (1 + Math.Exp(-logSnr)), noise = 1 / (1 + Math.Exp(logSnr)); // ᾱ and 1 − ᾱ
        double alpha = Math.Sqrt(signal), sigma = Math.Sqrt(noise);
        return new(alpha, sigma, AlphaRate: alpha * noise * rate / 2, SigmaRate: -sigma * signal * rate / 2);
    }

    private protected override double FirstTimeOf(double alpha)
    {
        int last = LogSnrs.Length - 1, k = last;
        while (k > 0 && At(1 - (double)k / last).Alpha < alpha)
            k--;
        return 1 - (double)k / last;
    }

    /// <summary>Slopes at the steps: the harmonic mean of both sides', at the ends the side's own. All are negative, and at most twice the smaller one.</summary>
    private static double[] SlopesOf(double[] values)
    {
        int last = values.Length - 1;
        double[] slopes = new double[values.Length];
        slopes[0] = values[1] - values[0];
        slopes[last] = values[last] - values[last - 1];
        for (int k = 1; k < last; k++)
        {
            double before = values[k] - values[k - 1], after = values[k + 1] - values[k];
            slopes[k] = 2 * before * after / (before + after);
        }
        return slopes;
    }
}
