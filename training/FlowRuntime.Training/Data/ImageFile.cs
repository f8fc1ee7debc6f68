using SkiaSharp;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Reads one image file as a square of bytes: what is transparent lies on white, colours are brought to sRGB, the centre is cut out and resized, and the
/// picture stands as its EXIF orientation says. Of an animation the first picture is read.
/// </summary>
internal static class ImageFile
{
    /// <summary>The endings of files that are read, in small letters.</summary>
    public static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];

    private const long MostPixels = 100_000_000;
    private const int Rgba = 4; // bytes of a pixel

    /// <summary>Reads a file.</summary>
    /// <returns>The pixels, [channels, size, size].</returns>
    /// <exception cref="InvalidDataException">It is no image, broken, or too large.</exception>
    public static byte[] Read(string path, int size, ImageChannels channels)
    {
        using SKCodec codec = SKCodec.Create(path, out _) ?? throw new InvalidDataException($"{path} is no image of the kinds that are read ({string.Join(", ", Endings)}).");
        SKImageInfo info = codec.Info.WithColorType(SKColorType.Rgba8888).WithAlphaType(SKAlphaType.Unpremul).WithColorSpace(SKColorSpace.CreateSrgb());
        if ((long)info.Width * info.Height > MostPixels)
            throw new InvalidDataException($"{path} has {info.Width} by {info.Height} pixels; at most {MostPixels} are read. Make it smaller.");
        return DecodingMemory.Shared.Within(Taken(info, size, channels), () => Decode(path, codec, info, size, channels));
    }

    /// <summary>About the bytes that decoding takes: the pixels, as much again inside the codec, and the rows that <see cref="Square"/> makes of them.</summary>
    private static long Taken(SKImageInfo info, int size, ImageChannels channels) =>
        2L * Rgba * info.Width * info.Height + sizeof(float) * Count(channels) * (long)size * (Math.Min(info.Width, info.Height) + size);

    private static byte[] Decode(string path, SKCodec codec, SKImageInfo info, int size, ImageChannels channels)
    {
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(info))
            throw new InvalidDataException($"{path} has {info.Width} by {info.Height} pixels, for which there is no memory. Make it smaller.");
        SKCodecResult result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
            throw new InvalidDataException($"{path} is broken or cut off ({result}).");
        return Upright(Square(bitmap, size, channels), size, codec.EncodedOrigin);
    }

    /// <summary>The centre of an image, resized: [channels, size, size].</summary>
    private static byte[] Square(SKBitmap bitmap, int size, ImageChannels channels)
    {
        int side = Math.Min(bitmap.Width, bitmap.Height), left = (bitmap.Width - side) / 2, top = (bitmap.Height - side) / 2;
        int count = Count(channels);
        var resampling = new Resampling(side, size);
        float[] row = new float[side * count], narrow = new float[side * size * count], resized = new float[size * size * count];
        ReadOnlySpan<byte> rgba = bitmap.GetPixelSpan();
        for (int y = 0; y < side; y++)
        {
            ReadOnlySpan<byte> pixels = rgba.Slice((top + y) * bitmap.RowBytes + Rgba * left, Rgba * side);
            for (int x = 0; x < side; x++)
                OnWhite(pixels.Slice(Rgba * x, Rgba), row.AsSpan(x * count, count));
            resampling.Apply(row, narrow.AsSpan(y * size * count, size * count), count);
        }
        resampling.Apply(narrow, resized, size * count);
        byte[] planes = new byte[resized.Length];
        for (int i = 0; i < planes.Length; i++)
            planes[i % count * size * size + i / count] = (byte)Math.Clamp(MathF.Round(resized[i]), 0, 255);
        return planes;
    }

    private static int Count(ImageChannels channels) => channels == ImageChannels.Rgb ? 3 : 1;

    private static void OnWhite(ReadOnlySpan<byte> rgba, Span<float> colour)
    {
        float alpha = rgba[3] / 255f, white = 255 * (1 - alpha);
        (float red, float green, float blue) = (rgba[0] * alpha + white, rgba[1] * alpha + white, rgba[2] * alpha + white);
        if (colour.Length == 1)
            colour[0] = 0.299f * red + 0.587f * green + 0.114f * blue;
        else
            (colour[0], colour[1], colour[2]) = (red, green, blue);
    }

    /// <summary>Turns stored pixels as they are to be seen. Source: EXIF 2.3, tag Orientation: which sides of the picture the first row and column are.</summary>
    private static byte[] Upright(byte[] planes, int size, SKEncodedOrigin origin)
    {
        if (origin is SKEncodedOrigin.TopLeft or SKEncodedOrigin.Default)
            return planes;
        byte[] upright = new byte[planes.Length];
        int last = size - 1;
        for (int i = 0; i < planes.Length; i++)
        {
            int y = i / size % size, x = i % size;
            (int row, int column) = origin switch
            {
                SKEncodedOrigin.TopRight => (y, last - x),
                SKEncodedOrigin.BottomRight => (last - y, last - x),
                SKEncodedOrigin.BottomLeft => (last - y, x),
                SKEncodedOrigin.LeftTop => (x, y),
                SKEncodedOrigin.RightTop => (last - x, y),
                SKEncodedOrigin.RightBottom => (last - x, last - y),
                SKEncodedOrigin.LeftBottom => (x, last - y),
                _ => (y, x),
            };
            upright[i] = planes[i / (size * size) * size * size + row * size + column];
        }
        return upright;
    }
}
