using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>A device that an execution provider of this process can use.</summary>
/// <param name="Provider">The provider, by the name <see cref="FlowModelOptions.Provider"/> takes.</param>
/// <param name="Device">Its number among the provider's, which <see cref="FlowModelOptions.Device"/> takes.</param>
/// <param name="Kind">cpu, gpu or npu.</param>
/// <param name="Vendor">Who made it, as far as it is told.</param>
public sealed record ProviderDevice(string Provider, int Device, string Kind, string Vendor);

/// <summary>The execution providers of this process, what they can use, and plug-ins to add.</summary>
public static class ProviderDevices
{
    /// <summary>Adds a plug-in execution provider, for the life of the process; its name may then be asked for, and <c>auto</c> tries it before the CPU.</summary>
    /// <param name="name">A name for the registration; registering one again is an error of ONNX Runtime.</param>
    /// <param name="libraryPath">The plug-in's native library.</param>
    /// <exception cref="FileNotFoundException">There is no such library.</exception>
    /// <exception cref="InvalidDataException">It is no plug-in that this ONNX Runtime can load; the message says why.</exception>
    /// <exception cref="DllNotFoundException">The application carries no native ONNX Runtime.</exception>
    public static void Register(string name, string libraryPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (!File.Exists(libraryPath))
            throw new FileNotFoundException($"There is no plug-in library {libraryPath}.", libraryPath);
        try
        {
            Native.Call(OrtEnv.Instance).RegisterExecutionProviderLibrary(name, Path.GetFullPath(libraryPath));
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"{libraryPath}: ONNX Runtime does not take this plug-in: {e.Message.Split('\n')[0].Trim()}", e);
        }
    }

    /// <summary>The providers in the application's ONNX Runtime package and of its plug-ins, by the names <see cref="FlowModelOptions.Provider"/> takes.</summary>
    /// <exception cref="DllNotFoundException">The application carries no native ONNX Runtime.</exception>
    public static IReadOnlyList<string> Present()
    {
        string[] present = Native.Call(() => OrtEnv.Instance().GetAvailableProviders());
        return [.. present.Select(SessionOpening.FriendlyName), .. SessionOpening.PlugIns(present).Select(provider => provider.Name)];
    }

    /// <summary>All providers that can be asked for by name, in the order of <c>auto</c> first, whether they are present or not.</summary>
    public static IReadOnlyList<string> Known { get; } = [.. ExecutionProvider.Known.Select(provider => provider.Name)];

    /// <summary>The devices that ONNX Runtime's own discovery finds; providers that do not take part in it, such as CUDA's in its older form, are not in the list.</summary>
    /// <exception cref="DllNotFoundException">The application carries no native ONNX Runtime.</exception>
    public static IReadOnlyList<ProviderDevice> Discovered() =>
    [
        .. Native.Call(() => OrtEnv.Instance().GetEpDevices()).GroupBy(device => device.EpName).SelectMany(devices => devices.Select((device, i) => new ProviderDevice(
            SessionOpening.FriendlyName(device.EpName), i, device.HardwareDevice.Type.ToString()[^3..].ToLowerInvariant(), device.HardwareDevice.Vendor))),
    ];
}
