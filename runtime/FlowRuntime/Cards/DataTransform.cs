namespace FlowRuntime.Cards;

/// <summary>Turns the network's values into the data's own units, as a card's data section says, and back.</summary>
public static class DataTransform
{
    /// <summary>
    /// Turns samples into the data's units, in place: images into [0, 1] (values beyond are cut off), columns by mean
    /// and scale, others as they are.
    /// </summary>
    /// <param name="data">The card's data section, or null.</param>
    /// <param name="values">Whole samples, one behind another, [count, dimension].</param>
    public static void ToDataUnits(DataCard? data, Span<float> values)
    {
        if (data?.Image is { } image)
        {
            double scale = 1 / (image.High - image.Low);
            foreach (ref float value in values)
                value = (float)Math.Clamp((value - image.Low) * scale, 0, 1);
        }
        else if (data?.Columns is { } columns)
        {
            for (int i = 0; i < values.Length; i++)
            {
                int column = i % columns.Mean.Count;
                values[i] = (float)(columns.Mean[column] + columns.Scale[column] * values[i]);
            }
        }
    }

    /// <summary>
    /// log |det| of the map from the data's units to the network's: what is added to a log-density of the network's values to have that
    /// of the data's. It is d log(high − low) for images, −Σ log(scale) for columns, and 0 for others.
    /// </summary>
    /// <param name="data">The card's data section, or null.</param>
    /// <param name="dimension">Number of values of a sample, d.</param>
    public static double LogDeterminant(DataCard? data, int dimension) =>
        data?.Image is { } image ? dimension * Math.Log(image.High - image.Low)
        : data?.Columns is { } columns ? -columns.Scale.Sum(Math.Log)
        : 0;

    /// <summary>Turns the data's units into the network's values, in place; the inverse of <see cref="ToDataUnits"/>.</summary>
    /// <param name="data">The card's data section, or null.</param>
    /// <param name="values">Whole samples, one behind another, [count, dimension].</param>
    public static void ToNetworkUnits(DataCard? data, Span<float> values)
    {
        if (data?.Image is { } image)
        {
            foreach (ref float value in values)
                value = (float)(image.Low + (image.High - image.Low) * value);
        }
        else if (data?.Columns is { } columns)
        {
            for (int i = 0; i < values.Length; i++)
            {
                int column = i % columns.Mean.Count;
                values[i] = (float)((values[i] - columns.Mean[column]) / columns.Scale[column]);
            }
        }
    }
}
