using System.Collections;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FlowRuntime.Tool.Isolation;

/// <summary>A process of this program's own, with its terminal and its files.</summary>
/// <remarks>
/// But on Windows it is begun and awaited by the system's own calls: <see cref="Process"/> brings pipes, sockets and addresses along, of which a native
/// program would carry 170 kB and use none.
/// </remarks>
internal sealed class ChildProcess : IDisposable
{
    /// <summary>What a shell adds to the number of the signal that ended a process.</summary>
    public const int FirstSignal = 128;

    private const int KillSignal = 9, DoNotWait = 1;

    private readonly Lock _end = new(); // a process that has ended keeps its number until it was awaited
    private readonly Process? _process; // on Windows
    private readonly int _id;
    private int? _exitCode;

    /// <param name="program">Path of the program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="variable">Name and value of a variable that is set for it.</param>
    /// <exception cref="IOException">It could not be begun.</exception>
    public ChildProcess(string program, string[] arguments, (string Name, string Value) variable)
    {
        if (OperatingSystem.IsWindows())
        {
            var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false };
            start.Environment[variable.Name] = variable.Value;
            _process = Process.Start(start);
            return;
        }
        List<string?> variables = [];
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if ((string)entry.Key != variable.Name)
                variables.Add($"{entry.Key}={entry.Value}");
        }
        int error = Spawn(out _id, program, 0, 0, [program, .. arguments, null], [.. variables, $"{variable.Name}={variable.Value}", null]);
        if (error != 0)
            throw new IOException($"{program} could not be begun once more: {Marshal.GetPInvokeErrorMessage(error)}.");
    }

    /// <summary>Its exit code, 128 and the signal's number where a signal ended it; once it has ended.</summary>
    public int ExitCode => _process?.ExitCode ?? _exitCode!.Value;

    /// <summary>Waits a while for its end.</summary>
    /// <param name="milliseconds">The longest while.</param>
    /// <returns>Whether it has ended.</returns>
    public bool WaitForExit(int milliseconds)
    {
        if (OperatingSystem.IsWindows())
            return _process!.WaitForExit(milliseconds);
        if (HasEnded())
            return true;
        Thread.Sleep(milliseconds);
        return HasEnded();
    }

    /// <summary>Ends it.</summary>
    public void Kill()
    {
        if (OperatingSystem.IsWindows())
            _process!.Kill();
        else
            Signal(KillSignal);
    }

    /// <summary>Sends it a signal; nothing on Windows, where it gets those of its terminal.</summary>
    public void Signal(int signal)
    {
        lock (_end)
        {
            if (!OperatingSystem.IsWindows() && _exitCode is null)
                _ = Send(_id, signal);
        }
    }

    public void Dispose() => _process?.Dispose();

    private bool HasEnded()
    {
        lock (_end)
        {
            if (_exitCode is null && Await(_id, out int status, DoNotWait) == _id)
                _exitCode = (status & 0x7F) is var signal and not 0 ? FirstSignal + signal : status >> 8 & 0xFF;
            return _exitCode is not null;
        }
    }

    [DllImport("libc", EntryPoint = "posix_spawn"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Spawn(
        out int process, string program, nint files, nint attributes,
        [MarshalAs(UnmanagedType.LPArray, ArraySubType = UnmanagedType.LPStr)] string?[] arguments, [MarshalAs(UnmanagedType.LPArray, ArraySubType = UnmanagedType.LPStr)] string?[] variables);

    [DllImport("libc", EntryPoint = "waitpid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Await(int process, out int status, int options);

    [DllImport("libc", EntryPoint = "kill"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Send(int process, int signal);
}
