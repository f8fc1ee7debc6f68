using System.Globalization;
using System.Text;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.Training.Tests.Data;

/// <summary>Rows that stay in their file give what rows in memory give, bit for bit.</summary>
public sealed class StreamedRowsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-stream").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("<f4", null, 300, 5)]
    [InlineData("<f8", "x2", 300, 5)]
    [InlineData("|u1", null, 300, 5)]
    [InlineData("<f4", null, 40, 3, 5, 7)]
    [InlineData("<i2", null, 40, 3, 5, 7)]
    [InlineData("<f8", null, 100)]
    [InlineData("<f8", null, 150_000, 2)] // several blocks
    public void An_array_in_its_file_is_the_array_in_memory(string type, string? label, params int[] shape)
    {
        string path = WriteNpy(type, shape, column: label is null ? -1 : 2);
        Dataset inMemory = TableData.Npy(path, label), streamed = TableData.Npy(path, label, null, mostInMemory: 0);
        Assert.Equal(inMemory.Shape, streamed.Shape);
        Assert.Equal(inMemory.Count, streamed.Count);
        Assert.Equal(inMemory.Values, streamed.Values);
        Assert.Equal(inMemory.Labels, streamed.Labels);
        Assert.Equal(inMemory.ClassNames, streamed.ClassNames);
        Assert.Equal(inMemory.Card.Columns!.Names, streamed.Card.Columns!.Names);
        Assert.Equal(inMemory.Card.Columns.Mean, streamed.Card.Columns.Mean);
        Assert.Equal(inMemory.Card.Columns.Scale, streamed.Card.Columns.Scale);
    }

    [Theory, InlineData(null), InlineData("x1")]
    public void Conditions_of_a_streamed_array_are_those_of_the_array_in_memory(string? label)
    {
        string path = WriteNpy("<f8", [300, 5], column: label is null ? -1 : 1);
        Dataset inMemory = TableData.Npy(path, label, ["x4", "x2"]), streamed = TableData.Npy(path, label, ["x4", "x2"], mostInMemory: 0);
        Assert.Equal(inMemory.Values, streamed.Values);
        Assert.Equal(inMemory.Labels, streamed.Labels);
        Assert.Equal(["x4", "x2"], streamed.Vectors!.Columns.Names);
        Assert.Equal(inMemory.Vectors!.Columns.Mean, streamed.Vectors.Columns.Mean);
        Assert.Equal(label is null ? 3 : 2, streamed.Dimension);
        for (int row = 0; row < streamed.Count; row++)
            Assert.Equal(inMemory.Vectors[row].ToArray(), streamed.Vectors[row].ToArray());
    }

    [Fact]
    public void A_batch_of_streamed_rows_is_the_batch_of_the_rows_in_memory()
    {
        string path = WriteNpy("<f4", [50, 6], column: -1);
        ConditionalFlowMatching[] objectives = [.. new[] { TableData.Npy(path), TableData.Npy(path, null, null, mostInMemory: 0) }
            .Select(data => new ConditionalFlowMatching(DataSplit.Of(data).Train, new FlowMatchingOptions(), seed: 4))];
        TrainingBatch[] batches = [.. objectives.Select(objective => objective.Draw(7, 32))];
        Assert.Equal(batches[0].States, batches[1].States);
        Assert.Equal(batches[0].Targets, batches[1].Targets);
    }

    [Fact]
    public void Streamed_rows_are_read_by_many_threads_at_once()
    {
        Dataset data = TableData.Npy(WriteNpy("<f8", [200, 30], column: -1), null, null, mostInMemory: 0);
        float[][] expected = [.. Enumerable.Range(0, data.Count).Select(row => data[row])];
        Parallel.For(0, 4000, i => Assert.Equal(expected[i % data.Count], data[i % data.Count]));
    }

    [Fact]
    public void A_number_that_is_not_finite_is_named_by_its_place_when_streamed_too()
    {
        string path = WriteNpy("<f8", [300, 5], column: -1, value: i => i == 5 * 123 + 4 ? 1e300 : i);
        foreach (long mostInMemory in new long[] { 0, long.MaxValue })
        {
            string message = Assert.Throws<InvalidDataException>(() => TableData.Npy(path, null, null, mostInMemory)).Message;
            Assert.Contains("row 123 (from 0), column 'x4': 1E+300 is no finite float32", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_that_shrinks_during_a_run_is_an_error_that_names_it()
    {
        string path = WriteNpy("<f8", [300, 5], column: -1);
        Dataset data = TableData.Npy(path, null, null, mostInMemory: 0);
        using (FileStream file = File.Open(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(2000);
        Assert.Contains($"{path} ended while it was read", Assert.Throws<IOException>(() => data[299]).Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Moments_of_one_pass_are_those_of_two_even_far_from_zero(bool byColumn)
    {
        const int Rows = 1000, Columns = 3;
        double[][] rows = [.. Enumerable.Range(0, Rows).Select(row => Enumerable.Range(0, Columns).Select(column => 1e9 + Value(row * Columns + column)).ToArray())];
        var moments = new RunningMoments(Columns, byColumn);
        foreach (double[] row in rows)
            moments.Add(row);
        double[][] groups = byColumn ? [.. Enumerable.Range(0, Columns).Select(column => rows.Select(row => row[column]).ToArray())] : [[.. rows.SelectMany(row => row)]];
        foreach ((double[] group, var found) in groups.Zip(moments.Finish()))
        {
            double shift = group.Average(value => value - 1e9);
            Assert.Equal(1e9 + shift, found.Mean, 1e-5);
            Assert.Equal(Math.Sqrt(group.Average(value => Math.Pow(value - 1e9 - shift, 2))), found.Scale, 1e-6);
            Assert.Equal((group.Min(), group.Max()), (found.Lowest, found.Highest));
        }
    }

    [Fact]
    public void Equal_values_have_scale_one_and_their_mean_exactly()
    {
        var moments = new RunningMoments(2, byColumn: true);
        for (int row = 0; row < 7; row++)
            moments.Add([0.1, 1e-30]);
        Assert.Equal([(0.1, 1, 0.1, 0.1), (1e-30, 1, 1e-30, 1e-30)], moments.Finish());
    }

    [Fact]
    public void A_choice_of_a_choice_keeps_rows_labels_and_order()
    {
        var data = new Dataset("d", [2], [0, 1, 10, 11, 20, 21, 30, 31], new(), [0, 1, 2, 3], ["a", "b", "c", "d"]);
        Dataset chosen = data.Select([3, 1, 1, 0]).Select([2, 0]);
        Assert.Equal([10, 11, 30, 31], chosen.Values);
        Assert.Equal([1, 3], chosen.Labels!);
        Assert.Equal([10, 11], chosen.InDataUnits(1));
        Assert.Equal([30, 31], chosen[1]);
    }

    [Fact]
    public void Bytes_come_back_from_memory_and_from_a_file_that_nobody_else_sees()
    {
        byte[] all = [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 7))];
        string[] before = Directory.GetFiles(Path.GetTempPath(), "flow-????????????????????????????????");
        foreach (long mostInMemory in new long[] { 1000, 999 })
        {
            using var writer = new StoredBytes.Writer("somewhere", all.Length, mostInMemory);
            writer.Write(all.AsSpan(0, 300));
            writer.Write(all.AsSpan(300));
            StoredBytes bytes = writer.Finish();
            Assert.Equal(1000, bytes.Length);
            Assert.Equal(all[250..350], bytes.Read(250, 100, new byte[100]).ToArray());
            if (!OperatingSystem.IsWindows())
                Assert.Empty(Directory.GetFiles(Path.GetTempPath(), "flow-????????????????????????????????").Except(before));
        }
    }

    /// <summary>Numbers without a pattern, from 0 to 50; where a column is given, its are whole numbers below 4.</summary>
    private static double Value(int i) => Math.Round(50 * Math.Pow(Math.Sin(i * 12.9898), 2), 3);

    private string WriteNpy(string type, int[] shape, int column, Func<int, double>? value = null)
    {
        int count = shape.Aggregate(1, (a, b) => a * b);
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}".PadRight(117) + "\n";
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header)]);
        for (int i = 0; i < count; i++)
        {
            double number = value?.Invoke(i) ?? (column >= 0 && i % shape[^1] == column ? i / shape[^1] % 4 : Value(i));
            switch (type)
            {
                case "<f8": writer.Write(number); break;
                case "<f4": writer.Write((float)number); break;
                case "<i2": writer.Write((short)number); break;
                default: writer.Write((byte)number); break;
            }
        }
        string path = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{shape.Length}-{count}.npy"));
        File.WriteAllBytes(path, bytes.ToArray());
        return path;
    }
}
