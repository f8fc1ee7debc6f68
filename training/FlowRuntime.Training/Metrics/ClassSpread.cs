using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Metrics;

/// <summary>How much the members of a class differ: the standard deviation of each value over the class, averaged over the values.</summary>
public static class ClassSpread
{
    /// <summary>The spread of each class, [classes].</summary>
    /// <param name="rows">Rows, [count, dimension].</param>
    /// <param name="labels">Class of each row, [count].</param>
    /// <param name="classes">Number of classes; each must have a row.</param>
    /// <param name="dimension">Number of values of a row.</param>
    public static double[] Of(float[] rows, int[] labels, int classes, int dimension)
    {
        double[] spreads = new double[classes];
        for (int label = 0; label < classes; label++)
        {
            float[] members = [.. Enumerable.Range(0, labels.Length).Where(row => labels[row] == label)
                .SelectMany(row => rows[(row * dimension)..((row + 1) * dimension)])];
            spreads[label] = Enumerable.Range(0, dimension)
                .Average(column => Statistics.StandardDeviation(Statistics.Column(members, dimension, column)));
        }
        return spreads;
    }
}
