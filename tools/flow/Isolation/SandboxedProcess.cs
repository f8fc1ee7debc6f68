using System.Globalization;
using System.Runtime.InteropServices;
using FlowRuntime.Fields;

namespace FlowRuntime.Tool.Isolation;

/// <summary>What the process in a <see cref="Sandbox"/> does: it bounds itself, and says when the model works.</summary>
internal static class SandboxedProcess
{
    // Numbers of Linux: /usr/include/asm-generic/resource.h and linux/prctl.h.
    private const int DataLimit = 2, CoreLimit = 4;
    private const int ParentDeathSignal = 1, NoNewPrivileges = 38;
    private const ulong Kill = 9;

    private static string? _waiting;

    /// <summary>Takes the bounds on, where this is such a process: memory, no core file, no rights that it has not, and an end with the process that waits for it.</summary>
    /// <returns>Whether it is.</returns>
    public static bool Enter()
    {
        if (Environment.GetEnvironmentVariable(Sandbox.Variable)?.Split(' ', 2) is not [var memory, var waiting] || !ulong.TryParse(memory, CultureInfo.InvariantCulture, out ulong bytes))
            return false;
        _waiting = waiting;
        if (!OperatingSystem.IsLinux())
            return true;
        // The limit counts memory that may be written, not addresses that are set aside, of which .NET takes many.
        Limit(DataLimit, bytes);
        Limit(CoreLimit, 0);
        _ = SetOption(ParentDeathSignal, Kill, 0, 0, 0);
        _ = SetOption(NoNewPrivileges, 1, 0, 0, 0);
        return true;
    }

    /// <summary>Says that the model is open and works: it is evaluated once before.</summary>
    /// <exception cref="InvalidDataException">It cannot be evaluated.</exception>
    public static void Works(FlowModel model)
    {
        if (_waiting is null)
            return;
        var buffers = new EvaluationBuffers(1, model.Field.Dimension, outputs: 1);
        using (IVelocityEvaluator evaluator = model.Network.CreateEvaluator(buffers))
        {
            buffers.Times[0] = (model.Start + model.End) / 2;
            try
            {
                evaluator.Evaluate(0, 1, output: 0);
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidDataException(e.Message, e); // a model that cannot be evaluated is bad input
            }
        }
        Works();
    }

    /// <summary>Says that what could not be trusted is done.</summary>
    public static void Works()
    {
        if (_waiting is not null)
            File.Delete(_waiting);
        _waiting = null;
    }

    private static void Limit(int resource, ulong value)
    {
        if (SetLimit(resource, new Limits(value, value)) != 0)
            throw new PlatformNotSupportedException("This system does not let a process bound itself (setrlimit). Give --sandbox false, for a model that you trust.");
    }

    private readonly record struct Limits(ulong Current, ulong Most);

    [DllImport("libc", EntryPoint = "setrlimit"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetLimit(int resource, in Limits limits);

    [DllImport("libc", EntryPoint = "prctl"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(int option, ulong value, ulong second, ulong third, ulong fourth);
}
