using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using FlowRuntime.Tests;
using FlowRuntime.Tool.Input;
using SkiaSharp;

namespace FlowRuntime.Tool.Tests;

/// <summary>Files of data, whole and broken on purpose: what is whole is read right, and what is not is refused in one line and in little memory.</summary>
public sealed class InputFuzzTests : IDisposable
{
    private const int Width = 5, Height = 3;
    private static readonly int[] Picture = [1, Height, Width];
    private static readonly string[] Columns = ["a", "b"];

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_array_of_any_version_type_and_shape_is_read_as_it_was_written() =>
        Gen.Select(Gen.Int[1, 3], Gen.OneOf("<f4", "<f8", "|u1", "|b1"), Gen.Int[1, 40], Gen.Int[0, 2], Gen.Int[0, 200], Gen.Int).Sample((version, type, count, form, padding, seed) =>
        {
            var random = new Random(seed);
            double[] values = [.. Enumerable.Range(0, count * 4).Select(_ => type switch { "|u1" => random.Next(256), "|b1" => random.Next(2), _ => (double)(float)(random.NextDouble() * 200 - 100) })];
            string shape = form switch { 0 => $"({count}, 2, 2)", 1 => $"({count}, 4,)", _ => $"( {count},2 ,2 )" };
            string path = Write("a.npy", Npy(version, $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}{new string(' ', padding)}\n", Raw(type, values)));
            using DataRows rows = DataRows.Open(path, [2, 2], [], image: false);
            float[] read = new float[count * 4];
            rows.Read(0, read);
            Assert.Equal((count, 4), (rows.Count, rows.Length));
            Assert.Equal(values.Select(value => (float)value), read);
        }, iter: Iterations.Usual(200), threads: 1);

    [Fact]
    public void A_broken_array_is_read_or_refused()
    {
        string[] shapes = ["(3, 2)", "()", "(,)", "(3,)", "(2,)", "(-3, 2)", "(3, 2", "3, 2", "(9223372036854775807, 2)", "(4611686018427387904, 2)", "(99999999999999999999, 2)", "(3, 2, 1)", "(1.5, 2)", "(3 2)", "(0, 2)", "(3, 0)", "(0x3, 2)", "(٣, 2)"];
        string[] types = ["<f4", "<f8", "|u1", ">f4", "|O", "", "<f4, <f8", "<U9999999", "f", "[('a', '<f4')]"];
        Gen.Select(Gen.OneOf(shapes), Gen.OneOf(types), Gen.OneOf("False", "True", "0", ""), Gen.Int[0, 4], Damage, Gen.Int[0, 60]).Sample((shape, type, order, version, damage, bytes) =>
        {
            Check("a.npy", damage.Of(Npy(version, $"{{'descr': '{type}', 'fortran_order': {order}, 'shape': {shape}, }}\n", new byte[bytes])), [2], image: false);
        }, iter: Iterations.Usual(1500), threads: 1);
    }

    [Fact]
    public void A_table_is_read_by_its_columns_names_wherever_they_stand() =>
        Gen.Select(Gen.Int[1, 30], Gen.Int[0, 3], Gen.Bool, Gen.Bool, Gen.Int).Sample((count, others, quoted, blank, seed) =>
        {
            var random = new Random(seed);
            string[] names = ["a", "b", .. Enumerable.Range(0, others).Select(i => $"other, {i} \"x\"")];
            random.Shuffle(names);
            float[][] values = [.. Enumerable.Range(0, count).Select(_ => names.Select(_ => (float)(random.NextDouble() * 2e3 - 1e3)).ToArray())];
            string Cell(string text) => quoted || text.Contains(',') ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
            string separator = blank ? "\r\n\r\n" : "\n";
            string table = string.Join(separator, [string.Join(" , ", names.Select(Cell)), .. values.Select(row => string.Join(",", row.Select(value => Cell(value.ToString("R", CultureInfo.InvariantCulture)))))]);
            using DataRows rows = DataRows.Open(Write("a.csv", Encoding.UTF8.GetBytes(table)), [2], Columns, image: false);
            float[] read = new float[count * 2];
            rows.Read(0, read);
            Assert.Equal(values.SelectMany(row => Columns.Select(name => row[Array.IndexOf(names, name)])), read);
        }, iter: Iterations.Usual(150), threads: 1);

    [Fact]
    public void A_broken_table_is_read_or_refused()
    {
        Gen<string> cell = Gen.OneOf(Gen.OneOf("a", "b", "1", "-2.5", "", "NaN", "Infinity", "1e999", "\"", "\"\"", "\"1\"", "\"a,b\"", " 1 ", "1,5", "0x1", "\u001b[2J", "\uFEFF", "½"), Gen.String, Gen.Int[0, 3000].Select(length => new string('9', length)));
        Gen<string> line = cell.Array[0, 5].Select(cells => string.Join(',', cells));
        Gen.Select(line.Array[0, 8], Gen.OneOf("\n", "\r\n", "\r", "\n\n"), Damage).Sample((lines, end, damage) =>
        {
            Check("a.csv", damage.Of(Encoding.UTF8.GetBytes(string.Join(end, lines))), [2], image: false);
        }, iter: Iterations.Usual(1500), threads: 1);
    }

    [Fact]
    public void A_picture_of_any_depth_and_order_is_read_as_another_decoder_reads_it() =>
        Gen.Select(Gen.OneOf((0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (6, 8)), Gen.Bool, Gen.Int).Sample((colours, interlaced, seed) =>
        {
            byte[] png = new Png { Colours = colours.Item1, Depth = colours.Item2, Interlaced = interlaced, Seed = seed }.ToBytes();
            using DataRows rows = DataRows.Open(Write("a.png", png), [3, Height, Width], [], image: true);
            float[] read = new float[3 * Height * Width];
            rows.Read(0, read);
            using SKBitmap expected = SKBitmap.Decode(png, new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
            for (int pixel = 0; pixel < Width * Height; pixel++)
            {
                SKColor colour = expected.GetPixel(pixel % Width, pixel / Width);
                if (colour.Alpha == 255) // where it is not, colours are what each makes of them
                    Assert.Equal((colour.Red, colour.Green, colour.Blue), (Byte(0), Byte(1), Byte(2)));
                byte Byte(int channel) => (byte)Math.Round(read[channel * Width * Height + pixel] * 255);
            }
        }, iter: Iterations.Usual(100), threads: 1);

    [Fact]
    public void A_broken_picture_is_read_or_refused() =>
        Gen.Select(Gen.Int[0, 7], Gen.Int[0, 17], Gen.Bool, Gen.Int, Gen.Int[0, 12], Damage).Sample((colours, depth, interlaced, seed, flaw, damage) =>
        {
            var png = new Png { Colours = colours, Depth = depth, Interlaced = interlaced, Seed = seed, Flaw = flaw };
            Check("a.png", flaw == 12 ? damage.Of(png.ToBytes()) : png.ToBytes(), Picture, image: true);
        }, iter: Iterations.Usual(1500), threads: 1);

    [Fact]
    public void A_broken_photograph_is_read_or_refused()
    {
        using var bitmap = new SKBitmap(Width, Height);
        using var stream = new MemoryStream();
        bitmap.Encode(stream, SKEncodedImageFormat.Jpeg, 90);
        byte[] jpeg = stream.ToArray();
        Assert.True(Check("a.jpg", jpeg, Picture, image: true));
        Gen.Select(Gen.Int[2, jpeg.Length - 1], Gen.Byte, Gen.Bool, Damage).Sample((at, value, insert, damage) =>
        {
            Check("a.jpg", damage.Of(insert ? [.. jpeg[..at], value, .. jpeg[at..]] : [.. jpeg[..at], value, .. jpeg[(at + 1)..]]), Picture, image: true);
        }, iter: Iterations.Usual(1500), threads: 1);
    }

    [Fact]
    public void A_picture_that_stands_for_gigabytes_is_refused_without_them()
    {
        Check("a.png", new Png { Colours = 0, Depth = 8, Flaw = Png.Bomb }.ToBytes(), Picture, image: true, refused: "does not inflate to the 18 bytes");
        Check("a.png", new Png { Colours = 0, Depth = 8, Width = int.MaxValue, Height = int.MaxValue }.ToBytes(), Picture, image: true, refused: "is no picture that can be read");
        Check("a.png", new Png { Colours = 0, Depth = 8, Width = 20_000, Height = 20_000 }.ToBytes(), Picture, image: true, refused: "20000×20000 pixels");
    }

    [Fact]
    public void A_photograph_whose_parts_reach_beyond_its_end_or_never_end_is_refused()
    {
        byte[] start = [0xFF, 0xD8, 0xFF, 0xE0];
        Check("a.jpg", [.. start, 0xFF, 0xFF, 0, 0, 0], Picture, image: true, refused: "beyond its end");
        Check("a.jpg", [.. start, 0, 1, 0xFF, 0xD9], Picture, image: true, refused: "beyond its end");
        Check("a.jpg", [.. start, 0, 3, 0], Picture, image: true, refused: "ends without its last part");
        byte[] scan = [0xFF, 0xDA, 0, 2, 0x55];
        Check("a.jpg", [0xFF, 0xD8, .. Enumerable.Repeat(scan, 1000).SelectMany(part => part), 0xFF, 0xD9], Picture, image: true, refused: "more than 200 scans");
    }

    [Fact]
    public void A_picture_of_another_format_is_refused_whatever_it_is_called()
    {
        using var bitmap = new SKBitmap(Width, Height);
        byte[] bmp = [.. "BM"u8, .. new byte[8], 54, 0, 0, 0, 40, 0, 0, 0, Width, 0, 0, 0, Height, 0, 0, 0, 1, 0, 24, 0, .. new byte[24 + Height * 16]];
        byte[] gif = [.. "GIF89a"u8, Width, 0, Height, 0, 0x80, 0, 0, .. new byte[6], 0x2C, 0, 0, 0, 0, Width, 0, Height, 0, 0, 2, 2, 0x4C, 1, 0, 0x3B];
        Assert.All([bmp, gif], bytes => Check("a.png", bytes, Picture, image: true, refused: "is no picture that can be read"));
    }

    /// <summary>Opens and reads a file, and sees that it is done or refused as it must be.</summary>
    /// <returns>Whether it was read.</returns>
    private bool Check(string name, byte[] content, int[] shape, bool image, string? refused = null)
    {
        string path = Write(name, content);
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool done = false;
        try
        {
            using DataRows rows = DataRows.Open(path, shape, Columns, image);
            float[] values = new float[rows.Length];
            for (long row = 0; row < rows.Count; row++)
                rows.Read(row, values);
            Assert.Null(refused);
            done = true;
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException)
        {
            Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', e.Message);
            Assert.Contains(refused ?? "", e.Message, StringComparison.Ordinal);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (2L << 20) + 256L * content.Length);
        return done;
    }

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(_folder[name], content);
        return _folder[name];
    }

    private static byte[] Npy(int version, string header, byte[] data) =>
    [
        0x93, .. "NUMPY"u8, (byte)version, 0, .. version == 1 ? BitConverter.GetBytes((ushort)Encoding.UTF8.GetByteCount(header)) : BitConverter.GetBytes(Encoding.UTF8.GetByteCount(header)),
        .. Encoding.UTF8.GetBytes(header), .. data,
    ];

    private static byte[] Raw(string type, double[] values) => type switch
    {
        "<f4" => MemoryMarshal.AsBytes<float>(values.Select(value => (float)value).ToArray()).ToArray(),
        "<f8" => MemoryMarshal.AsBytes<double>(values).ToArray(),
        _ => [.. values.Select(value => (byte)value)],
    };

    private static Gen<Damages> Damage { get; } = Gen.Select(Gen.Int[0, 5], Gen.Int[0, int.MaxValue], Gen.UInt, (way, place, value) => new Damages(way, place, value));

    /// <summary>What is done to bytes: nothing, cut off, a byte or a number replaced, some taken out or put in.</summary>
    private sealed record Damages(int Way, int Place, uint Value)
    {
        public byte[] Of(byte[] bytes)
        {
            int at = bytes.Length == 0 ? 0 : Place % bytes.Length, few = (int)(Value % 9);
            byte[] number = BitConverter.GetBytes(Value % 3 == 0 ? Value : Value % 3 == 1 ? uint.MaxValue : 0x7FFFFFFF);
            return Way switch
            {
                1 => bytes[..at],
                2 when bytes.Length > 0 => [.. bytes[..at], (byte)Value, .. bytes[(at + 1)..]],
                3 => [.. bytes[..at], .. number, .. bytes.Skip(at + 4)],
                4 => [.. bytes[..at], .. bytes.Skip(at + few)],
                5 => [.. bytes[..at], .. new byte[few], .. bytes[at..]],
                _ => bytes,
            };
        }
    }

    /// <summary>A PNG file, part by part, with a flaw if one is asked for.</summary>
    private sealed record Png
    {
        public const int Bomb = 100;

        public int Width { get; init; } = InputFuzzTests.Width;

        public int Height { get; init; } = InputFuzzTests.Height;

        public int Colours { get; init; }

        public int Depth { get; init; }

        public bool Interlaced { get; init; }

        public int Seed { get; init; }

        public int Flaw { get; init; }

        public byte[] ToBytes()
        {
            var random = new Random(Seed);
            byte[] pixels = Pixels(random);
            byte[] header =
            [
                .. BitConverter.GetBytes(Flaw == 1 ? random.Next() : Width).Reverse(), .. BitConverter.GetBytes(Flaw == 2 ? -1 : Height).Reverse(),
                (byte)Depth, (byte)Colours, (byte)(Flaw == 3 ? 1 : 0), (byte)(Flaw == 4 ? 7 : 0), (byte)(Interlaced ? 1 : 0), .. Flaw == 5 ? new byte[random.Next(9)] : [],
            ];
            byte[] data = Compressed(Flaw switch { 6 => pixels[..(pixels.Length / 2)], 7 => [.. pixels, .. new byte[random.Next(1, 5000)]], Bomb => new byte[64 << 20], _ => pixels });
            byte[] palette = [.. Enumerable.Range(0, 3 * (Flaw == 8 ? random.Next(400) : 1 << Math.Min(Depth, 8))).Select(_ => (byte)random.Next(256))];
            List<byte[]> parts =
            [
                Part("IHDR", header), .. Colours == 3 && Flaw != 9 ? [Part("PLTE", palette)] : Array.Empty<byte[]>(), .. Flaw == 10 ? [Part("tRNS", new byte[random.Next(600)])] : Array.Empty<byte[]>(),
                Part("IDAT", data[..(data.Length / 2)]), Part("IDAT", data[(data.Length / 2)..]), Part("IEND", []),
            ];
            if (Flaw == 11)
                random.Shuffle(CollectionsMarshal.AsSpan(parts));
            return [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', .. parts.SelectMany(part => part)];
        }

        /// <summary>Lines of pixels, each with the number of its filter, none, before it.</summary>
        private byte[] Pixels(Random random)
        {
            if (Width != InputFuzzTests.Width || Height != InputFuzzTests.Height)
                return [];
            int samples = Colours switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
            (int X, int Y, int StepX, int StepY)[] passes = Interlaced ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] : [(0, 0, 1, 1)];
            var bytes = new List<byte>();
            foreach ((int x, int y, int stepX, int stepY) in passes)
            {
                int columns = Math.Max(0, (Width - x + stepX - 1) / stepX), lines = columns == 0 ? 0 : Math.Max(0, (Height - y + stepY - 1) / stepY);
                for (int line = 0; line < lines; line++)
                {
                    bytes.Add(0);
                    for (int i = 0; i < (columns * samples * Depth + 7) / 8; i++)
                        bytes.Add((byte)random.Next(256));
                }
            }
            return [.. bytes];
        }

        private static byte[] Compressed(byte[] pixels)
        {
            using var stream = new MemoryStream();
            using (var zlib = new ZLibStream(stream, CompressionLevel.SmallestSize))
                zlib.Write(pixels);
            return stream.ToArray();
        }

        private static byte[] Part(string type, byte[] content)
        {
            byte[] checkedPart = [.. Encoding.ASCII.GetBytes(type), .. content];
            return [.. BitConverter.GetBytes(content.Length).Reverse(), .. checkedPart, .. BitConverter.GetBytes(Crc32.HashToUInt32(checkedPart)).Reverse()];
        }
    }
}
