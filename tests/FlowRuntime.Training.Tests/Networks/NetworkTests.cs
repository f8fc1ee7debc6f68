using FlowRuntime.Cards;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Networks;

/// <summary>What every kind of network keeps.</summary>
public sealed class NetworkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-networks").FullName;

    private string Model => Path.Combine(_folder, "model.onnx");

    public static TheoryData<string> Kinds => NetworkSizes.Kinds;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Kinds))]
    public void The_exported_network_is_the_trained_one_and_its_rows_are_independent(string kind)
    {
        foreach ((int classes, int vectorLength) in new[] { (0, 0), (3, 0), (0, 2), (3, 5) })
        {
            using VelocityNetwork network = NetworkSizes.Random(kind, classes, vectorLength: vectorLength);
            ExportParity parity = OnnxExporter.Export(network, Card(network), Model);
            Assert.InRange(parity.MaxRelativeDifference, 1e-12, 1e-5);
            Assert.True(parity.RowsIndependent);
        }
    }

    public static TheoryData<NetworkOptions, int[]> AwkwardSizes => new()
    {
        { new UNetOptions { Width = 6, Multipliers = [1, 3], Groups = 3, Heads = 1 }, [1, 6, 10] },
        { new UNetOptions { Width = 5, Multipliers = [1], Groups = 5, Heads = 5 }, [3, 7, 3] },
        { new DitOptions { Width = 12, Heads = 3, Patch = 3, Blocks = 1 }, [3, 9, 3] },
        { new DitOptions { Width = 20, Heads = 4, Patch = 1, Blocks = 1 }, [1, 5, 5] },
    };

    [Theory, MemberData(nameof(AwkwardSizes))]
    public void Rows_are_independent_also_where_nothing_is_a_multiple_of_a_vector(NetworkOptions options, int[] shape)
    {
        using VelocityNetwork network = Trainer.Seeded(4, () => NetworkSizes.Randomised(options.Make(shape, 2)));
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model);
        Assert.InRange(parity.MaxRelativeDifference, 1e-12, 1e-5);
        Assert.True(parity.RowsIndependent);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_fresh_network_is_the_zero_field(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Fresh(kind, classes: 3);
        Assert.All(Velocities(network, [0, 1, 2, 3]), value => Assert.Equal(0, value));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_class_and_no_class_have_a_field_of_their_own(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, classes: 3);
        float[][] fields = [.. Enumerable.Range(0, 4).Select(label => Velocities(network, [label]))];
        Assert.Equal(3, network.NullLabel);
        for (int a = 0; a < 4; a++)
        {
            for (int b = 0; b < a; b++)
                Assert.NotEqual(fields[a], fields[b]);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_divergence_under_a_vector_is_that_of_the_trained_network(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, vectorLength: 3);
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Hutchinson);
        Assert.InRange(parity.DivergenceDifference!.Value, 1e-12, 1e-5);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_vector_and_no_vector_have_a_field_of_their_own(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, vectorLength: 2);
        float none = VelocityNetwork.NullVector;
        float[][] fields = [.. new float[][] { [0, 0], [1, 0], [0, 1], [-40, 40], [none, none] }.Select(vector => Velocities(network, [0], vector))];
        for (int a = 0; a < fields.Length; a++)
        {
            for (int b = 0; b < a; b++)
                Assert.NotEqual(fields[a], fields[b]);
        }
    }

    [Fact]
    public void No_vector_is_the_learnt_embedding_of_none_and_a_given_one_owes_it_nothing()
    {
        const int width = 32;
        var condition = Trainer.Seeded(8, () => new ConditionEmbedding(width, frequencies: 4, classes: 0, vectorLength: 2));
        Tensor none = condition.named_parameters().Single(named => named.name == "_noVector").parameter;
        float[] Of(float first, float second) => condition.Forward(TorchOps.Instance, zeros(1), new(Vector: tensor(new[] { first, second }).reshape(1, 2))).data<float>().ToArray();
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        float[] given = Of(0.5f, -3), without = Of(VelocityNetwork.NullVector, VelocityNetwork.NullVector);
        none.add_(1);
        Assert.Equal(given, Of(0.5f, -3));
        Assert.NotEqual(without, Of(VelocityNetwork.NullVector, VelocityNetwork.NullVector));
        without = Of(VelocityNetwork.NullVector, VelocityNetwork.NullVector);
        foreach (var named in condition.named_parameters().Where(named => named.name.StartsWith("_vector", StringComparison.Ordinal)))
            named.parameter.mul_(2);
        Assert.Equal(without, Of(VelocityNetwork.NullVector, VelocityNetwork.NullVector));
        Assert.NotEqual(given, Of(0.5f, -3));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Gradients_reach_every_parameter(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, classes: 3, vectorLength: 2);
        using var scope = NewDisposeScope();
        (Tensor t, Tensor x) = Inputs(network, 4);
        network.Forward(TorchOps.Instance, t, x, new(tensor(new long[] { 0, 1, 2, 3 }), tensor(new[] { 1, 2, 3, 4, 5, 6, VelocityNetwork.NullVector, VelocityNetwork.NullVector }).reshape(4, 2))).square().sum().backward();
        Assert.All(network.named_parameters(), named => Assert.True(named.parameter.grad?.abs().sum().item<float>() > 0, named.name));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_value_of_the_velocity_depends_on_time_and_on_some_other_value_of_the_state(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind);
        using var scope = NewDisposeScope();
        (Tensor t, Tensor x) = Inputs(network, 1);
        t.requires_grad_();
        x.requires_grad_();
        Tensor velocity = network.Forward(TorchOps.Instance, t, x).flatten();
        for (int i = 0; i < network.Dimension; i += 7)
        {
            IList<Tensor> slopes = autograd.grad([velocity[i]], [t, x], retain_graph: true);
            Assert.NotEqual(0, slopes[0].item<float>());
            Assert.True(slopes[1].count_nonzero().item<long>() > 1);
        }
    }

    [Theory, InlineData("unet"), InlineData("unet of two blocks")]
    public void Group_norms_start_with_ones_and_zeros(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Fresh(kind);
        GroupNorm[] norms = [.. network.modules().OfType<GroupNorm>()];
        Assert.True(norms.Length > 8);
        Assert.All(norms, norm => Assert.All(norm.weight!.data<float>().ToArray(), weight => Assert.Equal(1, weight)));
        Assert.All(norms, norm => Assert.All(norm.bias!.data<float>().ToArray(), shift => Assert.Equal(0, shift)));
    }

    [Fact]
    public void Images_whose_sides_halve_to_odd_numbers_go_through_a_u_net()
    {
        using VelocityNetwork network = Trainer.Seeded(0, () => new UNetNetwork([1, 28, 12], 0, new UNetOptions { Width = 8, Groups = 4 })); // 14 × 6, 7 × 3
        Assert.Equal(28 * 12, Velocities(network, [0]).Length);
    }

    [Theory]
    [InlineData(new[] { 2 }, "takes images [C, H, W]; these states are [2]")]
    [InlineData(new[] { 1, 28, 30 }, "both sides must be multiples of 4; these are 28×30. Give fewer multipliers.")]
    public void A_u_net_refuses_states_it_cannot_halve(int[] shape, string message)
    {
        var e = Assert.Throws<ArgumentException>(() => new UNetNetwork(shape, 0, new UNetOptions()));
        Assert.Contains(message, e.Message);
    }

    [Fact]
    public void Options_that_do_not_go_together_are_refused_with_their_numbers()
    {
        void Refused(NetworkOptions options, string message) => Assert.Contains(message, Assert.Throws<ArgumentException>(() => options.CheckFor([1, 8, 8])).Message);

        Refused(new UNetOptions { Width = 20 }, "The width 20 cannot be parted into 8 groups");
        Refused(new UNetOptions { Width = 24, Multipliers = [1], Heads = 5 }, "24 channels cannot be parted into 5 heads");
        Refused(new DitOptions { Patch = 3 }, "Images of 8×8 cannot be cut into patches of 3×3");
        Refused(new DitOptions { Width = 100, Heads = 3 }, "The width 100 is not a multiple of 4 and of the 3 heads");
        new UNetOptions { Width = 24, Multipliers = [1], Heads = 5, AttentionLevels = 0 }.CheckFor([1, 8, 8]);
        Assert.Contains("Give 1 to 8 whole numbers", Assert.Throws<ArgumentOutOfRangeException>(() => new UNetOptions { Multipliers = [1, 0] }).Message);
        Assert.Contains("from 1 to 100", Assert.Throws<ArgumentOutOfRangeException>(() => new UNetOptions { Blocks = 0 }).Message);
        Assert.Contains("from 4 to 8192", Assert.Throws<ArgumentOutOfRangeException>(() => new DitOptions { Width = 0 }).Message);
    }

    [Fact]
    public void Attention_is_the_mean_of_the_values_weighted_by_the_softmax_of_scaled_products()
    {
        using var scope = NewDisposeScope();
        const int count = 5, width = 6, heads = 2, size = width / heads;
        SelfAttention attention = Trainer.Seeded(1, () => new SelfAttention(width, heads));
        Tensor tokens = Trainer.Seeded(2, () => randn(1, count, width));
        Linear Layer(string name) => (Linear)attention.named_modules().Single(module => module.name.EndsWith(name, StringComparison.Ordinal)).module;
        float[,] Rows(string name)
        {
            float[] flat = Layer(name).forward(tokens).data<float>().ToArray();
            float[,] rows = new float[count, width];
            Buffer.BlockCopy(flat, 0, rows, 0, sizeof(float) * flat.Length);
            return rows;
        }

        (float[,] q, float[,] k, float[,] v) = (Rows("query"), Rows("key"), Rows("value"));
        float[] taken = new float[count * width];
        for (int i = 0; i < count; i++)
        {
            for (int c = 0; c < width; c++)
            {
                double[] weights = [.. Enumerable.Range(0, count).Select(j =>
                    Math.Exp(Enumerable.Range(c / size * size, size).Sum(e => (double)q[i, e] * k[j, e]) / Math.Sqrt(size)))];
                taken[i * width + c] = (float)(Enumerable.Range(0, count).Sum(j => weights[j] * v[j, c]) / weights.Sum());
            }
        }
        float[] expected = Layer("output").forward(tensor(taken).reshape(1, count, width)).data<float>().ToArray();
        float[] found = attention.Forward(TorchOps.Instance, tokens).data<float>().ToArray();
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], 1e-5);
    }

    [Fact]
    public void A_transformer_knows_where_a_patch_lies()
    {
        // The field of an image of equal patches is not one of equal patches.
        using VelocityNetwork network = NetworkSizes.Random("dit", shape: [1, 4, 4]);
        using var scope = NewDisposeScope();
        Tensor velocity = network.Forward(TorchOps.Instance, zeros(1), ones(1, 1, 4, 4));
        float[] corners = [.. new[] { (0, 0), (0, 2), (2, 0), (2, 2) }.Select(at => velocity[0, 0, at.Item1, at.Item2].item<float>())];
        Assert.Equal(4, corners.Distinct().Count());
    }

    [Fact]
    public void A_convolution_layer_that_has_no_graph_is_refused()
    {
        ITensorOps<Tensor> ops = TorchOps.Instance;
        using var scope = NewDisposeScope();
        Conv2d dilated = Trainer.Seeded(0, () => nn.Conv2d(2, 2, 3, dilation: 2)), grouped = Trainer.Seeded(0, () => nn.Conv2d(2, 2, 3, groups: 2));
        Assert.Throws<NotSupportedException>(() => ops.Convolution(zeros(1, 2, 8, 8), dilated));
        Assert.Throws<NotSupportedException>(() => ops.Convolution(zeros(1, 2, 8, 8), grouped));
    }

    private static (Tensor T, Tensor X) Inputs(VelocityNetwork network, int rows)
    {
        long[] shape = [rows, .. network.Shape.Select(size => (long)size)];
        return (linspace(0.1, 0.9, rows), Trainer.Seeded(5, () => randn(shape)));
    }

    private static float[] Velocities(VelocityNetwork network, long[] labels, float[]? vector = null)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        (Tensor t, Tensor x) = Inputs(network, labels.Length);
        return network.Forward(TorchOps.Instance, t, x, new(network.Classes > 0 ? tensor(labels) : null, vector is null ? null : tensor(vector).reshape(1, -1))).data<float>().ToArray();
    }

    private static FlowCard Card(VelocityNetwork network) => new(
        FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), new PathCard(PathKind.ConditionalOt), new SampleCard(network.Shape),
        OnnxExporter.Inputs, OnnxExporter.Outputs,
        Conditions: OnnxExporter.ConditionsOf(network.Classes == 0 ? null : [.. Enumerable.Range(0, network.Classes).Select(i => $"{i}")],
            network.VectorLength == 0 ? null : new ColumnsCard([.. Enumerable.Range(0, network.VectorLength).Select(i => $"c{i}")], [.. Enumerable.Repeat(0.25, network.VectorLength)], [.. Enumerable.Repeat(3.0, network.VectorLength)])));
}
