using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Training.Evaluation;

/// <summary>An exported classifier of images (<see cref="ClassifierTraining"/>).</summary>
public sealed class Classifier : IDisposable
{
    private const int Rows = 256; // of a call

    private readonly InferenceSession _session;
    private readonly int[] _shape;

    /// <summary>Opens a classifier.</summary>
    /// <param name="path">The .onnx file.</param>
    /// <param name="shape">Shape of one image, [C, H, W].</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="InvalidDataException">The file is no classifier of such images.</exception>
    public Classifier(string path, IReadOnlyList<int> shape, int classes)
    {
        try
        {
            _session = new InferenceSession(path);
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"{path} cannot be opened: {e.Message.Split('\n')[0]} Remove it, and it is trained anew.", e);
        }
        _shape = [.. shape];
        bool fits = _session.InputMetadata.TryGetValue(ClassifierExport.Images, out NodeMetadata? input) && input.Dimensions.AsSpan(1).SequenceEqual(_shape)
            && _session.OutputMetadata.TryGetValue(ClassifierExport.Features, out NodeMetadata? features)
            && _session.OutputMetadata.TryGetValue(ClassifierExport.Logits, out NodeMetadata? logits) && logits.Dimensions[1] == classes;
        if (!fits)
        {
            _session.Dispose();
            throw new InvalidDataException($"{path} is no classifier of images of [{string.Join(", ", shape)}] in {classes} classes. Remove it, and it is trained anew.");
        }
        FeatureCount = _session.OutputMetadata[ClassifierExport.Features].Dimensions[1];
    }

    /// <summary>Number of features of an image.</summary>
    public int FeatureCount { get; }

    /// <summary>Classifies images.</summary>
    /// <param name="images">The images, [count, C, H, W], in the data's units.</param>
    /// <returns>The features of each, [count, <see cref="FeatureCount"/>], and its most likely class, [count].</returns>
    public (float[] Features, int[] Classes) Classify(ReadOnlyMemory<float> images)
    {
        int dimension = _shape.Aggregate(1, (product, size) => product * size), count = images.Length / dimension;
        float[] features = new float[count * FeatureCount];
        int[] classes = new int[count];
        for (int first = 0; first < count; first += Rows)
        {
            int rows = Math.Min(Rows, count - first);
            var input = new DenseTensor<float>(images.Slice(first * dimension, rows * dimension).ToArray(), [rows, .. _shape]);
            using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> results =
                _session.Run([NamedOnnxValue.CreateFromTensor(ClassifierExport.Images, input)], [ClassifierExport.Features, ClassifierExport.Logits]);
            ((DenseTensor<float>)results[0].AsTensor<float>()).Buffer.Span.CopyTo(features.AsSpan(first * FeatureCount));
            ReadOnlySpan<float> logits = ((DenseTensor<float>)results[1].AsTensor<float>()).Buffer.Span;
            int width = logits.Length / rows;
            for (int row = 0; row < rows; row++)
                classes[first + row] = TensorPrimitives.IndexOfMax(logits.Slice(row * width, width));
        }
        return (features, classes);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _session.Dispose();
}
