namespace FlowRuntime.Training.Data;

/// <summary>How the images of a folder become rows of one shape.</summary>
public sealed record ImageFolderOptions
{
    /// <summary>The largest <see cref="Size"/>.</summary>
    public const int MostSize = 4096;

    /// <summary>Height and width of the rows in pixels, from 1 to 4096. Default 32.</summary>
    public int Size
    {
        get;
        init => field = value is >= 1 and <= MostSize ? value
            : throw new ArgumentOutOfRangeException(nameof(Size), value, $"Give a number of pixels from 1 to {MostSize}.");
    } = 32;

    /// <summary>The colours of the rows. Default: red, green and blue.</summary>
    public ImageChannels Channels { get; init; } = ImageChannels.Rgb;

    /// <summary>What is done about a file that is broken. Default: it ends the reading.</summary>
    public BadFiles BadFiles { get; init; } = BadFiles.Fatal;
}

/// <summary>The colours of images.</summary>
public enum ImageChannels
{
    /// <summary>Red, green and blue: [3, height, width].</summary>
    Rgb,

    /// <summary>Grey, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601): [1, height, width].</summary>
    Grey,
}

/// <summary>What is done about files that cannot be read.</summary>
public enum BadFiles
{
    /// <summary>The first one is an error.</summary>
    Fatal,

    /// <summary>They are named, counted and left out.</summary>
    Skip,
}
