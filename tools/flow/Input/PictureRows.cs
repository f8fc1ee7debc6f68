using StbImageSharp;

namespace FlowRuntime.Tool.Input;

/// <summary>Pictures as rows of [C, H, W] in [0, 1]: one file, or those of a folder by name.</summary>
internal sealed class PictureRows : DataRows
{
    private readonly string[] _files;
    private readonly IReadOnlyList<int> _shape;

    private PictureRows(string path, string[] files, IReadOnlyList<int> shape, bool image) : base(path, files)
    {
        if (!image)
            throw new ArgumentException($"{path}: pictures are data for a model of images. Give .npy or .csv.");
        if (shape is not [1 or 3, _, _])
            throw new ArgumentException($"{path}: no picture has the shape [{string.Join(", ", shape)}]. Give .npy.");
        (_files, _shape) = (files, shape);
    }

    public override long Count => _files.Length;

    public override int Length => _shape[0] * _shape[1] * _shape[2];

    /// <summary>One picture.</summary>
    public static PictureRows OfFile(string path, IReadOnlyList<int> shape, bool image) => new(path, [path], shape, image);

    /// <summary>The pictures of a folder, in the order of their names.</summary>
    public static PictureRows OfFolder(string path, IReadOnlyList<int> shape, bool image)
    {
        string[] files = [.. Directory.EnumerateFiles(path)
            .Where(file => System.IO.Path.GetExtension(file).ToLowerInvariant() is ".png" or ".jpg" or ".jpeg").Order(StringComparer.Ordinal)];
        return files.Length > 0 ? new(path, files, shape, image) : throw new ArgumentException($"{path} holds no .png or .jpg.");
    }

    public override void Read(long first, Span<float> values)
    {
        for (int row = 0; row < values.Length / Length; row++)
            ReadOne(_files[first + row], values.Slice(row * Length, Length));
    }

    private void ReadOne(string file, Span<float> values)
    {
        (int channels, int height, int width) = (_shape[0], _shape[1], _shape[2]);
        byte[] content = File.ReadAllBytes(file);
        bool png = content.AsSpan().StartsWith(PngData.Signature);
        // The decoder reads other formats, too; the size stands at the head of the file, and is looked at before anything is allocated by it.
        ImageInfo info = (png || content.AsSpan().StartsWith(JpegData.Start) ? Info(file, content) : null) ?? throw new InvalidDataException($"{file} is no picture that can be read. Give .png or .jpg.");
        if (info.Width != width || info.Height != height)
            throw new InvalidDataException($"{file} has {info.Width}×{info.Height} pixels, and the model's images have {width}×{height}. Scale it first.");
        if (png)
            Checked(file, () => PngData.Check(content, width, height));
        byte[] pixels = Decoded(file, content, channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue);
        for (int channel = 0; channel < channels; channel++)
        {
            for (int pixel = 0; pixel < height * width; pixel++)
                values[channel * height * width + pixel] = pixels[pixel * channels + channel] / 255f;
        }
    }

    private static ImageInfo? Info(string file, byte[] content)
    {
        if (content.AsSpan().StartsWith(JpegData.Start))
            Checked(file, () => JpegData.Check(content));
        try
        {
            return ImageInfo.FromStream(new MemoryStream(content));
        }
        catch (Exception e) when (IsOfDecoder(e))
        {
            return null;
        }
    }

    private static byte[] Decoded(string file, byte[] content, ColorComponents components)
    {
        try
        {
            return ImageResult.FromMemory(content, components).Data;
        }
        catch (Exception e) when (IsOfDecoder(e))
        {
            throw Garbled(file, e);
        }
    }

    private static void Checked(string file, Action check)
    {
        try
        {
            check();
        }
        catch (InvalidDataException e)
        {
            throw Garbled(file, e);
        }
    }

    private static InvalidDataException Garbled(string file, Exception e) => new($"{file} is cut off or garbled: {e.Message.TrimEnd('.')}. Save it again.", e);

    /// <summary>What garbled data end in, within the decoder.</summary>
    private static bool IsOfDecoder(Exception e) => e is InvalidOperationException or IndexOutOfRangeException or ArgumentException or EndOfStreamException;
}
