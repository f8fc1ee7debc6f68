namespace FlowRuntime.Imaging;

/// <summary>Samples arranged as one picture of 8-bit pixels: images side by side in rows, with a border between them.</summary>
public sealed class ImageGrid
{
    private const int Border = 4;
    private const byte BorderGrey = 56;

    private ImageGrid(int width, int height)
    {
        Width = width;
        Height = height;
        Rgba = new byte[checked(width * height * 4)];
        Rgba.AsSpan().Fill(BorderGrey);
        for (int alpha = 3; alpha < Rgba.Length; alpha += 4)
            Rgba[alpha] = 255;
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>The pixels, [height, width, 4]: red, green, blue and alpha, row-major.</summary>
    public byte[] Rgba { get; }

    /// <summary>Arranges images in rows, left to right and top to bottom.</summary>
    /// <param name="values">The images, [count, C, H, W] in [0, 1]; a value that is not finite is drawn magenta.</param>
    /// <param name="shape">[C, H, W]; C is 1 (grey) or 3 (red, green, blue).</param>
    /// <param name="columns">Images a row, at least 1.</param>
    /// <param name="magnify">Pixels a side for each value, at least 1.</param>
    /// <exception cref="ArgumentException">The shape is no image's, or the values are no whole number of images.</exception>
    public static ImageGrid Arrange(ReadOnlySpan<float> values, IReadOnlyList<int> shape, int columns, int magnify)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(magnify, 1);
        if (shape.Count != 3 || shape[0] is not (1 or 3) || shape.Any(size => size < 1))
            throw new ArgumentException($"The shape [{string.Join(", ", shape)}] is no image's; give [1 or 3, height, width].", nameof(shape));
        (int channels, int height, int width) = (shape[0], shape[1], shape[2]);
        int length = channels * height * width;
        if (values.Length == 0 || values.Length % length != 0)
            throw new ArgumentException($"{values.Length} values are no whole number of images of {length}.", nameof(values));

        int count = values.Length / length;
        columns = Math.Min(columns, count);
        int rows = (count + columns - 1) / columns;
        (int cellWidth, int cellHeight) = (width * magnify + Border, height * magnify + Border);
        var grid = new ImageGrid(columns * cellWidth + Border, rows * cellHeight + Border);
        for (int image = 0; image < count; image++)
        {
            ReadOnlySpan<float> pixels = values.Slice(image * length, length);
            (int left, int top) = (image % columns * cellWidth + Border, image / columns * cellHeight + Border);
            for (int y = 0; y < height * magnify; y++)
            {
                for (int x = 0; x < width * magnify; x++)
                    grid.Paint(left + x, top + y, pixels, y / magnify * width + x / magnify, channels == 3 ? height * width : 0);
            }
        }
        return grid;
    }

    /// <summary>A magnification that brings images of this shape to about 64 pixels a side.</summary>
    public static int DefaultMagnification(IReadOnlyList<int> shape) => Math.Max(1, 64 / Math.Max(shape[^1], shape[^2]));

    private void Paint(int x, int y, ReadOnlySpan<float> pixels, int offset, int channelStride)
    {
        Span<byte> target = Rgba.AsSpan((y * Width + x) * 4, 3);
        for (int channel = 0; channel < 3; channel++)
        {
            float value = pixels[offset + channel * channelStride];
            target[channel] = float.IsFinite(value) ? (byte)MathF.Round(Math.Clamp(value, 0, 1) * 255) : channel == 1 ? (byte)0 : (byte)255;
        }
    }
}
