using FlowRuntime.Cards;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Onnx;
using FlowRuntime.Training.Onnx.Proto;
using FlowRuntime.Training.Tests.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using DataType = FlowRuntime.Training.Onnx.Proto.TensorProto.Types.DataType;

namespace FlowRuntime.Training.Tests;

/// <summary>Files whose weights are stored in float16 and int8.</summary>
public sealed class WeightPrecisionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-precision").FullName;

    private string Model => Path.Combine(_folder, "model.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, WeightPrecision> Cases
    {
        get
        {
            var cases = new TheoryData<string, WeightPrecision>();
            foreach (string kind in (string[])["mlp", "unet", "dit"])
            {
                cases.Add(kind, WeightPrecision.Float16);
                cases.Add(kind, WeightPrecision.Int8);
            }
            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_graph_computes_the_network_of_rounded_weights_and_its_rows_are_independent(string kind, WeightPrecision precision)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, classes: 3);
        float[] before = Values(network);
        OnnxExporter.Export(network, Card(network), Model, precision: precision);
        Assert.Equal(before, Values(network));
        Assert.InRange(ExportCheck.Compare(network, Model).MaxRelativeDifference, 1e-4, 0.3); // not the network itself

        foreach (Tensor weight in LargeWeights(network).Values)
            Round(weight, precision);
        ExportParity parity = ExportCheck.Compare(network, Model);
        Assert.InRange(parity.MaxRelativeDifference, 0, 1e-5);
        Assert.True(parity.RowsIndependent);
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_file_holds_large_weights_rounded_and_all_else_in_float32(string kind, WeightPrecision precision)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, classes: 40); // so many that their embedding is no small tensor
        OnnxExporter.Export(network, Card(network), Model, precision: precision);
        TensorProto[] stored = [.. ModelProto.Parser.ParseFrom(File.ReadAllBytes(Model)).Graph.Initializer];
        Dictionary<string, Tensor> large = LargeWeights(network);
        Assert.True(large.Count > 4);

        (DataType type, int bytes, string suffix) = precision == WeightPrecision.Float16 ? (DataType.Float16, 2, ".float16") : (DataType.Int8, 1, ".int8");
        TensorProto[] rounded = [.. stored.Where(tensor => tensor.DataType == (int)type)];
        Assert.Equal(large.Keys.Order(), rounded.Select(tensor => tensor.Name[..^suffix.Length]).Order());
        foreach (TensorProto tensor in rounded)
        {
            Tensor weight = large[tensor.Name[..^suffix.Length]];
            Assert.Equal(weight.shape, tensor.Dims);
            Assert.Equal(bytes * weight.numel(), tensor.RawData.Length);
            if (precision == WeightPrecision.Int8)
                Assert.Equal(4 * weight.shape[0], stored.Single(other => other.Name == tensor.Name[..^suffix.Length] + ".scale").RawData.Length);
        }
        Assert.All(stored.Except(rounded), tensor => Assert.Contains((DataType)tensor.DataType, (DataType[])[DataType.Float, DataType.Int64]));
        Assert.Contains(stored, tensor => tensor.Name.EndsWith("condition.label", StringComparison.Ordinal) && tensor.DataType == (int)DataType.Float && tensor.RawData.Length >= 4096);
        Assert.DoesNotContain(stored, tensor => large.ContainsKey(tensor.Name)); // not once more in float32
    }

    [Theory, InlineData(DivergenceKind.Exact), InlineData(DivergenceKind.Hutchinson)]
    public void A_divergence_is_that_of_the_rounded_weights_and_shares_them(DivergenceKind kind)
    {
        using VelocityNetwork network = NetworkSizes.Random("mlp", shape: [3]);
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model, kind, WeightPrecision.Int8);
        Assert.InRange(parity.DivergenceDifference!.Value, 0, 1e-5);
        Assert.True(parity.RowsIndependent);
        GraphProto graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Model)).Graph;
        Assert.Equal(LargeWeights(network).Count, graph.Node.Count(node => node.OpType == "Cast"));
        foreach (Tensor weight in LargeWeights(network).Values)
            Round(weight, WeightPrecision.Int8);
        Assert.InRange(ExportCheck.Compare(network, Model).DivergenceDifference!.Value, 0, 1e-5);
    }

    [Fact]
    public void An_int8_weight_is_off_by_at_most_half_its_channels_scale()
    {
        const int channels = 7, size = 301;
        float[] weight = new float[channels * size];
        Noise.Fill(0, 0, weight, stream: 99);
        for (int i = 0; i < weight.Length; i++)
            weight[i] *= MathF.Pow(10, i / size - 3); // each channel of another size
        Int8Weight rounded = Int8Weight.Of(weight, channels);
        float[] restored = rounded.Restored();
        for (int i = 0; i < weight.Length; i++)
            Assert.InRange(Math.Abs((double)restored[i] - weight[i]), 0, 0.5000001 * rounded.Scales[i / size]);
        for (int channel = 0; channel < channels; channel++)
        {
            Assert.Equal(weight.Skip(channel * size).Take(size).Max(MathF.Abs) / 127.0, rounded.Scales[channel], 1e-6 * rounded.Scales[channel]);
            Assert.Equal(127, rounded.Values.Skip(channel * size).Take(size).Max(value => Math.Abs((int)value)));
        }
    }

    [Fact]
    public void Channels_of_zeros_stay_zero_and_constant_ones_constant()
    {
        float[] weight = [0, 0, 0, -0.3f, -0.3f, -0.3f, 1e-45f, 0, -1e-40f, 3e38f, -3e38f, 1e30f, 5, float.NaN, 1];
        float[] restored = Int8Weight.Of(weight, 5).Restored();
        Assert.All(Int8Weight.Of(weight.AsSpan(0, 12), 4).Scales, scale => Assert.True(scale > 0 && float.IsFinite(scale)));
        Assert.Equal([0, 0, 0], restored[..3]);
        Assert.All(restored[3..6], value => Assert.Equal(-0.3f, value, 1e-7f));
        Assert.Equal([0, 0, 0], restored[6..9]); // too small to have a scale
        Assert.Equal(3e38, restored[9], 1e32);
        Assert.Equal([-restored[9], 0], restored[10..12]);
        Assert.All(restored[12..], value => Assert.True(float.IsNaN(value))); // broken weights stay broken, and are found
    }

    [Fact]
    public void A_network_with_a_channel_of_zeros_is_exported()
    {
        using VelocityNetwork network = NetworkSizes.Random("mlp");
        using (no_grad())
            LargeWeights(network).First().Value[5].zero_();
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model, precision: WeightPrecision.Int8);
        Assert.InRange(parity.MaxRelativeDifference, 0, 1e-5);
    }

    [Fact]
    public void A_weight_beyond_float16_is_refused_by_name_and_int8_takes_it()
    {
        using VelocityNetwork network = NetworkSizes.Random("mlp");
        (string name, Tensor weight) = LargeWeights(network).First();
        using (no_grad())
            weight[0, 0].fill_(-70_000);
        var e = Assert.Throws<InvalidDataException>(() => OnnxExporter.Export(network, Card(network), Model, precision: WeightPrecision.Float16));
        Assert.Equal($"The weight {name} holds -7E+04, beyond float16's 65504. Store the weights as float32 or int8.", e.Message);
        Assert.Empty(Directory.GetFiles(_folder));
        OnnxExporter.Export(network, Card(network), Model, precision: WeightPrecision.Int8);
    }

    [Theory]
    [InlineData(WeightPrecision.Float32, "float32, and an ONNX file holds no more. Store the weights in float16 or int8, or make the network smaller.")]
    [InlineData(WeightPrecision.Float16, "float16, and an ONNX file holds no more. Store the weights in int8, or make the network smaller.")]
    [InlineData(WeightPrecision.Int8, "int8, and an ONNX file holds no more. Make the network smaller.")]
    public void A_network_that_no_file_can_hold_is_refused_with_the_cure(WeightPrecision precision, string cure)
    {
        using VelocityNetwork network = NetworkSizes.Random("dit");
        int bytes = OnnxExporter.Model(network, null, precision).Model.Graph.Initializer.Sum(tensor => tensor.RawData.Length);
        OnnxExporter.Model(network, null, precision, mostBytes: bytes);
        var e = Assert.Throws<NotSupportedException>(() => OnnxExporter.Model(network, null, precision, mostBytes: bytes - 1));
        Assert.EndsWith(cure, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_accepted_leaves_the_old_one()
    {
        File.WriteAllText(Model, "the old one");
        using VelocityNetwork network = NetworkSizes.Random("mlp");
        string? asked = null;
        var e = Assert.Throws<InvalidDataException>(() => OnnxExporter.Export(network, Card(network), Model, precision: WeightPrecision.Int8, accept: candidate =>
        {
            Assert.True(ExportCheck.Compare(network, candidate).RowsIndependent); // it is whole
            asked = candidate;
            throw new InvalidDataException("no");
        }));
        Assert.Equal("no", e.Message);
        Assert.NotEqual(Model, asked);
        Assert.Equal("the old one", File.ReadAllText(Model));
        Assert.Equal([Model], Directory.GetFiles(_folder));
    }

    [Fact]
    public void The_change_of_a_velocity_one_and_a_quarter_as_large_is_a_fifth()
    {
        using VelocityNetwork network = NetworkSizes.Random("mlp", classes: 3);
        OnnxExporter.Export(network, Card(network), Model);
        TrainingBatch along = Points(network, 100);
        Assert.InRange(VelocityChange.Measure(network, Model, along), 0, 1e-6);
        ScaleOutput(network, 1.25);
        Assert.Equal(0.2, VelocityChange.Measure(network, Model, along), 1e-5); // ‖v − 1.25 v‖/‖1.25 v‖
    }

    [Fact]
    public void The_change_of_a_network_that_predicts_noise_is_that_of_the_velocity()
    {
        using VelocityNetwork network = NetworkSizes.Random("mlp");
        FlowCard card = Card(network) with { Prediction = new PredictionCard(PredictionKind.Noise), Path = new PathCard(PathKind.Cosine, Start: 0.05, End: 0.95) };
        OnnxExporter.Export(network, card, Model);
        ScaleOutput(network, 1.25);
        TrainingBatch along = Points(network, 70);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        float[] noise = network.Forward(TorchOps.Instance, tensor(along.Times), tensor(along.States).reshape([70, .. network.Shape.Select(n => (long)n)])).data<float>().ToArray();
        double change = 0, size = 0;
        for (int e = 0; e < noise.Length; e++)
        {
            // x = sin(πt/2) D + cos(πt/2) ε, so dx/dt = π/2 (cos(πt/2) D − sin(πt/2) ε).
            (double sine, double cosine) = Math.SinCos(Math.PI / 2 * along.Times[e / network.Dimension]);
            double Velocity(double epsilon) => Math.PI / 2 * (cosine * (along.States[e] - cosine * epsilon) / sine - sine * epsilon);
            size += Math.Pow(Velocity(noise[e]), 2);
            change += Math.Pow(Velocity(noise[e] / 1.25) - Velocity(noise[e]), 2);
        }
        Assert.Equal(Math.Sqrt(change / size), VelocityChange.Measure(network, Model, along), 1e-4);
    }

    private static TrainingBatch Points(VelocityNetwork network, int rows)
    {
        float[] states = new float[rows * network.Dimension];
        Noise.Fill(0, 0, states, stream: 98);
        float[] times = [.. Enumerable.Range(0, rows).Select(row => 0.1f + 0.8f * row / rows)];
        return new TrainingBatch(times, states, [], null, network.Classes == 0 ? null : [.. Enumerable.Range(0, rows).Select(row => (long)row % (network.Classes + 1))]);
    }

    private static void ScaleOutput(VelocityNetwork network, double factor)
    {
        using var noGradient = no_grad();
        foreach (var (name, parameter) in network.named_parameters())
        {
            if (name.StartsWith("_output.", StringComparison.Ordinal))
                parameter.mul_(factor);
        }
    }

    /// <summary>The weights of linear layers and convolutions of at least 1,024 values, by their names in files.</summary>
    private static Dictionary<string, Tensor> LargeWeights(VelocityNetwork network) => network.named_modules()
        .Select(named => (Name: named.name, Weight: named.module switch { Linear linear => linear.weight, Conv2d convolution => convolution.weight, _ => null }))
        .Where(layer => layer.Weight is not null && layer.Weight.numel() >= 1024)
        .ToDictionary(layer => $"{network.GetName()}.{string.Join('.', layer.Name.Split('.').Select(part => part.TrimStart('_')))}.weight", layer => (Tensor)layer.Weight!);

    /// <summary>Rounds in place: to float16 by torch, to int8 by trying all 255 multiples of each channel's scale.</summary>
    private static void Round(Tensor weight, WeightPrecision precision)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        if (precision == WeightPrecision.Float16)
        {
            weight.copy_(weight.to(ScalarType.Float16).to(ScalarType.Float32));
            return;
        }
        float[] values = weight.data<float>().ToArray();
        int size = (int)(values.Length / weight.shape[0]);
        for (int first = 0; first < values.Length; first += size)
        {
            double scale = values.Skip(first).Take(size).Max(Math.Abs) / 127.0;
            for (int i = first; i < first + size; i++)
            {
                (double nearest, double distance) = (0, Math.Abs(values[i]));
                for (int k = -127; k <= 127; k++)
                {
                    double off = Math.Abs(values[i] - k * scale);
                    if (off < distance)
                        (nearest, distance) = (k * scale, off);
                }
                values[i] = (float)nearest;
            }
        }
        weight.copy_(tensor(values).reshape(weight.shape));
    }

    private static float[] Values(VelocityNetwork network) => [.. network.parameters().SelectMany(parameter => parameter.data<float>().ToArray())];

    private static FlowCard Card(VelocityNetwork network) => new(
        FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), new PathCard(PathKind.ConditionalOt), new SampleCard(network.Shape),
        OnnxExporter.Inputs, OnnxExporter.Outputs,
        Conditions: OnnxExporter.ConditionsOf(network.Classes == 0 ? null : [.. Enumerable.Range(0, network.Classes).Select(i => $"{i}")]));
}
