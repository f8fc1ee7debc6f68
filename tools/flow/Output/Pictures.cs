using FlowRuntime.Imaging;

namespace FlowRuntime.Tool.Output;

/// <summary>Rows as pictures: a grid of images, film strips, or scatter plots of points in the plane.</summary>
internal static class Pictures
{
    private const int MostImages = 10_000;
    private const int MostPoints = 10_000_000;
    private const int MostPointTimes = 32;

    /// <summary>Refuses rows of which no picture can be made, before any are drawn.</summary>
    /// <exception cref="ArgumentException">The rows are neither images nor points in the plane, or too many.</exception>
    public static void RequireDrawable(RowDescription rows, long count, OutputFormat format)
    {
        string shape = string.Join(", ", rows.Shape);
        if (!rows.Image && rows.Shape is not [2])
            throw new ArgumentException($"--out: samples of shape [{shape}] are neither images nor points in the plane. Write .npy or .csv.");
        if (rows.Image && rows.Shape is not [1 or 3, _, _])
            throw new ArgumentException($"--out: images of shape [{shape}] are neither grey nor of red, green and blue. Write .npy.");
        if (format == OutputFormat.Folder && !rows.Image)
            throw new ArgumentException("--out: a folder takes images, and these samples are points. Write .png, .npy or .csv.");
        if (format != OutputFormat.Png)
            return;
        long most = rows.Image ? MostImages : MostPoints, here = Math.Max(1, rows.Times) > most / count ? long.MaxValue : count * Math.Max(1, rows.Times);
        if (here > most)
            throw new ArgumentException($"--out: {(rows.Times > 0 ? $"{count} samples at {rows.Times} times" : $"{count} samples")} are too many for one picture (at most {most}). Write .npy, or fewer.");
        if (!rows.Image && rows.Times > MostPointTimes)
            throw new ArgumentException($"--trajectory: {rows.Times} frames of points are too many side by side (at most {MostPointTimes}). Write .npy, or ask for fewer times.");
    }

    /// <summary>Bytes that the picture of so many rows takes while it is made: its numbers, its pixels, and those as PNG.</summary>
    public static long MemoryFor(RowDescription rows, long count)
    {
        long states = count * Math.Max(1, rows.Times);
        if (!rows.Image)
            return states * 2 * sizeof(float) + 8_000_000;
        int side = ImageGrid.DefaultMagnification(rows.Shape);
        return states * rows.Dimension * sizeof(float) + states * rows.Shape[1] * rows.Shape[2] * side * side * 9L;
    }

    /// <summary>Draws all rows as one picture.</summary>
    public static Raster Of(RowDescription rows, ReadOnlySpan<float> values)
    {
        if (!rows.Image)
            return ScatterPicture.Draw(values, Math.Max(1, rows.Times));
        int images = values.Length / rows.Dimension;
        int columns = rows.Times > 0 ? rows.Times : rows.GridColumns ?? (int)Math.Ceiling(Math.Sqrt(images));
        return Grid(rows, values, columns);
    }

    /// <summary>Draws one row as a picture of its own: an image without a frame, or its film strip.</summary>
    public static Raster OfOne(RowDescription rows, ReadOnlySpan<float> values) =>
        rows.Times > 0 ? Grid(rows, values, rows.Times) : Plain(rows, values);

    private static Raster Grid(RowDescription rows, ReadOnlySpan<float> values, int columns)
    {
        ImageGrid grid = ImageGrid.Arrange(values, rows.Shape, columns, ImageGrid.DefaultMagnification(rows.Shape));
        return Raster.OfRgba(grid.Width, grid.Height, grid.Rgba);
    }

    /// <summary>An image at its own size, a pixel a value, so that it can be read as data again: a grid of one, without the border.</summary>
    private static Raster Plain(RowDescription rows, ReadOnlySpan<float> values)
    {
        ImageGrid grid = ImageGrid.Arrange(values, rows.Shape, columns: 1, magnify: 1);
        return Raster.OfRgba(grid.Width, grid.Height, grid.Rgba).Cropped((grid.Width - rows.Shape[2]) / 2);
    }
}
