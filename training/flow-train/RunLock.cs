using System.Globalization;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool;

/// <summary>
/// Keeps other processes from writing into a run's folder for as long as it is held: the file <c>run.lock</c>, open for this process alone, and beside it
/// <c>run.lock.holder</c>, which tells who it is. The system lets go of the file with the process, however that ends; what it leaves locks nothing.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private readonly FileStream _file;
    private readonly string _holder;

    private RunLock(FileStream file, string holder) => (_file, _holder) = (file, holder);

    /// <summary>Takes the lock of a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="ArgumentException">Another process holds it; the message says which.</exception>
    public static RunLock Take(string path)
    {
        string name = Path.Combine(path, "run.lock"), holder = name + ".holder";
        FileStream file = Open(path, name, holder);
        try
        {
            WholeFile.Write(holder, string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName} since {DateTime.UtcNow:yyyy-MM-dd HH:mm:ss} UTC"));
            return new RunLock(file, holder);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Lets go of the folder, and leaves nothing, where it is still there.</summary>
    public void Dispose()
    {
        Delete(_holder);
        if (!OperatingSystem.IsWindows()) // where only a closed file can be deleted
            Delete(_file.Name);
        _file.Dispose();
        if (OperatingSystem.IsWindows())
            Delete(_file.Name);
    }

    private static FileStream Open(string path, string name, string holder)
    {
        while (true)
        {
            FileStream file;
            try
            {
                file = new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (CommandHost.IsInUse(e))
            {
                if (!File.Exists(name))
                    continue; // it was let go just now
                throw new ArgumentException($"{path} is being written by {Holder(holder)}. Wait until it ends, or end it; or name another folder.", e);
            }
            if (IsStillThere(file, name))
                return file;
            file.Dispose(); // its holder let go, and deleted it, after it was opened here
        }
    }

    /// <summary>Whether the name still means the open file: a time that is written to the one is read from the other.</summary>
    private static bool IsStillThere(FileStream file, string name)
    {
        File.SetLastWriteTimeUtc(file.SafeFileHandle, DateTime.UnixEpoch.AddSeconds(Random.Shared.Next()));
        return File.Exists(name) && File.GetLastWriteTimeUtc(name) == File.GetLastWriteTimeUtc(file.SafeFileHandle);
    }

    private static string Holder(string holder)
    {
        try
        {
            return File.ReadAllText(holder);
        }
        catch (IOException) // it is just beginning or ending
        {
            return "another process";
        }
    }

    private static void Delete(string name)
    {
        try
        {
            File.Delete(name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another holds it by now, or the folder has gone: what the run says of that matters more.
        }
    }
}
