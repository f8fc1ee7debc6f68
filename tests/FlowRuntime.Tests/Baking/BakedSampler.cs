using FlowRuntime.Sampling;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Tests.Baking;

/// <summary>What a baked sampler gives; the trajectory where it was asked for.</summary>
internal sealed record BakedSamples(float[] Values, float[] Times, long[] Evaluations, long[] Accepted, long[] Status, float[] Trajectory, float[] TrajectoryTimes, long[] TrajectoryShape);

/// <summary>A baked sampler as any program has it: a file for ONNX Runtime.</summary>
internal sealed class BakedSampler(string path) : IDisposable
{
    private static readonly string[] Outputs = ["samples", "t", "evaluations", "accepted", "status"], OfTrajectory = ["trajectory", "trajectory_t"];

    private readonly InferenceSession _session = new(path);

    /// <summary>The file as ONNX Runtime sees it.</summary>
    public InferenceSession Session => _session;

    public BakedSamples Run(float[] noise, long? steps = null, long[]? labels = null, float[]? guidance = null, float? tolerance = null, float[]? condition = null, float? absolute = null, params ReadOnlySpan<(string Name, float[] Values, long[] Shape)> others)
    {
        long[] shape = [.. _session.InputMetadata["noise"].Dimensions.Select(size => (long)size)];
        shape[0] = noise.Length / shape[1..].Aggregate(1L, (product, size) => product * size);
        using OrtValue noises = OrtValue.CreateTensorValueFromMemory(noise, shape);
        List<string> names = ["noise"];
        List<OrtValue> values = [noises];
        void Add<T>(string name, T[]? numbers, params long[] of) where T : unmanaged
        {
            if (numbers is null)
                return;
            names.Add(name);
            values.Add(OrtValue.CreateTensorValueFromMemory(numbers, of));
        }
        Add<long>("steps", steps is { } count ? [count] : null, 1);
        Add("label", labels, shape[0], 1);
        Add("guidance", guidance, shape[0], 1);
        Add("c", condition, shape[0], 2);
        float[]? Each(float? value) => value is { } number ? [.. Enumerable.Repeat(number, (int)shape[0])] : null;
        Add("rtol", Each(tolerance), shape[0], 1);
        Add("atol", Each(absolute ?? tolerance), shape[0], 1);
        foreach ((string name, float[] numbers, long[] of) in others)
            Add(name, numbers, of);
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(options, names, values, [.. Outputs, .. OfTrajectory.Where(_session.OutputMetadata.ContainsKey)]);
        T[] Of<T>(int output) where T : unmanaged => results[output].GetTensorDataAsSpan<T>().ToArray();
        bool recorded = results.Count > Outputs.Length;
        var samples = new BakedSamples(
            Of<float>(0), Of<float>(1), Of<long>(2), Of<long>(3), Of<long>(4), recorded ? Of<float>(5) : [], recorded ? Of<float>(6) : [], recorded ? results[5].GetTensorTypeAndShape().Shape : []);
        foreach (OrtValue value in values.Skip(1))
            value.Dispose();
        return samples;
    }

    /// <summary>The noise of samples of seed 7.</summary>
    public static float[] NoiseOf(FlowModel model, int first, int count)
    {
        int d = model.Field.Dimension;
        float[] noise = new float[count * d];
        for (int i = 0; i < count; i++)
            Noise.Fill(7, first + i, noise.AsSpan(i * d, d));
        return noise;
    }

    public void Dispose() => _session.Dispose();
}
