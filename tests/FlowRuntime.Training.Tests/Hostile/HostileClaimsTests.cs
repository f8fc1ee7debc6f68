using System.Buffers.Binary;
using System.Text;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Data;
using Parquet;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Hostile;

/// <summary>Files that claim more than they hold, or steer what is said of them: each of these once took memory, time, a process, or another exception.</summary>
public sealed class HostileClaimsTests(ITestOutputHelper output) : IDisposable
{
    private readonly HostileFiles _files = new();

    public void Dispose()
    {
        output.WriteLine(_files.ToString());
        _files.Dispose();
    }

    [Theory, InlineData("(0, 134217728)", "0 rows of 134217728"), InlineData("(5, 536870912, 0)", "5 rows of 0"), InlineData("(0,)", "0 rows of 1"), InlineData("(2, 0)", "2 rows of 0")]
    public void An_array_without_numbers_is_refused_before_its_columns_are_named(string shape, string expected) =>
        Refused(".npy", TableFuzzTests.Npy("|u1", "False", shape, 0), path => TableData.Npy(path), $"has {expected} values. Give at least 2 rows of 1 value.");

    [Fact]
    public void What_a_header_says_is_shown_in_one_line()
    {
        Refused(".npy", TableFuzzTests.Npy("<f\n4\u001b", "False", "(2, 1)", 8), path => TableData.Npy(path), "values of type '<f 4 ' are not read");
        Refused(".npy", TableFuzzTests.Npy("<f4", "False", "(2,\n1x)", 8), path => TableData.Npy(path), "shape (2, 1x) is garbled");
        Refused(".csv", Encoding.UTF8.GetBytes("a\u001b[2J,b\n1,x\n"), path => TableData.Csv(path, "a "), "there is no column 'a ' for the labels. Choose one of: a [2J, b.");
        Refused(".csv", Encoding.UTF8.GetBytes("a\u2028,a\u2028\n1,2\n"), path => TableData.Csv(path), "two columns are named 'a '");
    }

    [Fact]
    public void A_header_of_many_beginnings_of_a_shape_is_refused_at_once()
    {
        string header = string.Concat(Enumerable.Repeat("'shape':(", 100_000));
        byte[] bytes = [0x93, .. "NUMPY"u8, 2, 0, .. BitConverter.GetBytes(header.Length), .. Encoding.ASCII.GetBytes(header)];
        Refused(".npy", bytes, path => TableData.Npy(path), "the header is cut off or garbled");
    }

    [Fact]
    public void A_compressed_file_takes_the_memory_of_what_is_in_it_not_of_what_its_header_claims()
    {
        byte[] bytes = ImageFuzzTests.Compressed([.. ImageFuzzTests.Idx([200_000, 28, 28], 0), .. Noise(200_000)]); // it claims 157 MB, in 200 kB that could hold them
        Refused(".gz", bytes, path => IdxFile.Read(path, 3, StoredBytes.MostInMemory), "and 200000 follow");
    }

    [Fact]
    public void A_bomb_of_gzip_is_refused_at_the_first_byte_too_many()
    {
        byte[] bytes = ImageFuzzTests.Compressed([.. ImageFuzzTests.Idx([2, 2, 2], 0), .. new byte[100_000_000]]);
        Assert.True(bytes.Length < 200_000);
        Refused(".gz", bytes, path => IdxFile.Read(path, 3, StoredBytes.MostInMemory), "= 8 bytes, and more follow");
    }

    [Theory, InlineData(100_000, 100_000), InlineData(65_535, 65_535)]
    public void A_bomb_of_pixels_is_refused_by_its_size(int width, int height)
    {
        byte[] png = ImageFuzzTests.Picture(".png");
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), height);
        Refused(".png", ImageFuzzTests.Mended(".png", png), path => ImageFile.Read(path, 4, ImageChannels.Rgb), $"has {width} by {height} pixels; at most 100000000 are read");
    }

    [Fact]
    public async Task Images_decoded_side_by_side_keep_to_the_memory_they_share()
    {
        var memory = new DecodingMemory(100);
        long taken = 0, most = 0;
        var told = new Lock();
        int[] sizes = [.. Enumerable.Range(0, 200).Select(i => i % 50 == 0 ? 300 : 1 + i * 37 % 60)];
        await Task.WhenAll(sizes.Select(size => Task.Run(() => memory.Within(size, () =>
        {
            lock (told)
            {
                taken += size;
                Assert.True(taken <= 100 || taken == size, $"{taken} with one of {size}"); // what is larger than the bound has it for itself
                most = Math.Max(most, taken);
            }
            Thread.Yield();
            lock (told)
                taken -= size;
            return size;
        }))));
        Assert.Equal((0, 300), (taken, most));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[9223372036854775804,-9223372036854775800]}}""", "lies from 9223372036854775804 to -9223372036854775800")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", "the tensor 'b' lies from 8 to 12, where 12 bytes are before it")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "its tensors need 8 bytes, and 12 follow the header")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,99999999999999999999]}}""", "the entry of tensor 'a' is broken")]
    [InlineData("""{"a":{"dtype":{"x":["\n"]},"shape":[3],"data_offsets":[0,12]}}""", "the entry of tensor 'a' is broken")]
    [InlineData("""{"a":{"dtype":"F\n32","shape":[3],"data_offsets":[0,12]}}""", "the tensor 'a' is F 32 [3], not F32 [3]")]
    [InlineData("""{"__metadata__":{"sha256":null},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "the entry of tensor '__metadata__' is broken")]
    [InlineData("""{"\n":1,"\n":2}""", "this is not JSON: Duplicate property '\uFFFD'")]
    public void A_header_of_weights_that_lies_is_refused(string header, string expected)
    {
        using Tensor a = zeros(3);
        Refused(".safetensors", CheckpointFuzzTests.Foreign(header, 12), path => Safetensors.ReadInto(path, new Dictionary<string, Tensor> { ["a"] = a }), expected);
    }

    [Fact]
    public void A_flip_in_the_name_of_the_checksum_does_not_make_a_checkpoint_whole()
    {
        string folder = Path.Combine(_files.Folder, "checkpoints");
        var checkpoints = new CheckpointFolder(folder);
        using Tensor a = zeros(3);
        checkpoints.Save(1, new Dictionary<string, Tensor> { ["a"] = a }, new Dictionary<string, string> { ["step"] = "1" });
        string file = checkpoints.Newest!.Value.File;
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(File.ReadAllBytes(file)).Replace("\"sha256\"", "\"sha257\"", StringComparison.Ordinal)));
        var told = new List<string>();
        Assert.Null(new CheckpointFolder(folder, told.Add).Newest);
        Assert.Contains("there is no checksum", Assert.Single(told), StringComparison.Ordinal);
    }

    [Fact]
    public void More_names_than_labels_can_tell_are_refused()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_files.Folder, "idx")).FullName;
        File.WriteAllBytes(Path.Combine(folder, "train-images-idx3-ubyte"), ImageFuzzTests.Idx([3, 2, 2], 12));
        File.WriteAllBytes(Path.Combine(folder, "train-labels-idx1-ubyte"), ImageFuzzTests.Idx([3], 3));
        File.WriteAllLines(Path.Combine(folder, IdxImages.NamesFile), Enumerable.Range(0, 257).Select(i => $"{i}"));
        Assert.Contains("class-names.txt name more than 256 classes", Assert.Throws<InvalidDataException>(() => IdxImages.Load(folder)).Message, StringComparison.Ordinal);
    }

    /// <summary>A footer put in place of a Parquet file's own, and what is said of it. In Thrift's compact protocol a byte holds the step to the next field and its type.</summary>
    public static TheoryData<byte[], string> Footers => new()
    {
        { [0x29, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00], "more than there are" }, // a list of 2³¹ − 1 schema elements
        { [.. Enumerable.Repeat((byte)0xDC, 100_000)], "nested too deeply" }, // structures in structures
        { [0x29, 0xFC, 0xA0, 0x8D, 0x06, .. Enumerable.Repeat<byte[]>([0x48, 1, (byte)'a', 0x15, 2, 0], 100_000).SelectMany(element => element), 0], "nested too deeply" }, // columns in columns
        { [0x68, 0xFF, 0xFF, 0xFF, 0xFF, 0x07], "more than there are" }, // a name of 2 GB
        { [0x38, 3, 1, 2, 3, 0], "the field File.3 is of type 8" }, // text for a number: the library would read on in it
        { [0xD9, 0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0], "more than there are" }, // truth values, of which the library reads no byte each
        { [0xD9, 0x41, 1, 1, 1, 1, 0], "there is a list of truth values" },
    };

    [Theory, MemberData(nameof(Footers))]
    public void A_footer_of_Parquet_that_lies_is_refused(byte[] footer, string expected) =>
        Refused(".parquet", [.. "PAR1"u8, .. footer, .. BitConverter.GetBytes(footer.Length), .. "PAR1"u8], path => TableData.Parquet(path), expected, perByte: 2048);

    [Fact]
    public void Rows_that_no_such_file_holds_are_refused()
    {
        byte[] whole = TableFuzzTests.Parquet(CompressionMethod.None, 3, [1, 2, 3], [4, 5, 6], ["x", "y", "z"]);
        int footer = whole.Length - 8 - BitConverter.ToInt32(whole, whole.Length - 8), found = 0;
        for (int place = footer; place < whole.Length - 8; place++)
        {
            if (whole[place] != 6) // 3 as Thrift writes it
                continue;
            byte[] huge = [.. whole[..place], 0x80, 0x80, 0x80, 0x80, 0x08, .. whole[(place + 1)..^8], .. BitConverter.GetBytes(whole.Length - 8 - footer + 4), .. "PAR1"u8]; // 2³⁰
            if (_files.Try(".parquet", huge, path => TableData.Parquet(path, "kind")) is { } refusal && refusal.Contains("values is in a group of", StringComparison.Ordinal))
                found++;
        }
        Assert.InRange(found, 2, 10); // the group's rows, and each column's values
    }

    [Fact]
    public void A_page_behind_the_files_end_is_refused()
    {
        byte[] whole = TableFuzzTests.Parquet(CompressionMethod.None, 3, [1, 2, 3], [4, 5, 6], ["x", "y", "z"]);
        string? refusal = null;
        for (int place = 4; place < 40 && refusal?.Contains("is longer than the file", StringComparison.Ordinal) != true; place++)
        {
            byte[] longer = [.. whole[..place], 0xFE, 0x7F, .. whole[(place + 1)..]]; // 8191 in place of a number of one byte
            refusal = _files.Try(".parquet", longer, path => TableData.Parquet(path, "kind"));
        }
        Assert.Contains("is longer than the file", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_library_says_of_broken_pages_is_told_with_the_files_name()
    {
        byte[] whole = TableFuzzTests.Parquet(CompressionMethod.Snappy, 3, [1, 2, 3], [4, 5, 6], ["x", "y", "z"]);
        for (int place = 4; place < 60; place++)
        {
            byte[] broken = [.. whole];
            broken[place] ^= 0x55;
            _files.Try(".parquet", broken, path => TableData.Parquet(path, "kind"));
        }
    }

    [Fact]
    public void A_table_of_one_value_all_the_way_is_read_however_tightly_it_is_packed() =>
        Assert.Equal(100_000, Read(TableFuzzTests.Parquet(CompressionMethod.Zstd, 100_000, [.. Enumerable.Repeat(1.5, 100_000)], [.. Enumerable.Repeat(1, 100_000)], [.. Enumerable.Repeat("x", 100_000)])));

    private int Read(byte[] bytes)
    {
        string path = Path.Combine(_files.Folder, "table.parquet");
        File.WriteAllBytes(path, bytes);
        return TableData.Parquet(path, "kind").Count;
    }

    private void Refused(string ending, byte[] bytes, Action<string> read, string expected, long perByte = 0) =>
        Assert.Contains(expected, _files.Try(ending, bytes, read, perByte), StringComparison.Ordinal);

    private static byte[] Noise(int length)
    {
        byte[] noise = new byte[length];
        new Random(0).NextBytes(noise);
        return noise;
    }
}
