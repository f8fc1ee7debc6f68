using FlowRuntime.Fields;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.Training.Tests.Data;

/// <summary>Random changes of images, seen in the batches that are drawn.</summary>
public class AugmentationTests
{
    private const int Height = 4, Width = 5;

    /// <summary>Two channels, each pixel its own number.</summary>
    private static readonly float[] Image = [.. Enumerable.Range(0, 2 * Height * Width).Select(i => (float)i)];

    private static readonly Dataset One = new("one", [2, Height, Width], Image, new());

    [Fact]
    public void Every_image_is_the_first_one_mirrored_or_not_and_moved_with_its_edge_repeated()
    {
        foreach (float[] drawn in Draw(new() { Flip = true, Shift = 2 }, step: 0, rows: 500))
            Assert.Single(Everything(2), candidate => candidate.Pixels.SequenceEqual(drawn));
    }

    [Fact]
    public void Mirrored_and_not_and_every_move_are_equally_frequent()
    {
        const int Rows = 50_000;
        var candidates = Everything(1);
        Dictionary<string, (bool, int, int)> named = candidates.ToDictionary(c => string.Join(' ', c.Pixels), c => (c.Mirrored, c.Down, c.Right));
        var counts = Draw(new() { Flip = true, Shift = 1 }, step: 3, Rows).CountBy(drawn => named[string.Join(' ', drawn)]).ToDictionary();
        Assert.Equal(18, counts.Count); // 2 · 3 · 3
        double expected = Rows / 18.0, deviation = Math.Sqrt(expected * (1 - 1 / 18.0));
        Assert.All(counts.Values, count => Assert.InRange(count, expected - 4.5 * deviation, expected + 4.5 * deviation));
    }

    [Fact]
    public void Only_what_is_asked_for_is_done()
    {
        Assert.All(Draw(new(), 0, 50), drawn => Assert.Equal(Image, drawn));
        Assert.Equal(2, Draw(new() { Flip = true }, 0, 50).DistinctBy(drawn => string.Join(' ', drawn)).Count());
        Assert.All(Draw(new() { Shift = 1 }, 0, 200), drawn => Assert.True(drawn[1] >= drawn[0])); // a mirrored row falls
    }

    [Fact]
    public void A_level_becomes_a_point_of_its_interval_with_every_part_equally_likely()
    {
        const int Levels = 5, Rows = 4_000;
        float[] row = [.. Enumerable.Range(0, Levels).Select(k => -1 + 2 * k / (Levels - 1f))];
        var data = new Dataset("levels", [1, 1, Levels], row, new(Image: new(-1, 1)));
        TrainingBatch batch = new ConditionalFlowMatching(data, new FlowMatchingOptions { Augmentation = new() { Levels = Levels } }, 1).Draw(0, Rows);
        float[][] parts = [.. Data(batch, Levels).Chunk(Levels).Select(values => values.Select((value, k) => (value + 1) / 2 * Levels - k).ToArray())];
        for (int k = 0; k < Levels; k++)
        {
            double[] sorted = [.. parts.Select(part => (double)part[k]).Order()];
            Assert.All(sorted, part => Assert.InRange(part, -1e-5, 1 + 1e-5));
            Assert.True(sorted.Select((part, i) => Math.Abs(part - (i + 0.5) / Rows)).Max() < 1.95 / Math.Sqrt(Rows)); // Kolmogorov, 1 in 1,000
        }
        Assert.InRange(Enumerable.Range(0, Rows).Average(i => (parts[i][0] - 0.5) * (parts[i][4] - 0.5)), -0.004, 0.004); // 3 deviations of the mean
    }

    [Fact]
    public void A_draw_is_a_function_of_seed_step_and_row_and_of_no_thread()
    {
        var augmentation = new Augmentation { Flip = true, Shift = 2 };
        ConditionalFlowMatching objective = Objective(augmentation, seed: 1);
        TrainingBatch[] ahead = new TrainingBatch[20];
        Parallel.For(0, 20, step => ahead[19 - step] = objective.Draw(19 - step, 16));
        for (int step = 0; step < 20; step++)
            Assert.Equal(Objective(augmentation, seed: 1).Draw(step, 16).Targets, ahead[step].Targets);
        Assert.NotEqual(Data(Objective(augmentation, seed: 2).Draw(0, 16)), Data(ahead[0]));
        Assert.NotEqual(Data(ahead[1]), Data(ahead[0]));
    }

    [Fact]
    public void Noise_times_and_rows_are_those_of_the_images_unchanged()
    {
        TrainingBatch plain = Objective(new(), 1).Draw(2, 64), changed = Objective(new() { Flip = true, Shift = 1 }, 1).Draw(2, 64);
        Assert.Equal(plain.Times, changed.Times);
        float[][] before = Noise(plain), after = Noise(changed);
        for (int row = 0; row < 64; row++)
            Assert.Equal(before[row], after[row], (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void Batches_that_are_paired_together_hold_the_same_changed_images()
    {
        var augmentation = new Augmentation { Flip = true, Shift = 1 };
        var coupled = new ConditionalFlowMatching(One, new FlowMatchingOptions { Augmentation = augmentation, Coupling = new OptimalTransportCoupling(), CouplingBatches = 3 }, 1);
        for (int step = 0; step < 6; step++)
            Assert.Equal(Rounded(Data(Objective(augmentation, 1).Draw(step, 16))), Rounded(Data(coupled.Draw(step, 16))));
    }

    [Fact]
    public void What_cannot_be_augmented_is_refused_with_the_cure()
    {
        var flip = new Augmentation { Flip = true };
        Assert.Contains("[2] are no images", Assert.Throws<ArgumentException>(() => flip.Check([2], null)).Message, StringComparison.Ordinal);
        Assert.Contains("Give at most 3", Assert.Throws<ArgumentException>(() => new Augmentation { Shift = 4 }.Check([1, 4, 9], null)).Message, StringComparison.Ordinal);
        new Augmentation { Shift = 3 }.Check([1, 4, 9], null);
        new Augmentation().Check([2], null);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Augmentation { Shift = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new Augmentation { Levels = 1 });
        Assert.Contains("leave augmentation.levels out", Assert.Throws<ArgumentException>(() => new Augmentation { Levels = 256 }.Check([1, 4, 9], null)).Message, StringComparison.Ordinal);
        var oracle = new FlowMatchingOptions { Augmentation = flip, Oracle = GaussianMixture.OfRows(Image.Length, Image) };
        Assert.Contains("Leave out one of the two", Assert.Throws<ArgumentException>(oracle.Check).Message, StringComparison.Ordinal);
    }

    /// <summary>All that may become of the image: by the definition, pixel by pixel.</summary>
    private static (bool Mirrored, int Down, int Right, float[] Pixels)[] Everything(int shift) =>
        [.. from mirrored in (bool[])[false, true]
            from down in Enumerable.Range(-shift, 2 * shift + 1)
            from right in Enumerable.Range(-shift, 2 * shift + 1)
            select (mirrored, down, right, Moved(mirrored, down, right))];

    private static float[] Moved(bool mirrored, int down, int right)
    {
        float[] moved = new float[Image.Length];
        for (int channel = 0; channel < 2; channel++)
        {
            for (int y = 0; y < Height; y++)
            {
                for (int x = 0; x < Width; x++)
                {
                    int fromY = Math.Max(0, Math.Min(Height - 1, y - down)), fromX = Math.Max(0, Math.Min(Width - 1, x - right));
                    moved[(channel * Height + y) * Width + x] = Image[(channel * Height + fromY) * Width + (mirrored ? Width - 1 - fromX : fromX)];
                }
            }
        }
        return moved;
    }

    private static ConditionalFlowMatching Objective(Augmentation augmentation, ulong seed) => new(One, new FlowMatchingOptions { Augmentation = augmentation }, seed);

    private static IEnumerable<float[]> Draw(Augmentation augmentation, long step, int rows) =>
        Rounded(Data(Objective(augmentation, seed: 1).Draw(step, rows))).Chunk(Image.Length);

    /// <summary>x1 = x_t + (1 − t)(x1 − x0).</summary>
    private static float[] Data(TrainingBatch batch) => Data(batch, Image.Length);

    private static float[] Data(TrainingBatch batch, int dimension) =>
        [.. batch.States.Select((state, i) => state + (1 - batch.Times[i / dimension]) * batch.Targets[i])];

    private static float[] Rounded(float[] values) => [.. values.Select(value => MathF.Round(value) + 0f)]; // no −0

    private static float[][] Noise(TrainingBatch batch) =>
        [.. batch.States.Select((state, i) => state - batch.Times[i / Image.Length] * batch.Targets[i]).Chunk(Image.Length)];
}
