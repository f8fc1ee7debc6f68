using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Sampling the models that the repository ships.</summary>
public class ModelSamplingTests
{
    [Fact]
    public void A_model_opens_and_samples_in_three_lines()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        SampleBatch batch = model.Sample(10, new SamplingOptions { Seed = 7, Labels = [3] }).EnsureSuccess();
        Assert.Equal(model.Card.Sample.Shape, batch.Shape);
        Assert.All(batch.Values, pixel => Assert.InRange(pixel, 0, 1));
        Assert.True(batch.Values.Max() > 0.8 && batch.Values.Min() < 0.2); // neither black nor grey
    }

    [Theory]
    [InlineData("digits.onnx")]
    [InlineData("moons.onnx")]
    public void Few_threads_and_little_memory_change_nothing_about_the_samples(string name)
    {
        string path = Repository.Model(name);
        using FlowModel usual = FlowModel.Open(path), single = FlowModel.Open(path, new FlowModelOptions { Processors = 1 }), low = FlowModel.Open(path, new FlowModelOptions { LowMemory = true });
        float[] expected = usual.Sample(300).Values;
        Assert.Equal(expected, single.Sample(300).Values);
        Assert.Equal(expected, low.Sample(300).Values);
    }

    [Fact]
    public void Where_memory_is_short_a_large_sample_is_solved_alone()
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "large.onnx", TinyModel.TimesTime(state: new("x", TinyModel.Float, -1, 3000), velocity: new("v", TinyModel.Float, -1, 3000)), TinyModel.Card with { Sample = new([3000]) });
        using FlowModel usual = FlowModel.Open(path, new FlowModelOptions { Processors = 3 }), low = FlowModel.Open(path, new FlowModelOptions { Processors = 3, LowMemory = true });
        Assert.Equal((3, 8), (usual.LayoutOf(1000).Workers, usual.LayoutOf(1000).Slots));
        Assert.Equal((1, 1), (low.LayoutOf(1000).Workers, low.LayoutOf(1000).Slots));
        Assert.Equal(usual.Sample(3).Values, low.Sample(3).Values);
    }

    [Fact]
    public void A_solve_is_laid_out_on_no_more_threads_than_are_given_and_on_few_rows_where_memory_is_short()
    {
        string path = Repository.Model("digits.onnx");
        using FlowModel three = FlowModel.Open(path, new FlowModelOptions { Processors = 3 }), low = FlowModel.Open(path, new FlowModelOptions { Processors = 3, LowMemory = true });
        SolveLayout usual = three.LayoutOf(100_000), little = low.LayoutOf(100_000);
        Assert.Equal((3, 256), (usual.Workers, usual.Slots));
        Assert.Equal((3, 32), (little.Workers, little.Slots));
        // Bosh3: the velocities of four stages, the state, what the network sees, and scratch; four rows wait for each that is under way.
        Assert.Equal(sizeof(float) * 64L * (3 * 256 * 7 + usual.Window), usual.BufferBytes);
        Assert.Equal(4 * 3 * 256, usual.Window);
        Assert.Equal((2, 7), (three.LayoutOf(1000, three.Defaults with { Workers = 2, Slots = 7 }) is var asked ? (asked.Workers, asked.Slots) : default));
        Assert.Equal((1, 5), (three.LayoutOf(5) is var few ? (few.Workers, few.Slots) : default));
    }

    [Theory]
    [InlineData("digits.onnx", 1.0)]
    [InlineData("digits.onnx", 2.0)]
    [InlineData("moons.onnx", 1.0)]
    public void A_sample_of_a_network_is_the_same_whatever_count_slots_workers_and_threads(string name, double guidance)
    {
        string path = Repository.Model(name);
        using FlowModel model = FlowModel.Open(path), threaded = FlowModel.Open(path, new FlowModelOptions { Threads = 2 });
        SamplingOptions options = new()
        {
            Seed = 5,
            Guidance = guidance,
            Labels = model.Card.Conditions?.Classes is null ? [] : [4, 1, 7],
            Solver = new AdaptiveSteps { RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 },
        };
        SampleBatch[] alone = [.. Enumerable.Range(0, 40).Select(index => model.Sample(1, options with { First = index, Slots = 1, Workers = 1 }))];
        void IsTheSame(SampleBatch batch)
        {
            for (int i = 0; i < batch.Count; i++)
            {
                SampleBatch expected = alone[batch.First + i];
                Assert.True(Solve.SameBits(expected[0], batch[i]), $"sample {batch.First + i} of {batch.Count}");
                Assert.Equal(expected.Evaluations[0], batch.Evaluations[i]);
            }
        }
        Assert.True(alone.DistinctBy(batch => batch.Accepted[0]).Count() > 1); // so that rows move and new samples come in behind others
        foreach ((int slots, int workers) in new[] { (1, 2), (3, 1), (7, 3), (64, 1), (64, 2) })
            IsTheSame(model.Sample(40, options with { Slots = slots, Workers = workers }));
        IsTheSame(model.Sample(40, options));
        IsTheSame(model.Sample(23, options with { First = 9, Slots = 5 }));
        IsTheSame(threaded.Sample(40, options with { Slots = 7, Workers = 2 }));
    }

    [Fact]
    public void Fixed_steps_are_as_independent()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        SamplingOptions options = new() { Solver = new FixedSteps(ButcherTableau.RungeKutta4, 10) };
        SampleBatch all = model.Sample(50, options with { Slots = 16, Workers = 2 });
        for (int i = 0; i < 50; i++)
            Assert.True(Solve.SameBits(all[i], model.Sample(1, options with { First = i })[0]), $"sample {i}");
    }

    [Fact]
    public void A_seed_is_a_run_of_its_own()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        float[] first = model.Sample(5, new SamplingOptions { Seed = 1 }).Values;
        Assert.Equal(first, model.Sample(5, new SamplingOptions { Seed = 1 }).Values);
        Assert.NotEqual(first, model.Sample(5, new SamplingOptions { Seed = 2 }).Values);
    }

    [Fact]
    public void Labels_and_the_null_class_are_other_samples()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        float[][] images = [.. new int[][] { [], [0], [1] }.Select(labels => model.Sample(1, new SamplingOptions { Labels = labels }).Values)];
        Assert.All(new[] { (0, 1), (0, 2), (1, 2) }, pair => Assert.NotEqual(images[pair.Item1], images[pair.Item2]));
    }

    [Fact]
    public void A_finer_tolerance_moves_a_sample_by_less()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        SampleBatch At(double tolerance) => model.Sample(64, new SamplingOptions
        {
            Solver = new AdaptiveSteps { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance },
        }).EnsureSuccess();
        double[] finest = [.. At(1e-6).Values.Select(value => (double)value)];
        double coarse = Solve.RootMeanSquare(At(1e-2).Values, finest, 2), fine = Solve.RootMeanSquare(At(1e-4).Values, finest, 2);
        Assert.InRange(fine, 0, 0.1 * coarse);
        Assert.InRange(coarse, 1e-6, 0.1);
    }

    [Fact]
    public void Eight_threads_on_one_model_sample_what_one_does()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        SamplingOptions Options(int thread) => new() { Seed = (ulong)thread, Labels = [thread % 10], Slots = 4, Workers = 1 + thread % 2 };
        float[][] expected = [.. Enumerable.Range(0, 8).Select(thread => model.Sample(8, Options(thread)).Values)];

        float[][] actual = new float[8][];
        Thread[] threads = [.. Enumerable.Range(0, 8).Select(thread => new Thread(() => actual[thread] = model.Sample(8, Options(thread)).Values))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal(expected, actual);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(10)] // the null class of the digits is no label to ask for
    [InlineData(int.MaxValue)]
    public void A_label_that_is_no_class_is_refused_with_the_range(int label)
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        var error = Assert.Throws<ArgumentException>(() => model.Sample(1, new SamplingOptions { Labels = [3, label] }));
        Assert.Contains($"label {label}", error.Message);
        Assert.Contains($"0 to {model.Card.Conditions!.Classes!.Names.Count - 1}", error.Message);
    }

    [Fact]
    public void Labels_or_guidance_on_a_model_without_classes_are_refused()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        Assert.Contains("no classes", Assert.Throws<ArgumentException>(() => model.Sample(1, new SamplingOptions { Labels = [0] })).Message);
        Assert.Contains("no classes", Assert.Throws<ArgumentException>(() => model.Sample(1, new SamplingOptions { Guidance = 2 })).Message);
    }

    [Fact]
    public void Guidance_without_a_label_or_without_a_null_class_is_refused()
    {
        using var folder = new TemporaryFolder();
        byte[] onnx = TinyModel.TimesTimePlusTable(new float[6]);
        using FlowModel model = FlowModel.Open(TinyModel.Write(folder, "model.onnx", onnx, TinyModel.ClassesCard));
        Assert.Contains("give labels", Assert.Throws<ArgumentException>(() => model.Sample(1, new SamplingOptions { Guidance = 2 })).Message);

        FlowCard card = TinyModel.ClassesCard with { Conditions = new(new ClassesCard("label", ["a", "b"])) };
        using FlowModel withoutNull = FlowModel.Open(TinyModel.Write(folder, "other.onnx", onnx, card));
        Assert.Contains("no null class", Assert.Throws<ArgumentException>(() => withoutNull.Sample(1, new SamplingOptions { Guidance = 2, Labels = [0] })).Message);
        Assert.Contains("give a label", Assert.Throws<ArgumentException>(() => withoutNull.Sample(1)).Message);
        Assert.Equal(0, withoutNull.Sample(1, new SamplingOptions { Labels = [1] }).Failed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public void A_count_below_1_is_refused(int count)
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Sample(count));
    }

    [Fact]
    public void A_model_tells_its_path_and_its_card()
    {
        string path = Repository.Model("moons.onnx");
        using FlowModel model = FlowModel.Open(path);
        Assert.Equal(path, model.Path);
        Assert.Equal(CardFile.ToJson(CardFile.Read(path)), CardFile.ToJson(model.Card));
        Assert.Equal(model.Card.Sample.Shape.Aggregate(1, (product, size) => product * size), model.Field.Dimension);
    }
}
