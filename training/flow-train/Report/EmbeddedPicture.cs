using SkiaSharp;

namespace FlowRuntime.TrainTool.Report;

/// <summary>A picture inside a page: its file as a data URI.</summary>
internal static class EmbeddedPicture
{
    private const int Quality = 85;
    private const long MostPixels = 100_000_000;

    /// <summary>A PNG file as it is, or one that is too wide made smaller, as WebP.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="mostWidth">Largest width in pixels.</param>
    /// <exception cref="InvalidDataException">The file is no picture.</exception>
    public static string Uri(string path, int mostWidth)
    {
        byte[] png = File.ReadAllBytes(path);
        SKImageInfo info = SKBitmap.DecodeBounds(png);
        using SKBitmap? picture = info.IsEmpty || (long)info.Width * info.Height > MostPixels ? null : SKBitmap.Decode(png);
        if (picture is null)
            throw new InvalidDataException($"{path} is no picture, or a broken one. Remove it, and make the page by flow-train report.");
        if (picture.Width <= mostWidth)
            return $"data:image/png;base64,{Convert.ToBase64String(png)}";
        int height = Math.Max(1, (int)Math.Round((double)picture.Height * mostWidth / picture.Width));
        using SKBitmap smaller = picture.Resize(new SKImageInfo(mostWidth, height), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
        using SKData webp = smaller.Encode(SKEncodedImageFormat.Webp, Quality);
        return $"data:image/webp;base64,{Convert.ToBase64String(webp.AsSpan())}";
    }
}
