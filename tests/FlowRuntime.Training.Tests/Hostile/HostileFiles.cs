using System.Diagnostics;

namespace FlowRuntime.Training.Tests.Hostile;

/// <summary>
/// Holds a reader to what every reader owes: a file is read, or refused by an <see cref="InvalidDataException"/> or <see cref="ArgumentException"/> of one
/// line that names it, soon, and in memory that its true size bounds.
/// </summary>
internal sealed class HostileFiles : IDisposable
{
    /// <summary>Bytes that a reader may take for each byte of a file, and for none.</summary>
    private const long ForEachByte = 512, ForNone = 48L << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Lock _told = new();
    private int _tried, _refused;
    private long _most, _slowest;

    public string Folder { get; } = Directory.CreateTempSubdirectory("flow-hostile").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>What was seen so far.</summary>
    public override string ToString() =>
        $"{_tried} tried, {_refused} refused; the slowest took {Stopwatch.GetElapsedTime(0, _slowest).TotalMilliseconds:F0} ms, the largest allocation was {_most / 1e6:F1} MB";

    /// <summary>Has a file read.</summary>
    /// <param name="name">The file's ending, or its name in a folder of its own.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="read">Reads it by its path.</param>
    /// <param name="perByte">Bytes it may take for each of these; 0 for as many as suit most.</param>
    /// <returns>The refusal; null where it was read.</returns>
    public string? Try(string name, byte[] content, Action<string> read, long perByte = 0)
    {
        string path = Path.Combine(Folder, $"{Guid.NewGuid():N}{name}");
        File.WriteAllBytes(path, content);
        try
        {
            return Try(content.Length, path, () => read(path), perByte);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Has a reader read files that were written before.</summary>
    /// <param name="length">Their bytes.</param>
    /// <param name="path">What a refusal must name.</param>
    /// <param name="read">Reads them.</param>
    /// <param name="perByte">Bytes it may take for each of theirs; 0 for as many as suit most.</param>
    public string? Try(long length, string path, Action read, long perByte = 0)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), started = Stopwatch.GetTimestamp();
        string? refusal = null;
        try
        {
            read();
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException)
        {
            refusal = e.Message.Split(" (Parameter '")[0];
            Assert.Contains(path, refusal, StringComparison.Ordinal);
            Assert.DoesNotContain(refusal, symbol => char.IsControl(symbol) || symbol is '\u2028' or '\u2029');
        }
        long taken = Stopwatch.GetTimestamp() - started, allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= ForNone + Math.Max(perByte, ForEachByte) * length, $"{allocated} bytes were allocated for a file of {length}: {refusal ?? "it was read"}");
        Assert.True(Stopwatch.GetElapsedTime(0, taken) < Patience, $"a file of {length} bytes took {Stopwatch.GetElapsedTime(0, taken)}: {refusal ?? "it was read"}");
        lock (_told)
        {
            _tried++;
            _refused += refusal is null ? 0 : 1;
            (_most, _slowest) = (Math.Max(_most, allocated), Math.Max(_slowest, taken));
        }
        return refusal;
    }
}
