using FlowRuntime.Cards;
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

    /// <summary>
    /// Number of levels L that stand for intervals, at least 2, such as 256 for files of bytes: level k of each value becomes a point of [k/L, (k + 1)/L] by chance, so
    /// that the images have a density and bits per dimension mean something. Default null, for values as they are.
    /// </summary>
    /// <remarks>Uniform dequantisation, as <see cref="Likelihood.LikelihoodOptions.Levels"/> does it: Theis, van den Oord and Bethge 2016.</remarks>
    public int? Levels
    {
        get;
        init => field = value is null or >= 2 ? value : throw new ArgumentOutOfRangeException(nameof(Levels), value, "Give at least 2 levels, such as 256, or null for values as they are.");
    }

    private const int MostShift = 1 << 16;

    private bool Moves => Flip || Shift > 0;

    /// <summary>Whether images stay as they are.</summary>
    internal bool IsNone => !Moves && Levels is null;

    /// <summary>Checks that rows can be changed so.</summary>
    /// <param name="shape">Shape of a row.</param>
    /// <param name="image">Where black and white lie; null where the rows are no images.</param>
    /// <exception cref="ArgumentException">They are no images, or smaller than the shift.</exception>
    public void Check(IReadOnlyList<int> shape, ImageCard? image)
    {
        if (Moves && shape.Count != 3)
            throw new ArgumentException($"Rows of shape [{string.Join(", ", shape)}] are no images [channels, height, width]: leave the augmentation out.");
        if (Moves && Shift >= Math.Min(shape[1], shape[2]))
            throw new ArgumentException($"A shift of {Shift} pixels would move images of {shape[1]} by {shape[2]} out of sight. Give at most {Math.Min(shape[1], shape[2]) - 1}.");
        if (Levels is not null && image is null)
            throw new ArgumentException("Only images have levels from black to white: leave augmentation.levels out.");
    }

    /// <summary>Changes an image in place, by the words of its draw.</summary>
    internal void Apply(Span<float> values, IReadOnlyList<int> shape, ImageCard? image, ulong seed, long draw)
    {
        if (Moves)
            Move(values, shape, seed, draw);
        if (Levels is { } levels)
            Dequantise(values, levels, image!, seed, draw);
    }

    private void Move(Span<float> image, IReadOnlyList<int> shape, ulong seed, long draw)
    {
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

    /// <summary>Low + (High − Low) (k + u)/L of the value of each level k.</summary>
    private static void Dequantise(Span<float> values, int levels, ImageCard image, ulong seed, long draw)
    {
        Span<uint> words = stackalloc uint[4];
        double range = image.High - image.Low;
        for (int i = 0; i < values.Length; i++)
        {
            if (i % 4 == 0)
                (words[0], words[1], words[2], words[3]) = Philox4x32.Block(1 + (uint)(i / 4), RandomStream.Augmentation, (uint)draw, (uint)(draw >> 32), seed); // 0 moves
            double level = Math.Round((levels - 1) * (values[i] - image.Low) / range);
            values[i] = (float)(image.Low + range * (level + Philox4x32.Uniform(words[i % 4])) / levels);
        }
    }

    private int Offset(uint word) => (int)((ulong)word * (uint)(2 * Shift + 1) >> 32) - Shift;
}
