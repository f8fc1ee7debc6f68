using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests;

/// <summary>The models under exported-models/, sampled through the runtime and held against their data.</summary>
public class ShippedModelsTests
{
    private const int Count = 2000;

    public static TheoryData<string> Names => ["moons", "8gaussians", "digits"];

    [Theory, MemberData(nameof(Names))]
    public void Samples_are_nearly_as_close_to_held_out_data_as_data_are_to_data(string name)
    {
        DataSplit split = DataSplit.Of(Load(name));
        int count = Math.Min(Count, split.HeldOut.Count);
        float[] heldOut = split.HeldOut.InDataUnits()[..(count * split.HeldOut.Dimension)];
        float[] samples = Sample(name, count, split.HeldOut.Labels);
        float[] others = split.Train.InDataUnits()[..heldOut.Length];
        double floor = EnergyDistance.Between(others, heldOut, split.HeldOut.Dimension);
        double distance = EnergyDistance.Between(samples, heldOut, split.HeldOut.Dimension);
        Assert.True(distance <= 3 * floor, $"energy distance {distance:G3}, floor {floor:G3}");
    }

    [Theory, MemberData(nameof(Names))]
    public void Samples_have_the_mean_and_standard_deviation_of_the_data(string name)
    {
        DataSplit split = DataSplit.Of(Load(name));
        float[] data = split.Train.InDataUnits(), samples = Sample(name, Count, split.Train.Labels);
        int dimension = split.Train.Dimension;
        double scale = Statistics.StandardDeviation(data);
        for (int column = 0; column < dimension; column++)
        {
            float[] real = Statistics.Column(data, dimension, column), drawn = Statistics.Column(samples, dimension, column);
            Assert.InRange(Statistics.Mean(drawn) - Statistics.Mean(real), -0.15 * scale, 0.15 * scale);
            Assert.InRange(Statistics.StandardDeviation(drawn) - Statistics.StandardDeviation(real), -0.15 * scale, 0.15 * scale);
        }
    }

    [Fact]
    public void Eight_gaussians_are_visited_evenly_and_hardly_anything_lies_between_them()
    {
        float[] samples = Sample("8gaussians", Count, labels: null);
        int[] visits = new int[8];
        for (int i = 0; i < Count; i++)
        {
            int mode = (int)Math.Round(Math.Atan2(samples[2 * i + 1], samples[2 * i]) / (Math.PI / 4) + 8) % 8;
            double distance = Math.Sqrt(
                Math.Pow(samples[2 * i] - 4 * Math.Cos(mode * Math.PI / 4), 2) + Math.Pow(samples[2 * i + 1] - 4 * Math.Sin(mode * Math.PI / 4), 2));
            if (distance < 4 * 0.3)
                visits[mode]++;
        }
        Assert.InRange(visits.Sum(), 0.98 * Count, Count);
        Assert.All(visits, n => Assert.InRange(n, 0.75 * Count / 8, 1.25 * Count / 8));
    }

    [Fact]
    public void Moons_follow_their_half_circles()
    {
        float[] samples = Sample("moons", Count, labels: null);
        int near = Enumerable.Range(0, Count).Count(i =>
        {
            (double x, double y) = (samples[2 * i], samples[2 * i + 1]);
            double upper = Math.Abs(Math.Sqrt(x * x + y * y) - 1), lower = Math.Abs(Math.Sqrt((x - 1) * (x - 1) + (y - 0.5) * (y - 0.5)) - 1);
            return Math.Min(y > -0.25 ? upper : 9, y < 0.75 ? lower : 9) < 4 * 0.05;
        });
        Assert.InRange(near, 0.98 * Count, Count);
    }

    [Fact]
    public void Digits_are_the_digits_they_were_asked_for()
    {
        DataSplit split = DataSplit.Of(Digits.Load());
        int[] labels = [.. Enumerable.Range(0, 500).Select(i => i % 10)];
        int[] seen = new NearestNeighbours(split.Train.InDataUnits(), 64).Classify(Sample("digits", 500, labels), split.Train.Labels!);
        Assert.InRange(seen.Zip(labels).Count(pair => pair.First == pair.Second), 475, 500);
    }

    [Theory]
    [InlineData("mnist", 2, 0.85)] // of 2,000 real test images 0.78 lie nearest to the mean of their class
    [InlineData("fashion-mnist", 1, 0.55)] // of real ones 0.67
    public void Images_lie_nearest_to_the_mean_image_of_the_class_they_were_asked_for(string name, double guidance, double share)
    {
        const int count = 60;
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % 10)];
        var means = new NearestNeighbours(ClassMeans(name), 784);
        int[] seen = means.Classify(Sample(name, count, labels, guidance), [.. Enumerable.Range(0, 10)], k: 1);
        int right = seen.Zip(labels).Count(pair => pair.First == pair.Second);
        Assert.InRange(right, share * count, count);
    }

    [Theory]
    [InlineData("mnist", 0.1307, 0.3081)]
    [InlineData("fashion-mnist", 0.2860, 0.3530)]
    public void Images_are_as_bright_as_the_data_and_vary_as_much(string name, double mean, double deviation)
    {
        float[] pixels = Sample(name, 60, [.. Enumerable.Range(0, 60).Select(i => i % 10)]);
        Assert.InRange(Statistics.Mean(pixels), mean - 0.02, mean + 0.02);
        Assert.InRange(Statistics.StandardDeviation(pixels), deviation - 0.03, deviation + 0.03);
    }

    /// <summary>The mean training image of each class, [10, 784], rounded to bytes.</summary>
    private static float[] ClassMeans(string name)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "ClassMeans", $"{name}.idx"));
        return [.. file.Skip(16).Select(value => value / 255f)];
    }

    private static Dataset Load(string name) => name switch
    {
        "moons" => PlaneData.Moons(),
        "8gaussians" => PlaneData.EightGaussians(),
        _ => Digits.Load(),
    };

    private static float[] Sample(string name, int count, int[]? labels, double guidance = 1)
    {
        using FlowModel model = FlowModel.Open(Path.Combine(AppContext.BaseDirectory, "Models", $"{name}.onnx"));
        SampleBatch batch = model.Sample(count, new SamplingOptions { Seed = 3, Labels = labels ?? [], Guidance = guidance });
        return batch.EnsureSuccess().Values;
    }
}
