using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using FlowRuntime.Training;
using FlowRuntime.TrainTool.TensorBoard.Proto;
using Google.Protobuf;

namespace FlowRuntime.TrainTool.TensorBoard;

/// <summary>
/// A file of TensorBoard's events, <c>events.out.tfevents.TIME.step-STEP</c>: the losses, the learning rate and the speed of a training, and pictures.
/// </summary>
/// <remarks>
/// A training that goes on from a checkpoint begins a new file, whose first event makes TensorBoard forget what an earlier file tells of later
/// steps. Each event is there whole once it is told; one that a process was ended in is passed over by TensorBoard.
/// Format: a record is its length (8 bytes, little-endian), the length's masked CRC-32C, an Event, and its masked CRC-32C; source: TensorFlow's
/// lib/io/record_writer and TensorBoard's proto files.
/// </remarks>
internal sealed class EventFile : IDisposable
{
    private const string Prefix = "events.out.tfevents.";
    private const int Rgba = 4;

    private readonly FileStream _file;
    private readonly TimeProvider _clock;

    /// <param name="folder">The folder, which is made.</param>
    /// <param name="step">Steps done: events of later ones in earlier files are void.</param>
    /// <param name="clock">Tells the time; null for the system's.</param>
    public EventFile(string folder, int step, TimeProvider? clock = null)
    {
        _clock = clock ?? TimeProvider.System;
        Directory.CreateDirectory(folder);
        // TensorBoard reads the files in the order of their names, which must not go back with the system's clock.
        long time = Math.Max(_clock.GetUtcNow().ToUnixTimeSeconds(), Directory.GetFiles(folder, $"{Prefix}*").Select(TimeOf).DefaultIfEmpty(-1).Max() + 1);
        string name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{time}.step-{step:D8}");
        _file = new FileStream(Path.Combine(folder, name), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        Write(new Event { FileVersion = "brain.Event:2" });
        if (step > 0)
            Write(new Event { Step = step + 1, SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start } });
    }

    /// <summary>Removes the event files of a folder, and the folder where nothing else is in it.</summary>
    /// <param name="folder">The folder, which need not exist.</param>
    public static void Remove(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (string file in Directory.GetFiles(folder, $"{Prefix}*.step-*"))
            File.Delete(file);
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    /// <summary>Tells the numbers of a report under the names they have in <c>metrics.jsonl</c>.</summary>
    public void Tell(TrainingProgress report)
    {
        var summary = new Summary();
        Add("loss", report.Loss);
        Add("learning_rate", report.LearningRate);
        Add("steps_per_second", report.StepsPerSecond);
        if (report.ValidationLoss is { } heldOut)
            Add("validation_loss", heldOut);
        Write(new Event { Step = report.Step, Summary = summary });

        void Add(string tag, double value) => summary.Value.Add(new Summary.Types.Value { Tag = tag, SimpleValue = (float)value });
    }

    /// <summary>Tells a picture.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="tag">Its name.</param>
    /// <param name="png">The PNG file.</param>
    public void Tell(int step, string tag, byte[] png)
    {
        var image = new Summary.Types.Image // a PNG begins with 16 bytes that are always the same, then width and height
        {
            Width = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)),
            Height = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)),
            Colorspace = Rgba,
            EncodedImageString = ByteString.CopyFrom(png),
        };
        Write(new Event { Step = step, Summary = new Summary { Value = { new Summary.Types.Value { Tag = tag, Image = image } } } });
    }

    public void Dispose() => _file.Dispose();

    private static long TimeOf(string file) =>
        long.TryParse(Path.GetFileName(file)[Prefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long time) ? time : -1;

    private void Write(Event told)
    {
        const int Length = sizeof(ulong), Crc = sizeof(uint);
        told.WallTime = _clock.GetUtcNow().ToUnixTimeMilliseconds() / 1e3;
        int size = told.CalculateSize();
        byte[] record = new byte[Length + Crc + size + Crc];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)size);
        told.WriteTo(record.AsSpan(Length + Crc, size));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(Length), MaskedCrc(record.AsSpan(0, Length)));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(Length + Crc + size), MaskedCrc(record.AsSpan(Length + Crc, size)));
        _file.Write(record);
    }

    /// <summary>The CRC-32C, turned right by 15 bits and shifted, so that the CRC of data that hold CRCs is sound.</summary>
    private static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }
}
