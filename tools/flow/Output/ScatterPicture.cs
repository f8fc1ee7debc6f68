using SkiaSharp;

namespace FlowRuntime.Tool.Output;

/// <summary>Points in the plane as dots in a frame, at one scale for both axes.</summary>
internal static class ScatterPicture
{
    private const int Size = 800;
    private const int Margin = 40;

    /// <summary>Draws points.</summary>
    /// <param name="points">The points, [count, 2]; those that are not finite are left out.</param>
    public static SKBitmap Draw(ReadOnlySpan<float> points)
    {
        (float minX, float minY, float maxX, float maxY) = (float.MaxValue, float.MaxValue, float.MinValue, float.MinValue);
        for (int i = 0; i < points.Length; i += 2)
        {
            if (!float.IsFinite(points[i] + points[i + 1]))
                continue;
            (minX, maxX) = (Math.Min(minX, points[i]), Math.Max(maxX, points[i]));
            (minY, maxY) = (Math.Min(minY, points[i + 1]), Math.Max(maxY, points[i + 1]));
        }
        float extent = Math.Max(Math.Max(maxX - minX, maxY - minY), 1e-6f);
        float scale = (Size - 2 * Margin) / extent;
        (float centreX, float centreY) = ((minX + maxX) / 2, (minY + maxY) / 2);

        var bitmap = new SKBitmap(Size, Size);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        using var frame = new SKPaint { Color = new SKColor(0xCC, 0xCC, 0xCC), Style = SKPaintStyle.Stroke };
        canvas.DrawRect(Margin / 2, Margin / 2, Size - Margin, Size - Margin, frame);
        // Many points are drawn thin, so that their density shows.
        byte opacity = (byte)Math.Clamp(255 * 2000 / Math.Max(1, points.Length / 2), 24, 160);
        using var dot = new SKPaint { Color = new SKColor(0x1F, 0x5F, 0xA8, opacity), IsAntialias = true };
        for (int i = 0; i < points.Length; i += 2)
        {
            if (float.IsFinite(points[i] + points[i + 1]))
                canvas.DrawCircle(Size / 2 + (points[i] - centreX) * scale, Size / 2 - (points[i + 1] - centreY) * scale, 2, dot);
        }
        return bitmap;
    }
}
