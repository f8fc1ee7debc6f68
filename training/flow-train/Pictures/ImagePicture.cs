using FlowRuntime.CommandLine;
using FlowRuntime.Imaging;
using FlowRuntime.Training.Data;
using SkiaSharp;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>Images as one PNG, side by side in rows.</summary>
internal static class ImagePicture
{
    /// <summary>Saves a grid of images.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="values">The images, [count, C, H, W] in [0, 1].</param>
    /// <param name="shape">[C, H, W].</param>
    /// <param name="columns">Images a row.</param>
    public static void Save(string path, ReadOnlySpan<float> values, IReadOnlyList<int> shape, int columns)
    {
        ImageGrid grid = ImageGrid.Arrange(values, shape, columns, ImageGrid.DefaultMagnification(shape));
        using var bitmap = new SKBitmap(new SKImageInfo(grid.Width, grid.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        grid.Rgba.CopyTo(bitmap.GetPixelSpan());
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
        WholeFile.Write(path, png.ToArray());
    }

    /// <summary>Labels that fill a grid row by row with one class a row; empty where there are no classes.</summary>
    public static int[] ClassesInRows(Dataset data, int columns) =>
        [.. Enumerable.Range(0, data.ClassNames?.Count ?? 0).SelectMany(label => Enumerable.Repeat(label, columns))];
}
