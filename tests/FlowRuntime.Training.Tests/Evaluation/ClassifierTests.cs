using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Evaluation;
using FlowRuntime.Training.Networks;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Evaluation;

/// <summary>The classifier that images are judged by, trained, exported and opened again.</summary>
public sealed class ClassifierTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-classifier").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_tells_classes_apart_that_differ_in_their_pattern_alone()
    {
        string path = Path.Combine(_folder, "c.onnx");
        ClassifierTraining.Train(Stripes(first: 0), path, steps: 25, cancellationToken: TestContext.Current.CancellationToken);
        Dataset others = Stripes(first: 1_000_000);
        using var classifier = new Classifier(path, [1, 8, 8], 2);
        (float[] features, int[] classes) = classifier.Classify(others.InDataUnits());
        Assert.InRange(classes.Zip(others.Labels!, (a, b) => a == b ? 1.0 : 0.0).Average(), 0.98, 1);
        Assert.Equal(others.Count * classifier.FeatureCount, features.Length);
        Assert.Equal(["c.onnx"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(1, 28, 28)]
    [InlineData(3, 8, 12)]
    public void The_exported_file_gives_what_the_network_does(int channels, int height, int width)
    {
        int[] shape = [channels, height, width];
        using ClassifierNetwork network = Trainer.Seeded(4, () => new ClassifierNetwork(shape, 5));
        string path = Path.Combine(_folder, "c.onnx");
        ClassifierExport.Write(network, shape, path);
        const int Count = 300; // more than a call takes
        float[] images = new float[Count * channels * height * width];
        Noise.Fill(1, 0, images, stream: 99);
        using var classifier = new Classifier(path, shape, 5);
        (float[] features, int[] classes) = classifier.Classify(images);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        (Tensor expected, Tensor logits) = network.Forward(TorchOps.Instance, tensor(images).reshape(Count, channels, height, width));
        float[] truth = expected.data<float>().ToArray();
        Assert.Equal(truth.Length, features.Length);
        Assert.All(truth.Zip(features), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        long[] best = logits.argmax(1).data<long>().ToArray();
        Assert.InRange(best.Zip(classes, (a, b) => a == b ? 1.0 : 0.0).Average(), 0.99, 1); // logits nearly equal may change places
    }

    [Fact]
    public void A_file_that_is_none_of_these_images_is_refused_with_the_cure()
    {
        string path = Path.Combine(_folder, "c.onnx");
        ClassifierExport.Write(Trainer.Seeded(0, () => new ClassifierNetwork([1, 8, 8], 2)), [1, 8, 8], path);
        Assert.Contains("Remove it", Assert.Throws<InvalidDataException>(() => new Classifier(path, [1, 8, 8], 3)).Message, StringComparison.Ordinal);
        Assert.Contains("Remove it", Assert.Throws<InvalidDataException>(() => new Classifier(path, [1, 28, 28], 2)).Message, StringComparison.Ordinal);
        File.WriteAllText(path, "no model");
        Assert.Contains("Remove it", Assert.Throws<InvalidDataException>(() => new Classifier(path, [1, 8, 8], 2)).Message, StringComparison.Ordinal);
        Assert.Contains("only images", Assert.Throws<ArgumentException>(() => ClassifierTraining.Train(PlaneData.Moons(), path)).Message, StringComparison.Ordinal);
    }

    /// <summary>Noise with bright rows, or bright columns.</summary>
    private static Dataset Stripes(long first)
    {
        const int Count = 400;
        float[] values = new float[Count * 64];
        int[] labels = [.. Enumerable.Range(0, Count).Select(i => i % 2)];
        for (int i = 0; i < Count; i++)
        {
            Span<float> image = values.AsSpan(i * 64, 64);
            Noise.Fill(5, first + i, image, stream: 99);
            for (int pixel = 0; pixel < 64; pixel++)
                image[pixel] = 0.3f * image[pixel] + ((labels[i] == 0 ? pixel / 8 : pixel % 8) % 2 == 0 ? 0.5f : -0.5f);
        }
        return new Dataset("stripes", [1, 8, 8], values, new(Image: new(-1, 1)), labels, ["rows", "columns"]);
    }
}
