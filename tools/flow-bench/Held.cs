using System.Diagnostics;

namespace FlowRuntime.Bench;

/// <summary>What this process holds at a moment.</summary>
/// <param name="Megabytes">Memory.</param>
/// <param name="Handles">Open files, pipes and the like.</param>
/// <param name="Threads">Threads.</param>
internal readonly record struct Held(double Megabytes, double Handles, double Threads)
{
    /// <summary>The most that a mean over the end may be of one after the warm-up.</summary>
    private const double MostGrowth = 1.1;

    public static Held Now()
    {
        using Process process = Process.GetCurrentProcess();
        return new Held(process.WorkingSet64 / 1e6, process.HandleCount, process.Threads.Count);
    }

    /// <summary>How what was held has grown: the means of the last fifth of looks over those of the second, the first being a warm-up.</summary>
    public static IEnumerable<Figure> Growth(string section, IReadOnlyList<Held> looks)
    {
        int fifth = Math.Max(1, looks.Count / 5);
        Held[] early = [.. looks.Skip(fifth).Take(fifth)], late = [.. looks.TakeLast(fifth)];
        foreach ((string name, Func<Held, double> of) in new (string, Func<Held, double>)[] { ("memory, MB", held => held.Megabytes), ("handles", held => held.Handles), ("threads", held => held.Threads) })
        {
            (double first, double last) = (early.Average(of), late.Average(of));
            yield return new Figure(section, $"{name}: last fifth over second", last / first, "ratio", MostGrowth, Remark: FormattableString.Invariant($"{first:F1} to {last:F1}, at most {looks.Max(of):F0}"));
        }
    }
}
