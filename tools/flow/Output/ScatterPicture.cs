namespace FlowRuntime.Tool.Output;

/// <summary>Points in the plane as dots in a frame, at one scale for both axes; states of a trajectory in one frame a time, at the same scale.</summary>
internal static class ScatterPicture
{
    private const int Size = 800;
    private const int FilmSize = 320;
    private const int FewestPoints = 2000;

    private static readonly Colour Paper = new(0xFF, 0xFF, 0xFF), Line = new(0xCC, 0xCC, 0xCC), Ink = new(0x1F, 0x5F, 0xA8);

    /// <summary>Draws points.</summary>
    /// <param name="points">The points, [count, times, 2]; those that are not finite are left out.</param>
    /// <param name="times">Frames side by side, at least 1.</param>
    public static Raster Draw(ReadOnlySpan<float> points, int times)
    {
        (float minX, float minY, float maxX, float maxY) = (float.MaxValue, float.MaxValue, float.MinValue, float.MinValue);
        for (int i = 0; i < points.Length; i += 2)
        {
            if (!float.IsFinite(points[i] + points[i + 1]))
                continue;
            (minX, maxX) = (Math.Min(minX, points[i]), Math.Max(maxX, points[i]));
            (minY, maxY) = (Math.Min(minY, points[i + 1]), Math.Max(maxY, points[i + 1]));
        }
        int size = times == 1 ? Size : FilmSize, margin = size / 20;
        float extent = Math.Max(Math.Max(maxX - minX, maxY - minY), 1e-6f);
        float scale = (size - 2 * margin) / extent;
        (float centreX, float centreY) = ((minX + maxX) / 2, (minY + maxY) / 2);

        var picture = new Raster(size * times, size);
        picture.Fill(0, 0, picture.Width, picture.Height, Paper);
        for (int time = 0; time < times; time++)
            Frame(picture, time * size + margin / 2, margin / 2, size - margin);
        // Many points are drawn thin, so that their density shows.
        double opacity = Math.Clamp(2.0 * FewestPoints / Math.Max(1, points.Length / (2 * times)), 0.1, 0.63);
        double radius = size / 400.0;
        for (int i = 0; i < points.Length; i += 2)
        {
            if (float.IsFinite(points[i] + points[i + 1]))
                picture.Disc(i / 2 % times * size + size / 2 + (points[i] - centreX) * scale, size / 2 - (points[i + 1] - centreY) * scale, radius, Ink, opacity);
        }
        return picture;
    }

    private static void Frame(Raster picture, int left, int top, int size)
    {
        picture.Fill(left, top, size, 1, Line);
        picture.Fill(left, top + size - 1, size, 1, Line);
        picture.Fill(left, top, 1, size, Line);
        picture.Fill(left + size - 1, top, 1, size, Line);
    }
}
