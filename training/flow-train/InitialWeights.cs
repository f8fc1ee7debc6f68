using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Networks;
using static TorchSharp.torch;

namespace FlowRuntime.TrainTool;

/// <summary>Weights to start from: <c>--init RUN|FILE.safetensors</c>.</summary>
internal static class InitialWeights
{
    /// <summary>The file that a run's folder or a file means, as a full path, so that the configuration says it from any folder.</summary>
    /// <exception cref="ArgumentException">There is no such file, or the folder holds no run.</exception>
    public static string Resolve(string path)
    {
        if (!Directory.Exists(path))
            return File.Exists(path) ? Path.GetFullPath(path) : throw new ArgumentException($"there is no run or file {path}.");
        string weights = Path.Combine(path, "weights.safetensors");
        return File.Exists(weights) ? Path.GetFullPath(weights)
            : throw new ArgumentException($"{path} holds no finished run: weights.safetensors is missing. Name a finished run, or one of its checkpoints as a file.");
    }

    /// <summary>Copies the weights whose names and shapes fit; the others stay as they are.</summary>
    /// <param name="file">The file.</param>
    /// <param name="network">The network.</param>
    /// <param name="warn">Told what does not fit.</param>
    /// <exception cref="InvalidDataException">The file is broken, or nothing fits.</exception>
    public static void Load(string file, VelocityNetwork network, Action<string> warn)
    {
        Dictionary<string, Tensor> tensors = network.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);
        IReadOnlyList<string> differences = Safetensors.ReadFitting(file, tensors);
        foreach (string difference in differences)
            warn($"{file}: {difference}; it starts at random.");
    }
}
