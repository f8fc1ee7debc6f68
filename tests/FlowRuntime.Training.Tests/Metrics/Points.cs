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
    public static double EightGaussiansLogDensity(ReadOnlySpan<float> x, double radius = 5)
    {
        double sum = 0;
        for (int k = 0; k < 8; k++)
        {
            double dx = x[0] - radius * Math.Cos(2 * Math.PI * k / 8), dy = x[1] - radius * Math.Sin(2 * Math.PI * k / 8);
            sum += Math.Exp(-(dx * dx + dy * dy) / 2) / (16 * Math.PI);
        }
        return Math.Log(sum);
    }

    /// <summary>The same points from last to first.</summary>
    public static float[] Reversed(float[] points, int dimension) => [.. points.Chunk(dimension).Reverse().SelectMany(row => row)];

    /// <summary>The results of many runs that take the threads away from one another, so that each shares its work out differently.</summary>
    public static T[] Crowded<T>(Func<T> measure)
    {
        var results = new T[40];
        Parallel.For(0, results.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => results[i] = measure());
        return results;
    }

    /// <summary>Mean and standard deviation of values, with the divisor n − 1.</summary>
    public static (double Mean, double Deviation) Spread(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return (mean, Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1)));
    }
}
