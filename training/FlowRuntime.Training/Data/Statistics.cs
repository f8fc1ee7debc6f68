namespace FlowRuntime.Training.Data;

/// <summary>Mean and standard deviation of values, in double precision.</summary>
public static class Statistics
{
    /// <summary>The mean.</summary>
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

    /// <summary>One column of rows.</summary>
    /// <param name="rows">The rows, [count, dimension].</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <param name="column">The column, from 0.</param>
    public static float[] Column(ReadOnlySpan<float> rows, int dimension, int column)
    {
        float[] values = new float[rows.Length / dimension];
        for (int row = 0; row < values.Length; row++)
            values[row] = rows[row * dimension + column];
        return values;
    }
}
