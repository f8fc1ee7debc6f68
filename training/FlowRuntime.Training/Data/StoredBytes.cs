using Microsoft.Win32.SafeHandles;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Bytes that are written once and read in any order: in memory where they are few, else in a file. Reading is safe under
/// concurrent use.
/// </summary>
/// <remarks>
/// A file is read where it is asked for instead of being mapped: what was read stays in the system's cache and is not this process's
/// memory, and a file that is cut off meanwhile gives an error instead of ending the process. The file is closed when nobody holds
/// these bytes any more.
/// </remarks>
internal sealed class StoredBytes
{
    /// <summary>As many bytes as are kept in memory.</summary>
    public const long MostInMemory = 1L << 28;

    private readonly byte[]? _memory;
    private readonly SafeFileHandle? _file;
    private readonly string _path;
    private readonly long _start;

    private StoredBytes(string path, byte[]? memory, SafeFileHandle? file, long start, long length) =>
        (_path, _memory, _file, _start, Length) = (path, memory, file, start, length);

    /// <summary>Number of bytes.</summary>
    public long Length { get; }

    /// <summary>Part of a file, which the caller knows to be as long.</summary>
    public static StoredBytes OfFile(string path, long start, long length, long mostInMemory = MostInMemory)
    {
        SafeFileHandle file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        var inFile = new StoredBytes(path, null, file, start, length);
        if (length > mostInMemory)
            return inFile;
        using (file)
        {
            byte[] memory = new byte[length];
            inFile.Fill(0, memory);
            return new StoredBytes(path, memory, null, 0, length);
        }
    }

    /// <summary>The bytes from a place on.</summary>
    /// <param name="at">The place, from 0.</param>
    /// <param name="length">Number of bytes.</param>
    /// <param name="buffer">Memory of that length, used where the bytes are in a file.</param>
    public ReadOnlySpan<byte> Read(long at, int length, Span<byte> buffer)
    {
        if (_memory is not null)
            return _memory.AsSpan((int)at, length);
        Fill(at, buffer[..length]);
        return buffer[..length];
    }

    private void Fill(long at, Span<byte> destination)
    {
        for (int done = 0; done < destination.Length;)
        {
            int read = RandomAccess.Read(_file!, destination[done..], _start + at + done);
            done += read > 0 ? read : throw new IOException($"{_path} ended while it was read: it is shorter than when it was opened. Leave it as it is during a run.");
        }
    }

    /// <summary>Takes bytes one behind another, in memory as long as they are few, then in a temporary file.</summary>
    /// <param name="path">Where they come from, for messages.</param>
    /// <param name="expected">The most bytes that will come; memory is taken as they do.</param>
    /// <param name="mostInMemory">The most that are kept in memory.</param>
    internal sealed class Writer(string path, long expected, long mostInMemory = MostInMemory) : IDisposable
    {
        private const int FirstBytes = 1 << 16;

        private byte[]? _memory = expected <= mostInMemory ? new byte[Math.Min(expected, FirstBytes)] : null;
        private SafeFileHandle? _file;
        private long _length;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            if (_length + bytes.Length > expected)
                throw new InvalidOperationException($"{path}: {_length + bytes.Length} bytes came where {expected} were expected.");
            if (_memory is not null)
            {
                if (_length + bytes.Length > _memory.Length)
                    Array.Resize(ref _memory, (int)Math.Min(expected, Math.Max(_length + bytes.Length, 2L * _memory.Length)));
                bytes.CopyTo(_memory.AsSpan((int)_length));
            }
            else
                RandomAccess.Write(_file ??= Temporary(), bytes, _length);
            _length += bytes.Length;
        }

        /// <summary>The bytes that came; the writer is done then.</summary>
        public StoredBytes Finish()
        {
            var bytes = new StoredBytes(path, _memory, _memory is null ? _file ??= Temporary() : null, 0, _length);
            (_memory, _file) = (null, null);
            return bytes;
        }

        public void Dispose() => _file?.Dispose();

        /// <summary>A file without a name, which the system frees with its last handle, however the process ends.</summary>
        private static SafeFileHandle Temporary()
        {
            string name = Path.Combine(Path.GetTempPath(), $"flow-{Guid.NewGuid():N}");
            SafeFileHandle file = File.OpenHandle(name, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, FileOptions.DeleteOnClose | FileOptions.RandomAccess);
            if (!OperatingSystem.IsWindows())
                File.Delete(name); // Unix keeps the file as long as it is open; Windows deletes it with its last handle
            return file;
        }
    }
}
