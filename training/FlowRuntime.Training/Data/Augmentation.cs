using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Data;

/// <summary>Random changes of images that leave them images of their kind, made anew whenever one is drawn.</summary>
public sealed record Augmentation
{
    /// <summary>Whether every second image, by chance, is mirrored left to right. Default false.</summary>
    public bool Flip { get; init; }

    /// <summary>
    /// The most pixels by which an image is moved, up or down and left or right each, every whole number equally likely; the pixels of its edge are repeated where it has
    /// gone. At least 0. Default 0.
    /// </summary>
    /// <remarks>The same as padding an image by its edge on all sides and cutting it out of that at random.</remarks>
    public int Shift
    {
        get;
        init => field = value is >= 0 and <= MostShift ? value
            : throw new ArgumentOutOfRangeException(nameof(Shift), value, $"Give a whole number of pixels from 0 to {MostShift}.");
    }

    private const int MostShift = 1 << 16;

    /// <summary>Whether images stay as they are.</summary>
    internal bool IsNone => !Flip && Shift == 0;

    /// <summary>Checks that rows of a shape can be changed so.</summary>
    /// <param name="shape">Shape of a row.</param>
    /// <exception cref="ArgumentException">They are no images, or smaller than the shift.</exception>
    public void Check(IReadOnlyList<int> shape)
    {
        if (!IsNone && shape.Count != 3)
            throw new ArgumentException($"Rows of shape [{string.Join(", ", shape)}] are no images [channels, height, width]: leave the augmentation out.");
        if (!IsNone && Shift >= Math.Min(shape[1], shape[2]))
            throw new ArgumentException($"A shift of {Shift} pixels would move images of {shape[1]} by {shape[2]} out of sight. Give at most {Math.Min(shape[1], shape[2]) - 1}.");
    }

    /// <summary>Changes an image in place, by the words of its draw.</summary>
    internal void Apply(Span<float> image, IReadOnlyList<int> shape, ulong seed, long draw)
    {
        if (IsNone)
            return;
        var words = Philox4x32.Block(0, RandomStream.Augmentation, (uint)draw, (uint)(draw >> 32), seed);
        bool mirrored = Flip && (words.X0 & 1) == 1;
        int down = Offset(words.X1), right = Offset(words.X2), height = shape[1], width = shape[2];
        float[] before = image.ToArray();
        for (int row = 0; row < image.Length / width; row++)
        {
            (int channel, int y) = Math.DivRem(row, height);
            int from = (channel * height + Math.Clamp(y - down, 0, height - 1)) * width;
            for (int x = 0; x < width; x++)
            {
                int column = Math.Clamp(x - right, 0, width - 1);
                image[row * width + x] = before[from + (mirrored ? width - 1 - column : column)];
            }
        }
    }

    private int Offset(uint word) => (int)((ulong)word * (uint)(2 * Shift + 1) >> 32) - Shift;
}
