using System.Runtime.InteropServices;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;

namespace FlowRuntime.Tool.Output;

/// <summary>
/// The rows of an output in the making: a NumPy array at its full length, in which each row has its fixed place. The rows that are there are a prefix, and how many they are is known to who writes them.
/// </summary>
internal sealed class RowFile : IDisposable
{
    private const int BufferSize = 1 << 16;

    /// <summary>Room for what lies beside an output: how far it is, and how it was made.</summary>
    private const int RoomBeside = 1 << 16;

    private readonly FileStream _stream;
    private readonly RowDescription _rows;
    private readonly long _start;

    private RowFile(FileStream stream, RowDescription rows, long start)
    {
        (_stream, _rows, _start) = (stream, rows, start);
    }

    /// <summary>Begins a file and takes its whole room on the disk, so that a full disk shows before the work instead of after it.</summary>
    /// <exception cref="IOException">The disk has no room for it, or another process writes it.</exception>
    public static RowFile Create(string path, RowDescription rows, long count)
    {
        byte[] header = NpyHeader.Of(rows, count);
        var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate, // Create would empty a file before it is known whether another process writes it
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = BufferSize,
        });
        try
        {
            stream.SetLength(0);
            Reserve(stream, header.Length + count * rows.Bytes, path);
            stream.Write(header);
            return new RowFile(stream, rows, header.Length);
        }
        catch
        {
            stream.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Opens a file to go on after the rows that are there.</summary>
    /// <exception cref="InvalidDataException">The file is not that of these rows.</exception>
    /// <exception cref="IOException">Another process writes it.</exception>
    public static RowFile Resume(string path, RowDescription rows, long count, long done)
    {
        byte[] header = NpyHeader.Of(rows, count), found = new byte[header.Length];
        var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, BufferSize);
        bool same = stream.Length == header.Length + count * rows.Bytes && stream.ReadAtLeast(found, found.Length, throwOnEndOfStream: false) == found.Length && found.AsSpan().SequenceEqual(header);
        if (!same)
        {
            stream.Dispose();
            throw new InvalidDataException($"{path} is not what its {Path.GetFileName(path)}.json says: delete both and begin anew.");
        }
        stream.Position = header.Length + done * rows.Bytes;
        return new RowFile(stream, rows, header.Length);
    }

    /// <summary>Appends a row.</summary>
    public void Append(ReadOnlySpan<float> values) => _stream.Write(MemoryMarshal.AsBytes(values));

    /// <summary>Brings what was appended onto the disk.</summary>
    public void Flush() => DiskFlush.Flush(_stream);

    /// <summary>Reads rows.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="values">Receives whole rows.</param>
    public void Read(long first, Span<float> values)
    {
        _stream.Position = _start + first * _rows.Bytes;
        _stream.ReadExactly(MemoryMarshal.AsBytes(values));
    }

    public void Dispose() => _stream.Dispose();

    private static void Reserve(FileStream stream, long bytes, string path)
    {
        if (FreeSpace.Beside(path) is { } free && free < bytes + RoomBeside)
            throw new IOException($"No space left for {path}, which needs {Quantity.Bytes(bytes + RoomBeside)}: {Quantity.Bytes(free)} are free", CommandHost.NoSpace);
        try
        {
            stream.SetLength(bytes);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new IOException($"File too large: {path} needs {Quantity.Bytes(bytes)}, more than its file system or the limit of the shell (ulimit -f) allows. Write in parts with --shard, or elsewhere.", e);
        }
    }
}
