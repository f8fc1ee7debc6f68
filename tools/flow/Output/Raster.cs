using StbImageWriteSharp;

namespace FlowRuntime.Tool.Output;

/// <summary>A picture in memory, and its PNG.</summary>
/// <param name="width">Pixels a row.</param>
/// <param name="height">Rows.</param>
internal sealed class Raster(int width, int height)
{
    /// <summary>Red, green and blue of each pixel, row by row from the top left.</summary>
    private readonly byte[] _rgb = new byte[checked(width * height * 3)];

    /// <summary>Pixels a row.</summary>
    public int Width => width;

    /// <summary>Rows.</summary>
    public int Height => height;

    /// <summary>Takes pixels of red, green, blue and opacity over; opacity is left out.</summary>
    public static Raster OfRgba(int width, int height, ReadOnlySpan<byte> rgba)
    {
        var raster = new Raster(width, height);
        for (int pixel = 0; pixel < width * height; pixel++)
            rgba.Slice(4 * pixel, 3).CopyTo(raster._rgb.AsSpan(3 * pixel));
        return raster;
    }

    /// <summary>The picture without a border of so many pixels.</summary>
    public Raster Cropped(int border)
    {
        var inner = new Raster(width - 2 * border, height - 2 * border);
        for (int y = 0; y < inner.Height; y++)
            _rgb.AsSpan(((y + border) * width + border) * 3, inner.Width * 3).CopyTo(inner._rgb.AsSpan(y * inner.Width * 3));
        return inner;
    }

    /// <summary>Fills a rectangle.</summary>
    public void Fill(int left, int top, int across, int down, Colour colour)
    {
        for (int y = Math.Max(0, top); y < Math.Min(height, top + down); y++)
        {
            for (int x = Math.Max(0, left); x < Math.Min(width, left + across); x++)
                Blend(x, y, colour, 1);
        }
    }

    /// <summary>Draws a disc whose edge is smooth.</summary>
    /// <param name="x">Its centre, in pixels from the left edge.</param>
    /// <param name="y">Its centre, in pixels from the upper edge.</param>
    /// <param name="radius">Its radius in pixels.</param>
    /// <param name="colour">Its colour.</param>
    /// <param name="opacity">How much of what is under it it covers, from 0 to 1.</param>
    public void Disc(double x, double y, double radius, Colour colour, double opacity)
    {
        for (int row = Math.Max(0, (int)(y - radius - 1)); row <= Math.Min(height - 1, (int)(y + radius + 1)); row++)
        {
            for (int column = Math.Max(0, (int)(x - radius - 1)); column <= Math.Min(width - 1, (int)(x + radius + 1)); column++)
            {
                double distance = Math.Sqrt((column + 0.5 - x) * (column + 0.5 - x) + (row + 0.5 - y) * (row + 0.5 - y));
                double covered = Math.Clamp(radius + 0.5 - distance, 0, 1); // of the pixel, as if the edge were straight
                if (covered > 0)
                    Blend(column, row, colour, covered * opacity);
            }
        }
    }

    /// <summary>Writes the picture as PNG.</summary>
    public void WritePng(Stream stream) => new ImageWriter().WritePng(_rgb, width, height, ColorComponents.RedGreenBlue, stream);

    private void Blend(int x, int y, Colour colour, double share)
    {
        Span<byte> pixel = _rgb.AsSpan((y * width + x) * 3, 3);
        pixel[0] = Mixed(pixel[0], colour.Red);
        pixel[1] = Mixed(pixel[1], colour.Green);
        pixel[2] = Mixed(pixel[2], colour.Blue);
        byte Mixed(byte under, byte over) => (byte)Math.Round(under + share * (over - under));
    }
}

/// <summary>A colour.</summary>
internal readonly record struct Colour(byte Red, byte Green, byte Blue);
