using System.Text;
using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Tests.Data;

/// <summary>NumPy arrays as images.</summary>
public sealed class NpyImagesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-npy-images").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(new[] { 4, 2, 5 }, new[] { 1, 2, 5 }, 0)]
    [InlineData(new[] { 4, 1, 2, 5 }, new[] { 1, 2, 5 }, long.MaxValue)]
    [InlineData(new[] { 4, 3, 2, 5 }, new[] { 3, 2, 5 }, 0)]
    [InlineData(new[] { 4, 3, 2, 5 }, new[] { 3, 2, 5 }, long.MaxValue)]
    public void Bytes_become_images_from_minus_one_to_one(int[] shape, int[] expected, long mostInMemory)
    {
        byte[] pixels = [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(i => (byte)(i * 37 % 256))];
        Dataset data = NpyImages.Load(Write("|u1", shape, pixels), mostInMemory);
        Assert.Equal(expected, data.Shape);
        Assert.Equal(4, data.Count);
        Assert.Equal(pixels.Select(value => (float)(value / 127.5 - 1)), data.Values);
        Assert.Equal(pixels, data.InDataUnits().Select(value => (byte)Math.Round(value * 255)));
        Assert.Equal(data.Values.Average(value => (double)value), data.Card.Mean![0], 1e-6);
    }

    [Fact]
    public void Floating_point_images_stay_as_they_are()
    {
        float[] values = [-1, 0.25f, 1, -0.5f, 0, 0.125f, -0.75f, 0.1f];
        foreach (long mostInMemory in new[] { 0, long.MaxValue })
        {
            Dataset data = NpyImages.Load(Write("<f4", [2, 2, 2], [.. values.SelectMany(BitConverter.GetBytes)]), mostInMemory);
            Assert.Equal(values, data.Values);
            Assert.Equal(new Cards.ImageCard(-1, 1), data.Card.Image);
            Assert.Equal(values.Average(value => (double)value), data.Card.Mean![0], 1e-12);
            double mean = data.Card.Mean[0];
            Assert.Equal(Math.Sqrt(values.Average(value => (value - mean) * (value - mean))), data.Card.Scale![0], 1e-12);
        }
    }

    [Fact]
    public void An_array_that_holds_no_images_is_refused_in_one_line()
    {
        Refused("shape (4, 2, 5, 3) holds no images", Write("|u1", [4, 2, 5, 3], new byte[120]));
        Refused("shape (120, 4) holds no images", Write("|u1", [120, 4], new byte[480]));
        Refused("shape (1, 4, 4) holds no images", Write("|u1", [1, 4, 4], new byte[16]));
        Refused("Save numpy.ascontiguousarray", Write("|u1", [2, 4, 4], new byte[32], fortran: true));
        Refused("images of type '<i4' are not read", Write("<i4", [2, 2, 2], new byte[32]));
        Refused("image 1 (from 0): it holds 200.5", Write("<f4", [2, 1, 2], [.. new[] { -1f, 1, 0, 200.5f }.SelectMany(BitConverter.GetBytes)]));
        Refused("image 0 (from 0): it holds NaN", Write("<f4", [2, 1, 2], [.. new[] { -1f, float.NaN, 0, 1 }.SelectMany(BitConverter.GetBytes)]));
        Refused("no value is below 0", Write("<f4", [2, 1, 2], [.. new[] { 0f, 0.5f, 0.25f, 1 }.SelectMany(BitConverter.GetBytes)]));
    }

    private static void Refused(string expected, string path)
    {
        string message = Assert.Throws<InvalidDataException>(() => NpyImages.Load(path)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private string Write(string type, int[] shape, byte[] values, bool fortran = false)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': ({string.Join(", ", shape)}), }}".PadRight(117) + "\n";
        string path = Path.Combine(_folder, "images.npy");
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. values]);
        return path;
    }
}
