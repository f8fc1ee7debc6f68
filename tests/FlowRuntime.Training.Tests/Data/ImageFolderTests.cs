using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using FlowRuntime.Training.Data;
using SkiaSharp;

namespace FlowRuntime.Training.Tests.Data;

/// <summary>Images in folders, made here: what becomes of their pixels, their order, and files that are broken.</summary>
public sealed class ImageFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-images").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(long.MaxValue), InlineData(0)]
    public void An_image_of_the_right_size_keeps_every_pixel_plane_by_plane(long mostInMemory)
    {
        const int Size = 5;
        SKColor[] first = Pixels(Size * Size, 1), second = Pixels(Size * Size, 2);
        Save("a.png", Size, first);
        Save("b.png", Size, second);
        Dataset data = ImageFolder.Load(_folder, new() { Size = Size }, null, mostInMemory);
        Assert.Equal([3, Size, Size], data.Shape);
        Assert.Null(data.Labels);
        Assert.Equal([.. Planes(first), .. Planes(second)], Bytes(data));
        Assert.Equal(new Cards.ImageCard(-1, 1), data.Card.Image);
        Assert.Equal(data.Values.Average(v => (double)v), data.Card.Mean![0], 1e-6);
        double mean = data.Card.Mean[0];
        Assert.Equal(Math.Sqrt(data.Values.Average(v => (v - mean) * (v - mean))), data.Card.Scale![0], 1e-6);

        Dataset grey = ImageFolder.Load(_folder, new() { Size = Size, Channels = ImageChannels.Grey }, null, mostInMemory);
        Assert.Equal([1, Size, Size], grey.Shape);
        Assert.Equal(first.Concat(second).Select(c => (byte)Math.Round(0.299 * c.Red + 0.587 * c.Green + 0.114 * c.Blue)), Bytes(grey));
    }

    [Fact]
    public void Subfolders_are_the_classes_and_order_is_ordinal_whatever_else_lies_there()
    {
        foreach ((string path, byte grey) in new[] { ("b/2.png", 2), ("b/10.png", 1), ("B/x.PNG", 0), ("é/y.bmp.png", 4), ("b/Z.png", 3) }.Select(p => (p.Item1, (byte)p.Item2)))
            Save(path, 2, Enumerable.Repeat(new SKColor(grey, grey, grey), 4));
        File.WriteAllText(Make("b/.hidden.png"), "no image");
        File.WriteAllText(Make("b/notes.txt"), "no image");
        File.WriteAllText(Make("readme.md"), "no image");
        File.WriteAllText(Make(".cache/x.png"), "no image");
        Dataset data = ImageFolder.Load(_folder, new() { Size = 1, Channels = ImageChannels.Grey });
        Assert.Equal(["B", "b", "é"], data.ClassNames!);
        Assert.Equal([0, 1, 1, 1, 2], data.Labels!);
        Assert.Equal([0, 1, 2, 3, 4], Bytes(data));
    }

    [Fact]
    public void Of_a_longer_image_the_centre_is_taken()
    {
        SKColor Column(int i, int width) => new((byte)(i % width * 20), 7, (byte)(i / width * 10));
        Save("wide.png", 9, Enumerable.Range(0, 9 * 3).Select(i => Column(i, 9)));
        Save("tall.png", 3, Enumerable.Range(0, 9 * 3).Select(i => Column(i, 3)));
        byte[] bytes = Bytes(ImageFolder.Load(_folder, new() { Size = 3 }));
        Assert.Equal([0, 20, 40, 0, 20, 40, 0, 20, 40], bytes[..9]); // tall: all columns,
        Assert.Equal([30, 30, 30, 40, 40, 40, 50, 50, 50], bytes[18..27]); // rows 3 to 5
        Assert.Equal([60, 80, 100, 60, 80, 100, 60, 80, 100], bytes[27..36]);
        Assert.Equal([0, 0, 0, 10, 10, 10, 20, 20, 20], bytes[45..54]);
    }

    [Theory, InlineData(64, 8), InlineData(33, 10), InlineData(5, 16), InlineData(7, 7)]
    public void Resizing_keeps_a_plain_picture_and_the_slope_of_a_ramp(int from, int to)
    {
        var resampling = new Resampling(from, to);
        float[] plain = new float[to], ramp = new float[to], mirrored = new float[to];
        resampling.Apply([.. Enumerable.Repeat(93f, from)], plain, 1);
        Assert.All(plain, value => Assert.Equal(93f, value, 1e-3f));
        // Pixel i of n covers [i/n, (i + 1)/n]: a ramp has at its centre what it has there, but near an edge, where the filter is cut.
        resampling.Apply([.. Enumerable.Range(0, from).Select(i => (i + 0.5f) / from)], ramp, 1);
        resampling.Apply([.. Enumerable.Range(0, from).Select(i => 1 - (i + 0.5f) / from)], mirrored, 1);
        int edge = (int)Math.Ceiling(2 * Math.Max(1.0, (double)to / from));
        for (int i = 0; i < to; i++)
        {
            Assert.Equal(1 - mirrored[i], ramp[i], 1e-4f);
            if (i >= edge && i < to - edge)
                Assert.Equal((i + 0.5) / to, ramp[i], 1e-4);
        }
    }

    [Fact]
    public void A_fine_pattern_becomes_its_mean_when_made_small_and_vectors_stay_apart()
    {
        float[] stripes = [.. Enumerable.Range(0, 255).SelectMany(i => new[] { i % 2 == 0 ? 0f : 200f, 7f })], small = new float[2 * 17];
        new Resampling(255, 17).Apply(stripes, small, 2);
        Assert.All(small.Index(), value => Assert.Equal(value.Index % 2 == 0 ? 100f : 7f, value.Item, 3f));
    }

    [Fact]
    public void Transparency_lies_on_white_and_sixteen_bits_are_their_high_byte()
    {
        Write("alpha.png", Png(6, 8, 1, 1, [10, 20, 30, 51])); // a fifth of the colour
        Write("deep.png", Png(0, 16, 1, 1, [0x80, 0x7f]));
        Assert.Equal([206, 208, 210, 128, 128, 128], Bytes(ImageFolder.Load(_folder, new() { Size = 1 })));
    }

    [Theory]
    [InlineData(1, 1, 2, 3, 4)] // rows of the upright picture, when the file's are 1 2 / 3 4
    [InlineData(2, 2, 1, 4, 3)]
    [InlineData(3, 4, 3, 2, 1)]
    [InlineData(4, 3, 4, 1, 2)]
    [InlineData(5, 1, 3, 2, 4)]
    [InlineData(6, 3, 1, 4, 2)]
    [InlineData(7, 4, 2, 3, 1)]
    [InlineData(8, 2, 4, 1, 3)]
    public void A_photograph_stands_as_its_EXIF_orientation_says(byte orientation, params int[] expected)
    {
        const int Side = 32; // quarters of plain grey, so that JPEG keeps them
        byte[] plain = Encode(Side, Enumerable.Range(0, Side * Side).Select(i => Quarter(2 * (i / Side / 16) + i % Side / 16)), SKEncodedImageFormat.Jpeg);
        byte[] exif = [0xff, 0xe1, 0, 34, .. "Exif\0\0MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
        byte[] turned = [.. plain[..2], .. exif, .. plain[2..]];
        Write("a.jpg", turned);
        Write("b.jpeg", turned);
        byte[] seen = Bytes(ImageFolder.Load(_folder, new() { Size = 2, Channels = ImageChannels.Grey }))[..4];
        Assert.Equal(expected, seen.Select(value => (int)Math.Round(value / 60.0)));

        static SKColor Quarter(int number) => new((byte)(60 * number + 60), (byte)(60 * number + 60), (byte)(60 * number + 60));
    }

    [Fact]
    public void Inks_of_a_CMYK_photograph_become_colours()
    {
        Write("a-cyan.jpg", CmykJpeg(255, 0, 0, 0));
        Write("b-black.jpg", CmykJpeg(0, 0, 0, 255));
        Write("c-none.jpg", CmykJpeg(0, 0, 0, 0));
        byte[] bytes = Bytes(ImageFolder.Load(_folder, new() { Size = 1 }));
        Assert.Equal([0, 255, 255, 0, 0, 0, 255, 255, 255], bytes.Select(value => value < 8 ? 0 : value > 247 ? 255 : (int)value));
    }

    [Fact]
    public void Every_kind_of_file_is_read()
    {
        SKColor[] plain = [.. Enumerable.Repeat(new SKColor(200, 100, 50), 16)];
        Save("a.png", 4, plain);
        Write("b.jpg", Encode(4, plain, SKEncodedImageFormat.Jpeg));
        Write("c.webp", Encode(4, plain, SKEncodedImageFormat.Webp));
        Write("d.bmp", [(byte)'B', (byte)'M', 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0, .. new byte[24], 50, 100, 200, 0]);
        Write("e.gif", [.. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, 200, 100, 50, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]);
        byte[] bytes = Bytes(ImageFolder.Load(_folder, new() { Size = 1 }));
        Assert.Equal(15, bytes.Length);
        Assert.All(bytes.Chunk(3), rgb => Assert.Equal([200, 100, 50], rgb.Select(value => (double)value), (a, b) => Math.Abs(a - b) <= 4));
    }

    [Fact]
    public void A_broken_file_ends_the_reading_by_name_or_is_skipped_and_counted_as_asked()
    {
        SKColor[] noise = Pixels(64 * 64, 5);
        byte[] jpeg = Encode(64, noise, SKEncodedImageFormat.Jpeg), png = Encode(64, noise, SKEncodedImageFormat.Png);
        Save("a/good.png", 2, Pixels(4, 1));
        Save("b/good.png", 2, Pixels(4, 2));
        var broken = new (string Path, byte[] Bytes, string Fault)[]
        {
            ("a/cut.jpg", jpeg[..(jpeg.Length / 2)], "is broken or cut off"),
            ("a/cut.png", png[..(png.Length / 2)], "is broken or cut off"),
            ("a/empty.png", [], "is no image of the kinds that are read (.png, .jpg"),
            ("a/header.jpg", jpeg[..20], ""),
            ("b/huge.png", Png(0, 8, 60_000, 60_000, []), "has 60000 by 60000 pixels; at most 100000000"),
            ("b/text.gif", [.. "no image"u8], "is no image of the kinds"),
        };
        foreach ((string name, byte[] bytes, string fault) in broken)
        {
            Write(name, bytes);
            string message = Assert.Throws<InvalidDataException>(() => ImageFolder.Load(_folder, new() { Size = 2 })).Message;
            Assert.StartsWith(Path.Combine(_folder, name) + " ", message, StringComparison.Ordinal);
            Assert.Contains(fault, message, StringComparison.Ordinal);
            Assert.EndsWith("images.bad_files=skip).", message, StringComparison.Ordinal);
            File.Delete(Path.Combine(_folder, name));
        }

        foreach ((string name, byte[] bytes, _) in broken)
            Write(name, bytes);
        List<string> reports = [];
        Dataset data = ImageFolder.Load(_folder, new() { Size = 2, BadFiles = BadFiles.Skip }, reports.Add);
        Assert.Equal([.. Planes(Pixels(4, 1)), .. Planes(Pixels(4, 2))], Bytes(data));
        Assert.Equal([0, 1], data.Labels!);
        Assert.Equal(broken.Length + 1, reports.Count);
        Assert.All(broken.Zip(reports), pair => Assert.Contains(pair.First.Path, pair.Second, StringComparison.Ordinal));
        Assert.Equal($"{_folder}: 6 of 8 files were skipped.", reports[^1]);

        File.Delete(Path.Combine(_folder, "b/good.png"));
        Assert.Contains("b holds no image that can be read", Assert.Throws<InvalidDataException>(() => ImageFolder.Load(_folder, new() { BadFiles = BadFiles.Skip })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_what_is_needed_is_refused_with_the_cure()
    {
        Assert.Throws<DirectoryNotFoundException>(() => ImageFolder.Load(Path.Combine(_folder, "none")));
        Refused("holds 0 images");
        Save("a.png", 2, Pixels(4, 1));
        Refused("holds 1 images that can be read (.png, .jpg, .jpeg, .bmp, .gif, .webp). Give at least 2.");
        Save("cats/a.png", 2, Pixels(4, 1));
        Refused("holds images (a.png) beside folders (cats)");
        File.Delete(Path.Combine(_folder, "a.png"));
        Save("cats/b.png", 2, Pixels(4, 1));
        Directory.CreateDirectory(Path.Combine(_folder, "dogs"));
        Refused("dogs holds no image that can be read");
        Save("dogs/small/a.png", 2, Pixels(4, 1));
        Refused("Name the folder whose folders are the classes, such as");
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageFolderOptions { Size = 0 });

        void Refused(string expected)
        {
            string message = Assert.Throws<InvalidDataException>(() => ImageFolder.Load(_folder, new() { Size = 2 })).Message;
            Assert.Contains(expected, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void Many_files_keep_their_order_whatever_the_threads()
    {
        for (int i = 0; i < 150; i++)
            Save($"{i:000}.png", 1, [new SKColor((byte)i, 0, 0)]);
        Assert.Equal(Enumerable.Range(0, 150), Bytes(ImageFolder.Load(_folder, new() { Size = 1 })).Chunk(3).Select(rgb => (int)rgb[0]));
    }

    private static byte[] Bytes(Dataset data) => [.. data.InDataUnits().Select(value => (byte)Math.Round(value * 255))];

    private static byte[] Planes(SKColor[] pixels) => [.. pixels.Select(c => c.Red), .. pixels.Select(c => c.Green), .. pixels.Select(c => c.Blue)];

    private static SKColor[] Pixels(int count, ulong seed) =>
        [.. Enumerable.Range(0, count).Select(i => new SKColor(Sampling.Philox4x32.Block((uint)i, 0, 0, 0, seed).X0 | 0xff000000))];

    private static byte[] Encode(int width, IEnumerable<SKColor> pixels, SKEncodedImageFormat format)
    {
        SKColor[] all = [.. pixels];
        using var bitmap = new SKBitmap(new SKImageInfo(width, all.Length / width, SKColorType.Rgba8888, SKAlphaType.Opaque)) { Pixels = all };
        return bitmap.Encode(format, 100).ToArray();
    }

    private void Save(string name, int width, IEnumerable<SKColor> pixels) => Write(name, Encode(width, pixels, SKEncodedImageFormat.Png));

    private void Write(string name, byte[] bytes) => File.WriteAllBytes(Make(name), bytes);

    private string Make(string name)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>A PNG of one row of pixels, or of none but its header.</summary>
    private static byte[] Png(byte colourType, byte depth, int width, int height, byte[] row)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (depth, colourType);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest))
            zlib.Write([0, .. row]);
        return [0x89, .. "PNG\r\n"u8, 0x1a, (byte)'\n', .. Chunk("IHDR", header), .. Chunk("IDAT", packed.ToArray()), .. Chunk("IEND", [])];

        static byte[] Chunk(string name, byte[] content)
        {
            byte[] body = [.. Encoding.ASCII.GetBytes(name), .. content], number = new byte[8];
            uint crc = uint.MaxValue;
            foreach (byte value in body)
            {
                crc ^= value;
                for (int bit = 0; bit < 8; bit++)
                    crc = (crc & 1) == 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
            }
            BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
            BinaryPrimitives.WriteUInt32BigEndian(number.AsSpan(4), ~crc);
            return [.. number[..4], .. body, .. number[4..]];
        }
    }

    /// <summary>A JPEG of 8 by 8 pixels of one mixture of inks (0 none, 255 full), which Adobe's files hold the other way round.</summary>
    private static byte[] CmykJpeg(params byte[] inks)
    {
        // Baseline, quantised by 8, so that the first coefficient is the value less 128; its classes 0 … 8 have codes of 4 bits, "no more" one of 1 bit.
        string bits = string.Concat(inks.Select(ink =>
        {
            int value = 255 - ink - 128, size = value == 0 ? 0 : (int)Math.Log2(Math.Abs(value)) + 1;
            string magnitude = size == 0 ? "" : Convert.ToString(value > 0 ? value : value + (1 << size) - 1, 2).PadLeft(size, '0');
            return Convert.ToString(size, 2).PadLeft(4, '0') + magnitude + "0";
        }));
        bits = bits.PadRight((bits.Length + 7) / 8 * 8, '1');
        byte[] data = [.. bits.Chunk(8).SelectMany(eight => Convert.ToByte(new string(eight), 2) is 0xff ? new byte[] { 0xff, 0 } : [Convert.ToByte(new string(eight), 2)])];
        byte[] frame = [8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0];
        return
        [
            0xff, 0xd8, .. Segment(0xee, [.. "Adobe"u8, 0, 100, 0, 0, 0, 0, 0]), .. Segment(0xdb, [0, .. Enumerable.Repeat((byte)8, 64)]), .. Segment(0xc0, frame),
            .. Segment(0xc4, [0x00, 0, 0, 0, 9, .. new byte[12], 0, 1, 2, 3, 4, 5, 6, 7, 8]), .. Segment(0xc4, [0x10, 1, .. new byte[15], 0]),
            .. Segment(0xda, [4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]), .. data, 0xff, 0xd9,
        ];

        static byte[] Segment(byte marker, byte[] content) => [0xff, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2), .. content];
    }
}
