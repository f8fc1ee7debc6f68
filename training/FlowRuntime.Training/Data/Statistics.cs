namespace FlowRuntime.Training.Data;

/// <summary>Mean and standard deviation of values, in double precision.</summary>
internal static class Statistics
{
    public static double Mean(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float value in values)
            sum += value;
        return sum / values.Length;
    }

    /// <summary>The standard deviation of the population: √(mean of (value − mean)²).</summary>
    public static double StandardDeviation(ReadOnlySpan<float> values)
    {
        double mean = Mean(values), sum = 0;
        foreach (float value in values)
            sum += (value - mean) * (value - mean);
        return Math.Sqrt(sum / values.Length);
    }

    /// <summary>The middle value; of an even number the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Column <paramref name="column"/> of rows of <paramref name="dimension"/> values.</summary>
    public static float[] Column(ReadOnlySpan<float> rows, int dimension, int column)
    {
        float[] values = new float[rows.Length / dimension];
        for (int row = 0; row < values.Length; row++)
            values[row] = rows[row * dimension + column];
        return values;
    }
}
