using System.Globalization;
using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Tool.Jobs;

/// <summary>The memory that work needs, told before it is begun: a board that runs out of it kills the process, or stands still.</summary>
internal static class MemoryNeeds
{
    /// <summary>Opening a model takes about its file twice: once as read, once as ONNX Runtime lays it out.</summary>
    private const int CopiesOfModel = 2;

    /// <summary>Rows of the trial call, from whose memory that of more rows follows.</summary>
    private const int TrialRows = 8;

    /// <summary>Memory that this process may still take: what the system has free for programs, and what the limit of its group leaves.</summary>
    public static long Available
    {
        get
        {
            GCMemoryInfo memory = GC.GetGCMemoryInfo();
            long available = memory.TotalAvailableMemoryBytes; // the group's limit, or all there is
            if (OperatingSystem.IsLinux())
            {
                available = Math.Min(available, Kilobytes("/proc/meminfo", "MemAvailable:") ?? long.MaxValue);
                if (Number("/sys/fs/cgroup/memory.max") is { } limit && Number("/sys/fs/cgroup/memory.current") is { } used)
                    available = Math.Min(available, limit - used);
                return Math.Max(0, available);
            }
            return Math.Max(0, available - memory.MemoryLoadBytes);
        }
    }

    /// <summary>Refuses a model whose weights alone do not fit.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static void RequireForModel(string path)
    {
        var file = new FileInfo(path);
        if (file.Exists && CopiesOfModel * file.Length is var needed && needed > Available)
            throw new ArgumentException($"{path} needs about {Quantity.Bytes(needed)} of memory to be opened, and {Quantity.Bytes(Available)} are free. Close other programs, or take a machine with more.");
    }

    /// <summary>About the memory that a solve takes: its buffers, and what the network takes for the rows of its calls, by a trial.</summary>
    /// <param name="model">The model.</param>
    /// <param name="layout">Threads and rows.</param>
    /// <param name="guided">Whether a call has each row twice.</param>
    public static long OfSolve(FlowModel model, SolveLayout layout, bool guided)
    {
        int rows = Math.Min(layout.Slots, TrialRows);
        var buffers = new EvaluationBuffers(rows, model.Field.Dimension, outputs: 1);
        using IVelocityEvaluator evaluator = model.Network.CreateEvaluator(buffers);
        Array.Fill(buffers.Times, (model.Start + model.End) / 2);
        evaluator.Evaluate(0, 1, output: 0); // what a first call prepares is not for its rows
        long before = Environment.WorkingSet;
        evaluator.Evaluate(0, rows, output: 0);
        double more = Math.Max(0, Environment.WorkingSet - before);
        double each = rows > 1 ? more / (rows - 1) : 0;
        return layout.BufferBytes + (long)(each * layout.Workers * layout.Slots * (guided ? 2 : 1));
    }

    /// <summary>Refuses work that does not fit.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    public static void Require(long needed, SolveLayout layout)
    {
        long available = Available;
        if (needed > available)
            throw new ArgumentException($"The job needs about {Quantity.Bytes(needed)} of memory for {layout.Workers} workers with {layout.Slots} samples each, and {Quantity.Bytes(available)} are free. Add --low-memory, or give fewer --workers or --slots.");
    }

    private static long? Kilobytes(string path, string name) =>
        Lines(path).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
        && long.TryParse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes * 1024 : null;

    private static long? Number(string path) =>
        Lines(path).FirstOrDefault() is { } line && long.TryParse(line, CultureInfo.InvariantCulture, out long number) ? number : null;

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
