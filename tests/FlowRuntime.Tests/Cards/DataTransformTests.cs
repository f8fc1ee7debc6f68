using FlowRuntime.Cards;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

public class DataTransformTests
{
    private static readonly DataCard Image = new(Image: new ImageCard(-1, 3));

    private static readonly DataCard Columns = new(Columns: new ColumnsCard(["a", "b", "c"], [10, -20, 0], [2, 0.5, 1e-3]));

    [Fact]
    public void An_images_low_becomes_0_its_high_1_and_what_lies_beyond_is_cut_off()
    {
        Assert.Equal([0, 0.25f, 0.5f, 1, 0, 1], ToDataUnits(Image, -1, 0, 1, 3, -7, 4));
    }

    [Fact]
    public void A_column_becomes_its_mean_plus_its_scale_times_the_value()
    {
        Assert.Equal([10, -20, 0, 12, -19, 2e-3f], ToDataUnits(Columns, 0, 0, 0, 1, 2, 2));
    }

    [Fact]
    public void Without_a_data_section_values_stay_as_they_are()
    {
        Assert.Equal([-5, 7], ToDataUnits(null, -5, 7));
        Assert.Equal([-5, 7], ToDataUnits(new DataCard(Mean: [1], Scale: [2]), -5, 7));
    }

    [Fact]
    public void A_failed_value_stays_not_a_number()
    {
        Assert.True(float.IsNaN(ToDataUnits(Image, float.NaN)[0]));
        Assert.True(float.IsNaN(ToDataUnits(Columns, float.NaN, 0, 0)[0]));
    }

    [Fact]
    public void To_network_units_is_the_inverse()
    {
        foreach (DataCard? data in new[] { Image, Columns, null })
        {
            float[] values = new float[999];
            Noise.Fill(seed: 1, index: 0, values);
            if (data?.Image is not null)
                values = [.. values.Select(value => Math.Clamp(value, -1, 3))]; // what is cut off cannot come back
            float[] there = ToDataUnits(data, values);
            DataTransform.ToNetworkUnits(data, there);
            Assert.All(values.Zip(there), pair => Assert.Equal(pair.First, pair.Second, 1e-5)); // beside a mean of −20, float32 has steps of 2e-6
        }
    }

    private static float[] ToDataUnits(DataCard? data, params float[] values)
    {
        float[] copy = [.. values];
        DataTransform.ToDataUnits(data, copy);
        return copy;
    }
}
