using FlowRuntime.Cards;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// Latent models: v = t x on pairs, a decoder that makes images [1, 2, 2] of them by a matrix, x D, and an encoder that undoes it, x E with D E = I.
/// </summary>
public sealed class LatentModelTests : IDisposable
{
    private const double Scale = 0.5, Shift = 0.25;

    private static readonly float[] D = [1, 0, 1, 0, 0, 2, 0, 0];
    private static readonly float[] E = [0.5f, 0, 0, 0.5f, 0.5f, 0, 0, 0];
    private static readonly float[] WithVariance = [0.5f, 0, 7, 7, 0, 0.5f, 7, 7, 0.5f, 0, 7, 7, 0, 0, 7, 7];
    private static readonly FlowCard Card = TinyModel.Card with { Latent = new("decoder.onnx", "encoder.onnx", Scale, Shift), Data = new(new ImageCard(-40, 40), Mean: [0], Scale: [1]) };

    private readonly TemporaryFolder _folder = new();

    public LatentModelTests()
    {
        _folder.File("decoder.onnx", Linear("z", [-1, 2], [2, 4], D, [-1, 1, 2, 2]));
        _folder.File("encoder.onnx", Linear("image", [-1, 1, 2, 2], [4, 2], E, [-1, 2]));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Samples_are_decoded_and_then_in_the_datas_own_units()
    {
        using FlowModel latents = Open(TinyModel.Card), model = Open(Card);
        SamplingOptions options = new() { Seed = 4, TrajectoryTimes = [0.5, 1] };
        SampleBatch z = latents.Sample(6, options).EnsureSuccess(), images = model.Sample(6, options).EnsureSuccess();
        Assert.Equal([1, 2, 2], model.Shape);
        Assert.Equal([1, 2, 2], images.Shape);
        for (int i = 0; i < 6; i++)
        {
            AssertImage(z[i], images[i]);
            AssertImage(z.Trajectories.AsSpan(4 * i, 2), images.Trajectories.AsSpan(8 * i, 4));
        }

        static void AssertImage(Span<float> z, Span<float> image)
        {
            (double a, double b) = (z[0] / Scale + Shift, z[1] / Scale + Shift);
            double[] expected = [a, 2 * b, a, 0];
            for (int i = 0; i < 4; i++)
                Assert.Equal((expected[i] + 40) / 80, image[i], 1e-5);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Data_are_encoded_before_they_are_carried_to_noise(bool withVariance)
    {
        if (withVariance) // the first half of what comes out is the mean
            _folder.File("encoder.onnx", Linear("image", [-1, 1, 2, 2], [4, 4], WithVariance, [-1, 4]));
        using FlowModel model = Open(Card);
        SampleBatch images = model.Sample(5, new SamplingOptions { Solver = new Ode.AdaptiveSteps { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 } }).EnsureSuccess();
        SampleBatch noise = model.Encode(images.Values).EnsureSuccess();
        Assert.Equal([2], noise.Shape);
        float[] expected = new float[2];
        for (int i = 0; i < 5; i++)
        {
            Noise.Fill(0, i, expected);
            for (int j = 0; j < 2; j++)
                Assert.Equal(expected[j], noise[i][j], 1e-3);
        }
        float[] back = model.Decode(noise.Values).EnsureSuccess().Values;
        for (int i = 0; i < back.Length; i++)
            Assert.Equal(images.Values[i], back[i], 1e-4);
    }

    [Fact]
    public void Without_an_encoder_data_are_refused()
    {
        using FlowModel model = Open(Card with { Latent = Card.Latent! with { Encoder = null } });
        Assert.Contains("latent.encoder", Assert.Throws<NotSupportedException>(() => model.Encode(new float[4])).Message, StringComparison.Ordinal);
        Assert.Equal(0, model.Sample(2).Failed);
    }

    [Fact]
    public void Latents_have_no_density_of_the_data()
    {
        using FlowModel model = Open(Card with { Outputs = new("v", "divergence") });
        Assert.Contains("latents", Assert.Throws<NotSupportedException>(() => model.LogLikelihood(new float[4])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_decoder_or_encoder_that_does_not_fit_is_told_by_its_file()
    {
        _folder.File("wide.onnx", Linear("z", [-1, 3], [3, 4], new float[12], [-1, 4]));
        _folder.File("two.onnx", TinyModel.TimesTime());
        Refused("wide.onnx: the network fails for one sample of [2]", Card with { Latent = Card.Latent! with { Decoder = "wide.onnx" } });
        Refused("two.onnx: a decoder or encoder has one input, and this graph has t, x", Card with { Latent = Card.Latent! with { Decoder = "two.onnx" } });
        Refused("none.onnx: there is no such file, which the card names in 'latent.encoder'", Card with { Latent = Card.Latent! with { Encoder = "none.onnx" } });
        Refused("wide.onnx", Card with { Latent = Card.Latent! with { Encoder = "wide.onnx" } });
        Refused("'data.columns.names'", Card with { Data = new(Columns: new(["a"], [0], [1])) });
    }

    [Theory, InlineData("../decoder.onnx"), InlineData("/tmp/decoder.onnx"), InlineData(".."), InlineData("")]
    public void A_decoder_lies_in_the_models_own_folder(string file) =>
        Assert.Contains("'latent.decoder'", Assert.Throws<InvalidDataException>(() => Open(Card with { Latent = new(file) })).Message, StringComparison.Ordinal);

    private void Refused(string expected, FlowCard card) => Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => Open(card)).Message, StringComparison.Ordinal);

    /// <summary>A network that flattens its input, multiplies by a matrix and gives the result a shape.</summary>
    private static byte[] Linear(string input, int[] shape, int[] matrix, float[] values, long[] output) => TinyModel.Model(
        [new(input, TinyModel.Float, shape)],
        [new("out", TinyModel.Float) { HasShape = false }],
        [TinyModel.Node("Reshape", [input, "flat"], "rows"), TinyModel.Node("MatMul", ["rows", "m"], "product"), TinyModel.Node("Reshape", ["product", "shape"], "out")],
        [TinyModel.Ints("flat", -1, matrix[0]), TinyModel.Floats("m", matrix, values), TinyModel.Ints("shape", output)]);

    private FlowModel Open(FlowCard card) => FlowModel.Open(TinyModel.Write(_folder, $"{Guid.NewGuid():N}.onnx", TinyModel.TimesTime(), card));
}
