using System.Runtime.InteropServices;
using FlowRuntime.Imaging;
using SkiaSharp;

namespace FlowRuntime.Tool.Output;

/// <summary>Samples as one picture: a grid of images, or a scatter of points in the plane.</summary>
internal sealed class PngFile : SampleFile
{
    private const int MostImages = 10_000;
    private const int MostPoints = 10_000_000;

    private readonly List<float> _values = [];
    private readonly Func<ReadOnlySpan<float>, SKBitmap> _draw;

    private PngFile(string path, Func<ReadOnlySpan<float>, SKBitmap> draw) : base(path)
    {
        _draw = draw;
    }

    public static PngFile Create(string path, FlowModel model, long count, int times, int? columns)
    {
        IReadOnlyList<int> shape = model.Shape;
        bool image = model.Card.Data?.Image is not null;
        if (!image && shape is not [2])
            throw new ArgumentException($"--out: samples of shape [{string.Join(", ", shape)}] are neither images nor points in the plane. Write .npy or .csv.");
        if (!image && times > 0)
            throw new ArgumentException("--trajectory: a film strip is made of images, and these samples are points. Write .npy.");
        count *= Math.Max(1, times);
        int most = image ? MostImages : MostPoints;
        if (count > most)
            throw new ArgumentException($"--out: {count} samples are too many for one picture (at most {most}). Write .npy, or fewer.");
        return image
            ? new PngFile(path, values => Grid(values, shape, columns ?? (int)Math.Ceiling(Math.Sqrt(count))))
            : new PngFile(path, ScatterPicture.Draw);
    }

    public override void Append(ReadOnlySpan<float> values) => _values.AddRange(values);

    protected override void Close()
    {
        using SKBitmap bitmap = _draw(CollectionsMarshal.AsSpan(_values));
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
        using FileStream stream = File.Create(PartialPath);
        png.SaveTo(stream);
    }

    protected override void Abandon()
    {
    }

    private static SKBitmap Grid(ReadOnlySpan<float> values, IReadOnlyList<int> shape, int columns)
    {
        ImageGrid grid = ImageGrid.Arrange(values, shape, columns, ImageGrid.DefaultMagnification(shape));
        var bitmap = new SKBitmap(new SKImageInfo(grid.Width, grid.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        grid.Rgba.CopyTo(bitmap.GetPixelSpan());
        return bitmap;
    }
}
