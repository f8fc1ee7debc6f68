using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Tests.Metrics;

/// <summary>Random points of known distributions, [count, dimension], each set by its own seed.</summary>
internal static class Points
{
    private const uint PlaceStream = 100;

    /// <summary>Points of N(mean, deviation² I).</summary>
    public static float[] Normal(int count, int dimension, ulong seed, double mean = 0, double deviation = 1)
    {
        float[] values = new float[count * dimension];
        for (int row = 0; row < count; row++)
            Noise.Fill(seed, row, values.AsSpan(row * dimension, dimension));
        return [.. values.Select(value => (float)(mean + deviation * value))];
    }

    /// <summary>Points of eight equal Gaussians of standard deviation 1 around m_k = radius (cos 2πk/8, sin 2πk/8).</summary>
    public static float[] EightGaussians(int count, ulong seed, double radius = 5)
    {
        float[] values = Normal(count, 2, seed);
        for (int row = 0; row < count; row++)
        {
            (double sine, double cosine) = Math.SinCos(2 * Math.PI * (Philox4x32.Block((uint)row, PlaceStream, 0, 0, seed).X0 % 8) / 8);
            values[2 * row] += (float)(radius * cosine);
            values[2 * row + 1] += (float)(radius * sine);
        }
        return values;
    }

    /// <summary>ln of the density of <see cref="EightGaussians"/>.</summary>
    public static double EightGaussiansLogDensity(ReadOnlySpan<float> x)
    {
        double sum = 0;
        for (int k = 0; k < 8; k++)
        {
            double dx = x[0] - 5 * Math.Cos(2 * Math.PI * k / 8), dy = x[1] - 5 * Math.Sin(2 * Math.PI * k / 8);
            sum += Math.Exp(-(dx * dx + dy * dy) / 2) / (16 * Math.PI);
        }
        return Math.Log(sum);
    }

    /// <summary>The same points from last to first.</summary>
    public static float[] Reversed(float[] points, int dimension) => [.. points.Chunk(dimension).Reverse().SelectMany(row => row)];

    /// <summary>The result on one thread: <c>Parallel.For</c> takes no more inside a scheduler of one.</summary>
    public static T OnOneThread<T>(Func<T> measure)
    {
        var scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, maxConcurrencyLevel: 1).ConcurrentScheduler;
        return Task.Factory.StartNew(measure, CancellationToken.None, TaskCreationOptions.None, scheduler).GetAwaiter().GetResult();
    }

    /// <summary>Mean and standard deviation of values, with the divisor n − 1.</summary>
    public static (double Mean, double Deviation) Spread(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return (mean, Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1)));
    }
}
