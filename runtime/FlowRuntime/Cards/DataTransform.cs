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
