namespace FlowRuntime.Training.Metrics;

/// <summary>
/// How much of what is generated lies where real rows lie, and the other way about: each row stands for the ball around it that reaches its k-th nearest fellow, and a
/// set for the union of its balls.
/// </summary>
/// <remarks>Source: Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models".</remarks>
/// <param name="Precision">Share of the generated rows that lie in a ball of a real one.</param>
/// <param name="Recall">Share of the real rows that lie in a ball of a generated one.</param>
public sealed record PrecisionRecall(double Precision, double Recall)
{
    private const int Neighbour = 3; // as the authors take it

    /// <summary>Measures two sets, best of equal size.</summary>
    /// <param name="real">Real rows, [at least 4, dimension].</param>
    /// <param name="generated">Generated rows, [at least 4, dimension].</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <exception cref="ArgumentException">A set has fewer than four rows.</exception>
    public static PrecisionRecall Of(float[] real, float[] generated, int dimension)
    {
        if (Math.Min(real.Length, generated.Length) < (Neighbour + 1) * dimension)
            throw new ArgumentException($"{Math.Min(real.Length, generated.Length) / dimension} rows have no {Neighbour}rd neighbour each. Give at least {Neighbour + 1}.");
        return new PrecisionRecall(Covered(real, generated, dimension), Covered(generated, real, dimension));
    }

    /// <summary>Share of the rows that lie in a ball of the references.</summary>
    private static double Covered(float[] references, float[] rows, int dimension)
    {
        var neighbours = new NearestNeighbours(references, dimension);
        return neighbours.AreWithin(rows, neighbours.NearestDistancesWithin(Neighbour)).Average(within => within ? 1.0 : 0.0);
    }
}
