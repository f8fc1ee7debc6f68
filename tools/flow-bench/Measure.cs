using System.Diagnostics;

namespace FlowRuntime.Bench;

/// <summary>Times pieces of work. Figures that are compared are taken in turn, so that both see the same machine.</summary>
internal static class Measure
{
    /// <summary>CPU time of the process while the work runs, in seconds.</summary>
    public static double Cpu(Action work)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        work();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    /// <summary>Wall time of the work, in seconds.</summary>
    public static double Wall(Action work)
    {
        long started = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>The median of several measurements, after one that is thrown away.</summary>
    public static double Median(int repeats, Func<double> measure)
    {
        measure();
        return Median([.. Enumerable.Range(0, repeats).Select(_ => measure())]);
    }

    /// <summary>The medians of two measurements taken in turn, after one of each that is thrown away.</summary>
    public static (double First, double Second) Medians(int repeats, Func<double> first, Func<double> second)
    {
        first();
        second();
        var firsts = new List<double>();
        var seconds = new List<double>();
        for (int i = 0; i < repeats; i++)
        {
            firsts.Add(first());
            seconds.Add(second());
        }
        return (Median(firsts), Median(seconds));
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
