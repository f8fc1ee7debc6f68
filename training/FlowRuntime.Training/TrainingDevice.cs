using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>What computes a training.</summary>
public enum TrainingDevice
{
    /// <summary>The processor.</summary>
    Cpu,

    /// <summary>The first CUDA device. Declared, but not tried on one yet.</summary>
    Cuda,
}

/// <summary>Devices as torch knows them.</summary>
public static class TrainingDevices
{
    /// <summary>Makes sure that a device is there.</summary>
    /// <exception cref="NotSupportedException">It is not; the message says what it needs.</exception>
    public static void Require(this TrainingDevice device) => device.ToTorch();

    internal static Device ToTorch(this TrainingDevice device)
    {
        if (device == TrainingDevice.Cpu)
            return CPU;
        return cuda.is_available() ? CUDA
            : throw new NotSupportedException("training.device is 'cuda', but CUDA is not available here. Build with -p:FlowTorch=cuda-linux or cuda-windows on a machine with an NVIDIA GPU, or train on 'cpu'.");
    }
}
