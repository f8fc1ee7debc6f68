using System.Buffers.Binary;
using System.IO.Compression;
using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Tests.Data;

/// <summary>Images in IDX files, written here byte by byte.</summary>
public sealed class IdxImagesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-idx").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(false, long.MaxValue), InlineData(true, long.MaxValue), InlineData(false, 0), InlineData(true, 0)]
    public void Images_and_labels_come_back_in_order_from_memory_or_a_file(bool compressed, long mostInMemory)
    {
        byte[] train = Pixels(5 * 6, 1), test = Pixels(2 * 6, 2);
        Write("train-images-idx3-ubyte", Idx([5, 3, 2], train), compressed);
        Write("train-labels-idx1-ubyte", Idx([5], [3, 0, 1, 3, 2]), compressed);
        Write("t10k-images-idx3-ubyte", Idx([2, 3, 2], test), compressed);
        Write("t10k-labels-idx1-ubyte", Idx([2], [4, 0]), compressed);
        DataSplit split = IdxImages.Load(_folder, null, mostInMemory);

        Assert.Equal([1, 3, 2], split.Train.Shape);
        Assert.Equal(["0", "1", "2", "3", "4"], split.Train.ClassNames!);
        Assert.Equal([3, 0, 1, 3, 2], split.Train.Labels!);
        Assert.Equal([4, 0], split.HeldOut.Labels!);
        Assert.Equal(train, Grey(split.Train));
        Assert.Equal(test, Grey(split.HeldOut));
        Assert.Equal(split.Train.ClassNames, split.HeldOut.ClassNames);
    }

    [Fact]
    public void Black_is_minus_one_white_is_one_and_the_card_tells_mean_and_deviation_of_the_training_rows()
    {
        Write("train-images-idx3-ubyte", Idx([2, 1, 2], [0, 255, 51, 255]));
        Write("t10k-images-idx3-ubyte", Idx([1, 1, 2], [7, 7]));
        Dataset data = IdxImages.Load(_folder).Train;
        Assert.Equal([-1, 1], data[0]);
        Assert.Equal([-0.6, 1], data[1].Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal(new Cards.ImageCard(-1, 1), data.Card.Image);
        Assert.Equal(0.1, Assert.Single(data.Card.Mean!), 1e-7); // (−1 + 1 − 0.6 + 1) / 4
        Assert.Equal(Math.Sqrt((1.1 * 1.1 + 0.9 * 0.9 + 0.7 * 0.7 + 0.9 * 0.9) / 4), Assert.Single(data.Card.Scale!), 1e-7);
        Assert.Null(data.Labels);
    }

    [Fact]
    public void Without_a_test_file_a_fifth_is_held_out_and_no_image_is_lost()
    {
        byte[] pixels = [.. Enumerable.Range(0, 20).Select(i => (byte)i)];
        Write("train-images-idx3-ubyte", Idx([20, 1, 1], pixels));
        DataSplit split = IdxImages.Load(_folder);
        Assert.Equal((16, 4), (split.Train.Count, split.HeldOut.Count));
        Assert.Equal(pixels, Grey(split.Train).Concat(Grey(split.HeldOut)).Order());
    }

    [Fact]
    public void Classes_are_named_by_a_file_of_the_folder_or_by_whoever_asks()
    {
        Write("train-images-idx3-ubyte", Idx([2, 1, 1], [1, 2]));
        Write("train-labels-idx1-ubyte", Idx([2], [0, 1]));
        Assert.Equal(["0", "1"], IdxImages.Load(_folder).Train.ClassNames!);
        File.WriteAllText(Path.Combine(_folder, "class-names.txt"), "shirt\r\n\n bag \n");
        Assert.Equal(["shirt", "bag"], IdxImages.Load(_folder).Train.ClassNames!);
        Assert.Equal(["a", "b", "c"], IdxImages.Load(_folder, ["a", "b", "c"]).Train.ClassNames!);
        Refused("item 1 (from 0) has the label 1, and the class names name 1 classes", () => IdxImages.Load(_folder, ["a"]));
    }

    [Fact]
    public void A_file_that_is_not_what_it_says_is_refused_in_one_line()
    {
        byte[] good = Idx([2, 1, 2], [1, 2, 3, 4]);
        foreach (bool compressed in new[] { false, true })
        {
            Bad("its header declares 2 × 1 × 2 = 4 bytes, and 3 follow", good[..^1], compressed);
            Bad($"its header declares 2 × 1 × 2 = 4 bytes, and {(compressed ? "more" : "5")} follow", [.. good, 9], compressed);
            Bad("begins with 00000801; an IDX file of bytes in 3 dimensions begins with 00000803", Idx([2], [1, 2]), compressed);
            Bad("begins with 00000D03", [0, 0, 13, .. good[3..]], compressed);
            Bad("ends in its header, after 9 bytes", good[..9], compressed);
            Bad("ends in its header, after 3 bytes", good[..3], compressed);
            Bad("which no set of images has", Idx([0, 28, 28], []), compressed);
            Bad("which no set of images has", Idx([-1, -1, -1], []), compressed);
            Bad("which no set of images has", Idx([1, 1 << 30, 1 << 30], []), compressed);
        }
        // 2³¹ − 1 images of a kibibyte: two tebibytes are not allocated to find out.
        Bad("= 2199023254528 bytes, and 0 follow", Idx([int.MaxValue, 32, 32], []), compressed: false);
        Bad("compressed bytes cannot hold them", Idx([int.MaxValue, 32, 32], []), compressed: true);

        byte[] gzip = Gzip(Idx([100, 10, 10], Pixels(10_000, 3)));
        BadBytes("", gzip[..(gzip.Length / 2)], ".gz");
        gzip[^6] ^= 1; // the checksum
        BadBytes("is no gzip file, or a broken one. Fetch it again.", gzip, ".gz");
        BadBytes("is no gzip file, or a broken one", good, ".gz");
        BadBytes("or end its name in .gz if it is compressed", Gzip(good), "");

        void Bad(string expected, byte[] bytes, bool compressed) => BadBytes(expected, compressed ? Gzip(bytes) : bytes, compressed ? ".gz" : "");

        void BadBytes(string expected, byte[] bytes, string ending)
        {
            string path = Path.Combine(_folder, "train-images-idx3-ubyte" + ending);
            File.WriteAllBytes(path, bytes);
            Refused(expected, () => IdxImages.Load(_folder), path);
            File.Delete(path);
        }
    }

    [Fact]
    public void Files_that_do_not_fit_each_other_are_refused_in_one_line()
    {
        Assert.Throws<DirectoryNotFoundException>(() => IdxImages.Load(Path.Combine(_folder, "none")));
        Missing("holds no train-images-idx3-ubyte");
        Write("train-labels-idx1-ubyte", Idx([2], [0, 1]));
        Missing("holds train-labels-idx1-ubyte but no train-images-idx3-ubyte");
        Write("train-images-idx3-ubyte", Idx([3, 1, 1], [1, 2, 3]));
        Refused("holds 2 labels, and", () => IdxImages.Load(_folder));
        Write("train-labels-idx1-ubyte", Idx([3], [0, 1, 2]));
        Write("t10k-images-idx3-ubyte", Idx([1, 1, 1], [1]));
        Missing("the labels of one of train and t10k alone");
        Write("t10k-labels-idx1-ubyte", Idx([1], [2]));
        Assert.Equal(3, IdxImages.Load(_folder).Train.Count);
        Write("t10k-images-idx3-ubyte", Idx([1, 1, 2], [1, 2]));
        Refused("holds images of [1, 1, 2], and", () => IdxImages.Load(_folder));

        void Missing(string expected) => Assert.Contains(expected, Assert.Throws<FileNotFoundException>(() => IdxImages.Load(_folder)).Message, StringComparison.Ordinal);
    }

    private static void Refused(string expected, Action load, string path = "")
    {
        string message = Assert.Throws<InvalidDataException>(load).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static byte[] Grey(Dataset data) => [.. data.InDataUnits().Select(value => (byte)Math.Round(value * 255))];

    private static byte[] Pixels(int count, ulong seed) => [.. Enumerable.Range(0, count).Select(i => (byte)Sampling.Philox4x32.Block((uint)i, 0, 0, 0, seed).X0)];

    private void Write(string name, byte[] bytes, bool compressed = false) =>
        File.WriteAllBytes(Path.Combine(_folder, compressed ? name + ".gz" : name), compressed ? Gzip(bytes) : bytes);

    private static byte[] Idx(int[] sizes, byte[] values)
    {
        byte[] header = new byte[4 + 4 * sizes.Length];
        (header[2], header[3]) = (8, (byte)sizes.Length);
        for (int axis = 0; axis < sizes.Length; axis++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * axis), sizes[axis]);
        return [.. header, .. values];
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return compressed.ToArray();
    }
}
