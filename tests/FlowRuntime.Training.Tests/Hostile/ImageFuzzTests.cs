using System.Buffers.Binary;
using System.IO.Compression;
using CsCheck;
using FlowRuntime.Training.Data;
using SkiaSharp;

namespace FlowRuntime.Training.Tests.Hostile;

/// <summary>No image and no IDX file, however broken, does more than be refused. CsCheck_Iter makes it a longer run of the same.</summary>
public sealed class ImageFuzzTests(ITestOutputHelper output) : IDisposable
{
    private readonly HostileFiles _files = new();

    public void Dispose()
    {
        output.WriteLine(_files.ToString());
        _files.Dispose();
    }

    [Theory, InlineData(".png"), InlineData(".jpg"), InlineData(".webp"), InlineData(".bmp"), InlineData(".gif")]
    public void A_broken_image_is_read_or_refused(string ending)
    {
        byte[] whole = Picture(ending);
        Mutation.Of(whole).Sample(bytes => { _files.Try(ending, Mended(ending, bytes), path => Assert.Equal(3 * 4 * 4, ImageFile.Read(path, 4, ImageChannels.Rgb).Length)); });
    }

    [Theory, InlineData(".png", 16), InlineData(".webp", 24), InlineData(".bmp", 18), InlineData(".gif", 6), InlineData(".gif", 35)]
    public void An_image_of_any_claimed_size_is_read_or_refused(string ending, int place)
    {
        byte[] whole = Picture(ending);
        int width = ending is ".png" or ".bmp" ? 4 : 2;
        Gen.Select(Gen.OneOf(Mutation.Edges), Gen.OneOf(Mutation.Edges)).Sample((x, y) =>
        {
            byte[] bytes = [.. whole];
            Put(bytes.AsSpan(place, width), x);
            Put(bytes.AsSpan(place + width, width), y);
            _files.Try(ending, Mended(ending, bytes), path => ImageFile.Read(path, 4, ImageChannels.Grey));
        });

        void Put(Span<byte> destination, System.Numerics.BigInteger number)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(number & ulong.MaxValue));
            bytes[..destination.Length].CopyTo(destination);
            if (ending == ".png")
                destination.Reverse();
        }
    }

    [Fact]
    public void A_broken_IDX_file_is_read_or_refused()
    {
        byte[] images = Idx([3, 2, 2], 12), labels = Idx([3], 3);
        Gen.Select(Mutation.Of(images, Compressed(images)), Mutation.Of(labels, Compressed(labels)), Gen.Bool, Gen.Bool).Sample((image, label, compressed, labelled) =>
            ReadIdx(compressed ? Compressed(image) : image, labelled ? label : null, compressed));
    }

    [Fact]
    public void An_IDX_file_of_any_sizes_is_read_or_refused()
    {
        Gen<uint> size = Gen.OneOf(Gen.OneOf(Mutation.Edges).Select(edge => (uint)(edge & uint.MaxValue)), Gen.UInt[0, 5]);
        Gen.Select(size.Array[3], size, Gen.Int[0, 200], Gen.Int[0, 20], Gen.Bool).Sample((sizes, count, length, labels, compressed) =>
            ReadIdx(compressed ? Compressed(Idx(sizes, length)) : Idx(sizes, length), Idx([count], labels), compressed));
    }

    [Fact]
    public void A_file_of_class_names_is_read_or_refused() =>
        Mutation.Of("one\ntwo\nthree\n"u8.ToArray()).Sample(bytes =>
        {
            string folder = Directory.CreateDirectory(Path.Combine(_files.Folder, $"{Guid.NewGuid():N}")).FullName;
            File.WriteAllBytes(Path.Combine(folder, "train-images-idx3-ubyte"), Idx([3, 2, 2], 12));
            File.WriteAllBytes(Path.Combine(folder, "train-labels-idx1-ubyte"), Idx([3], 3));
            File.WriteAllBytes(Path.Combine(folder, IdxImages.NamesFile), bytes);
            _files.Try(bytes.Length, folder, () => IdxImages.Load(folder));
            Directory.Delete(folder, recursive: true);
        });

    /// <summary>An IDX file by what its header says.</summary>
    internal static byte[] Idx(uint[] sizes, int length) =>
        [0, 0, 8, (byte)sizes.Length, .. sizes.SelectMany(size => BitConverter.GetBytes(size).Reverse()), .. Enumerable.Range(0, length).Select(i => (byte)(i % 3))];

    internal static byte[] Compressed(byte[] bytes)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.SmallestSize))
            gzip.Write(bytes);
        return stream.ToArray();
    }

    /// <summary>A small picture; BMP and GIF by hand, since Skia writes none.</summary>
    internal static byte[] Picture(string ending)
    {
        switch (ending)
        {
            case ".bmp":
                byte[] bmp = new byte[54 + 5 * 16];
                "BM"u8.CopyTo(bmp);
                foreach ((int place, int value) in new[] { (2, bmp.Length), (10, 54), (14, 40), (18, 5), (22, 5), (26, 1 | 24 << 16), (34, 5 * 16) })
                    BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(place), value);
                return bmp;
            case ".gif": // 1 by 1, two colours, with a control block
                return [.. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255, 0x21, 0xF9, 4, 1, 0, 0, 0, 0, 0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3B];
            default:
                using (var bitmap = new SKBitmap(6, 5))
                {
                    for (int i = 0; i < 30; i++)
                        bitmap.SetPixel(i % 6, i / 6, new SKColor((byte)(8 * i), 7, (byte)(255 - i), (byte)(ending == ".png" ? 200 : 255)));
                    using SKData data = bitmap.Encode(ending == ".png" ? SKEncodedImageFormat.Png : ending == ".jpg" ? SKEncodedImageFormat.Jpeg : SKEncodedImageFormat.Webp, 100);
                    return data.ToArray();
                }
        }
    }

    /// <summary>With the checksums of a PNG's parts made right again, so that a change is not caught by them alone.</summary>
    internal static byte[] Mended(string ending, byte[] bytes)
    {
        if (ending != ".png")
            return bytes;
        byte[] mended = [.. bytes];
        for (long at = 8; at + 12 <= mended.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(mended.AsSpan((int)at));
            if (at + 12 + length > mended.Length)
                break;
            uint crc = uint.MaxValue;
            foreach (byte value in mended.AsSpan((int)at + 4, (int)length + 4))
            {
                crc ^= value;
                for (int bit = 0; bit < 8; bit++)
                    crc = crc >> 1 ^ ((crc & 1) * 0xEDB88320);
            }
            BinaryPrimitives.WriteUInt32BigEndian(mended.AsSpan((int)(at + 8 + length)), ~crc);
            at += 12 + length;
        }
        return mended;
    }

    private void ReadIdx(byte[] images, byte[]? labels, bool compressed)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_files.Folder, $"{Guid.NewGuid():N}")).FullName, ending = compressed ? ".gz" : "";
        File.WriteAllBytes(Path.Combine(folder, $"train-images-idx3-ubyte{ending}"), images);
        if (labels is not null)
            File.WriteAllBytes(Path.Combine(folder, "train-labels-idx1-ubyte"), labels);
        foreach (long mostInMemory in new[] { 0, StoredBytes.MostInMemory })
        {
            _files.Try(images.Length, folder, () =>
            {
                DataSplit split = IdxImages.Load(folder, null, mostInMemory);
                Assert.Equal(split.Train.Dimension, split.Train[0].Length);
            });
        }
        Directory.Delete(folder, recursive: true);
    }
}
