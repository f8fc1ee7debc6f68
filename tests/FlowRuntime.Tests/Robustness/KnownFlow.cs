namespace FlowRuntime.Tests.Robustness;

/// <summary>
/// A flow y' = f(u, y) over u in [0, 1], the same in every value of a state, whose solution is known in closed form.
/// </summary>
/// <param name="Kind">What is hard about it.</param>
/// <param name="Speed">f(u, y).</param>
/// <param name="Exact">y(u) from y(0).</param>
/// <param name="Growth">A bound of |∂y(u)/∂y(s)| over s in [0, u], from y(0) and u: how much of an early error the end may show.</param>
/// <param name="Least">The least y(0) that trials take.</param>
/// <param name="Most">The largest.</param>
internal sealed record KnownFlow(
    string Kind, Func<double, double, double> Speed, Func<double, double, double> Exact, Func<double, double, double> Growth, double Least, double Most)
{
    /// <summary>Where the solution from y(0) ends, or its velocity does; ∞ for none.</summary>
    public Func<double, double> EndsAt { get; init; } = static _ => double.PositiveInfinity;

    /// <summary>Whether a step of any size sees what the field does; one that looks at a wave once in a while does not.</summary>
    public bool IsSeen { get; init; } = true;

    /// <summary>Whether errors grow alike whatever their size.</summary>
    public bool IsLinear { get; init; } = true;

    /// <summary>Kinds of flows, each from two numbers in [0, 1].</summary>
    public static IReadOnlyDictionary<string, Func<double, double, KnownFlow>> Kinds { get; } = new Dictionary<string, Func<double, double, KnownFlow>>
    {
        ["rest"] = static (_, _) => Plain("rest", (_, _) => 0, (_, y) => y),
        ["constant"] = static (a, b) =>
        {
            double c = (b < 0.5 ? -1 : 1) * Math.Pow(10, 60 * a - 30);
            return Plain("constant", (_, _) => c, (u, y) => y + c * u);
        },
        ["decay"] = static (a, _) =>
        {
            double rate = Math.Pow(10, 8 * a - 2);
            return Plain("decay", (_, y) => -rate * y, (u, y) => y * Math.Exp(-rate * u));
        },
        ["growth"] = static (a, _) =>
        {
            double rate = 12 * a;
            return new("growth", (_, y) => rate * y, (u, y) => y * Math.Exp(rate * u), (_, u) => Math.Exp(rate * u), -2, 2);
        },
        ["overflow"] = static (a, _) =>
        {
            double rate = 100 + 900 * a;
            return new("overflow", (_, y) => rate * y, (u, y) => y * Math.Exp(rate * u), (_, u) => Math.Exp(rate * u), 0.5, 2);
        },
        ["square"] = static (_, _) => new("square", (_, y) => y * y, (u, y) => y / (1 - y * u),
            (y, u) => Math.Max(1, Math.Pow(1 - y * u, -2)), -3, 3)
        { EndsAt = y => y > 0 ? 1 / y : double.PositiveInfinity, IsLinear = false },
        ["logistic"] = static (a, _) =>
        {
            double rate = 50 * a;
            double Exact(double u, double y) => y / (y + (1 - y) * Math.Exp(-rate * u));
            double Slope(double u, double y) => Math.Exp(-rate * u) / Math.Pow(y + (1 - y) * Math.Exp(-rate * u), 2);
            return new("logistic", (_, y) => rate * y * (1 - y), Exact,
                (y, u) => Enumerable.Range(0, 101).Max(i => Slope(u * (1 - i / 100.0), Exact(u * i / 100.0, y))), 0.5, 1.5)
            { IsLinear = false };
        },
        ["wave"] = static (a, b) =>
        {
            double speed = 1 + 19 * a, phase = 2 * Math.PI * b;
            return Plain("wave", (u, _) => Math.Cos(speed * u + phase), (u, y) => y + (Math.Sin(speed * u + phase) - Math.Sin(phase)) / speed);
        },
        ["quick wave"] = static (a, b) =>
        {
            double speed = Math.Pow(10, 2 + 3 * a), phase = 2 * Math.PI * b;
            return Plain("quick wave", (u, _) => Math.Cos(speed * u + phase), (u, y) => y + (Math.Sin(speed * u + phase) - Math.Sin(phase)) / speed) with { IsSeen = false };
        },
        ["stiff slope"] = static (a, _) =>
        {
            double rate = Math.Pow(10, 6 * a);
            return Plain("stiff slope", (u, y) => -rate * (y - Math.Cos(u)) - Math.Sin(u), (u, y) => Math.Cos(u) + (y - 1) * Math.Exp(-rate * u));
        },
        ["Gaussian"] = static (a, b) =>
        {
            double scale = Math.Pow(10, -3 * a), mean = 4 * b - 2;
            double Variance(double u) => (1 - u) * (1 - u) + u * u * scale * scale;
            return new("Gaussian", (u, y) => mean + (u * scale * scale - (1 - u)) / Variance(u) * (y - u * mean),
                (u, y) => u * mean + Math.Sqrt(Variance(u)) * y, (_, _) => Math.Sqrt(1 + scale * scale), -2, 2);
        },
        ["jump in t"] = static (a, b) =>
        {
            double before = 4 * b - 2, behind = -3 * before + 1;
            return Plain("jump in t", (u, _) => u < a ? before : behind, (u, y) => y + before * Math.Min(u, a) + behind * Math.Max(0, u - a));
        },
        ["jump in x"] = static (a, b) =>
        {
            double below = 1, above = 0.1 + 4 * b, border = 2 * a - 1;
            return new("jump in x", (_, y) => y < border ? below : above,
                (u, y) => y + below * u < border ? y + below * u : y < border ? border + above * (u - (border - y) / below) : y + above * u,
                (_, _) => Math.Max(1, Math.Max(below / above, above / below)), -2, 2);
        },
        ["sliding"] = static (a, _) =>
        {
            double speed = 4 * a;
            return Plain("sliding", (_, y) => -speed * Math.Sign(y), (u, y) => Math.Sign(y) * Math.Max(0, Math.Abs(y) - speed * u));
        },
        ["NaN from a time"] = static (a, b) => Plain("NaN from a time", (u, _) => u < a ? 4 * b - 2 : double.NaN, (u, y) => y + (4 * b - 2) * u) with { EndsAt = _ => a },
        ["infinite from a time"] = static (a, b) => Plain("infinite from a time", (u, _) => u < a ? 4 * b - 2 : double.NegativeInfinity, (u, y) => y + (4 * b - 2) * u) with { EndsAt = _ => a },
        ["NaN beyond a state"] = static (a, _) =>
        {
            double border = 4 * a - 1.5;
            return Plain("NaN beyond a state", (_, y) => y < border ? 1 : double.NaN, (u, y) => y + u) with { EndsAt = y => Math.Max(0, border - y) };
        },
    };

    private static KnownFlow Plain(string kind, Func<double, double, double> speed, Func<double, double, double> exact) =>
        new(kind, speed, exact, static (_, _) => 1, -2, 2);
}
