using FlowRuntime.Fields;
using FlowRuntime.Onnx;

namespace FlowRuntime.Tests;

/// <summary>What a model's file may claim: files that reach for others, ask for memory or never end are refused before ONNX Runtime sees them.</summary>
public sealed class HostileFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly byte[] Two = [0, 0, 0, 64, 0, 0, 0, 64];

    /// <summary>The tensor m of [1, 2] numbers, which the model adds.</summary>
    private static byte[] Tensor(params byte[][] rest) => Protobuf.Message(5, [Protobuf.Number(1, 1), Protobuf.Number(1, 2), Protobuf.Number(2, TinyModel.Float), Protobuf.Text(8, "m"), .. rest]);

    private static byte[] Outside(params (string Key, string Value)[] entries) =>
        Tensor([.. entries.Select(entry => Protobuf.Message(13, Protobuf.Text(1, entry.Key), Protobuf.Text(2, entry.Value))), Protobuf.Number(14, 1)]);

    /// <summary>The model v = t x + m.</summary>
    private static byte[] Model(params byte[][] initializers) => TinyModel.TimesTimePlus([], [TinyModel.Node("Add", ["m", "zero"], "f")], [.. initializers, TinyModel.Floats("zero", [], 0)]);

    private string Write(byte[] model) => TinyModel.Write(_folder, "model.onnx", model, TinyModel.Card);

    private string Refusal(byte[] model)
    {
        string path = Write(model);
        string message = Assert.Throws<InvalidDataException>(() => FlowModel.Open(path)).Message;
        Assert.StartsWith($"{path} is not opened: ", message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    [Theory]
    [InlineData("weights.bin")]
    [InlineData("parts/weights.bin")]
    public void Values_in_a_file_of_the_models_folder_are_read(string location)
    {
        Directory.CreateDirectory(_folder.File("parts"));
        File.WriteAllBytes(_folder.File(location), [1, 2, 3, 4, .. Two]);
        using FlowModel model = FlowModel.Open(Write(Model(Outside(("location", location), ("offset", "4"), ("length", "8")))));
        var buffers = new EvaluationBuffers(1, 2, outputs: 1);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        buffers.Times[0] = 0.5;
        new float[] { 1, 2 }.CopyTo(buffers.States[0]);
        evaluator.Evaluate(0, 1, output: 0);
        Assert.Equal([2.5f, 3], buffers.Velocities[0][0].ToArray());
    }

    [Theory]
    [InlineData("/etc/hostname")]
    [InlineData("../secret.bin")]
    [InlineData("parts/../../secret.bin")]
    [InlineData("..\\secret.bin")]
    [InlineData("C:\\secret.bin")]
    [InlineData("\\\\server\\share\\secret.bin")]
    [InlineData("./weights.bin")]
    [InlineData("*/_ORT_MEM_ADDR_/*")]
    public void Values_elsewhere_are_refused(string location)
    {
        File.WriteAllBytes(_folder.File("weights.bin"), Two);
        Assert.Contains($"the tensor 'm' has its values in '{location}', which is not the plain name of a file in the model's folder", Refusal(Model(Outside(("location", location)))));
    }

    [Theory]
    [InlineData("link.bin")]
    [InlineData("linked/secret.bin")]
    public void Links_are_not_followed(string location)
    {
        using var elsewhere = new TemporaryFolder();
        File.WriteAllBytes(elsewhere.File("secret.bin"), Two);
        File.CreateSymbolicLink(_folder.File("link.bin"), elsewhere.File("secret.bin"));
        Directory.CreateSymbolicLink(_folder.File("linked"), elsewhere.File("."));
        Assert.Contains("which is a link", Refusal(Model(Outside(("location", location)))));
    }

    [Fact]
    public void Values_outside_are_in_a_file_that_is_named_and_long_enough()
    {
        File.WriteAllBytes(_folder.File("weights.bin"), Two);
        Assert.Contains("a file that it does not name", Refusal(Model(Outside())));
        Assert.Contains("a file that it does not name", Refusal(Model(Outside(("location", "")))));
        Assert.Contains("there is no such file", Refusal(Model(Outside(("location", "none.bin")))));
        Assert.Contains("end behind its end, 8 bytes", Refusal(Model(Outside(("location", "weights.bin"), ("offset", "1"), ("length", "8")))));
        Assert.Contains("end behind its end, 8 bytes", Refusal(Model(Outside(("location", "weights.bin"), ("offset", "9223372036854775807")))));
        Assert.Contains("'-1' for their offset", Refusal(Model(Outside(("location", "weights.bin"), ("offset", "-1")))));
        Assert.Contains("takes 8 bytes, and 4 are named", Refusal(Model(Outside(("location", "weights.bin"), ("length", "4")))));
        Assert.Contains("takes 8 bytes, and 4 are named", Refusal(Model(Outside(("location", "weights.bin"), ("offset", "4")))));
        Assert.Contains("says 'prepacked_0'", Refusal(Model(Outside(("location", "weights.bin"), ("prepacked_0", "k|0|8")))));
    }

    [Fact]
    public void A_tensor_has_the_values_that_it_claims()
    {
        Assert.Contains("the tensor 'm' claims [1, 2] values, which take 8 bytes, and has 7", Refusal(Model(Tensor(Protobuf.Message(9, new byte[7])))));
        byte[] large = Protobuf.Message(5, Protobuf.Number(1, 1L << 40), Protobuf.Number(2, TinyModel.Float), Protobuf.Text(8, "m"), Protobuf.Message(4, new byte[8]));
        Assert.Contains("claims [1099511627776] values, which take 4398046511104 bytes", Refusal(Model(large)));
        byte[] overflowing = Protobuf.Message(5, [.. Enumerable.Repeat(Protobuf.Number(1, long.MaxValue), 20), Protobuf.Number(2, TinyModel.Float), Protobuf.Text(8, "m")]);
        Assert.Contains("and has 0", Refusal(Model(overflowing)));
        byte[] negative = Protobuf.Message(5, Protobuf.Number(1, -1), Protobuf.Number(2, TinyModel.Float), Protobuf.Text(8, "m"));
        Assert.Contains("or a negative one", Refusal(Model(negative)));
    }

    [Fact]
    public void A_sparse_tensor_is_refused()
    {
        Assert.Contains("a sparse tensor", Refusal(Model(Tensor(Protobuf.Message(9, Two)), Protobuf.Message(15, Protobuf.Number(3, 1L << 40)))));
        Assert.Contains("a sparse tensor", Refusal(TinyModel.TimesTimePlus([], [TinyModel.Node("Constant", [], "f", Protobuf.Message(5, Protobuf.Text(1, "sparse_value"), Protobuf.Message(22)))])));
    }

    [Fact]
    public void Tensors_of_attributes_and_functions_are_held_to_the_same()
    {
        // A tensor is field 5 of a graph and of an attribute alike.
        byte[] value = Protobuf.Message(5, Protobuf.Text(1, "value"), Outside(("location", "../secret.bin")));
        byte[] constant = TinyModel.Node("Constant", [], "f", value);
        byte[] model = TinyModel.TimesTimePlus([], [Call(1, "f")]);
        Assert.Contains("'../secret.bin'", Refusal(TinyModel.TimesTimePlus([], [constant])));
        Assert.Contains("'../secret.bin'", Refusal([.. model, .. Protobuf.Message(25, Protobuf.Text(1, "f"), Protobuf.Message(7, TinyModel.Node("Constant", [], "b", value)[2..]), Protobuf.Text(10, "d"))]));
        Assert.Contains("'../secret.bin'", Refusal([.. model, .. Protobuf.Message(25, Protobuf.Text(1, "f"), Protobuf.Message(11, value[2..]), Protobuf.Text(10, "d"))]));
    }

    [Fact]
    public void Graphs_lie_in_one_another_to_a_bound()
    {
        byte[] node = TinyModel.Node("Identity", ["x"], "y");
        for (int i = 0; i < 40; i++)
            node = TinyModel.Node("If", ["x"], "y", Protobuf.Message(5, Protobuf.Text(1, "then_branch"), Protobuf.Message(6, node), Protobuf.Number(20, 5)));
        Assert.Contains("its graphs lie more than 16 deep", Refusal(TinyModel.TimesTimePlus([], [node])));
    }

    /// <summary>A function of the domain d.</summary>
    private static byte[] Function(string name, params string[] calls) => Protobuf.Message(25,
        [Protobuf.Text(1, name), Protobuf.Text(4, "a"), Protobuf.Text(5, "b"), .. calls.Select(call => Call(7, call)), Protobuf.Message(9, Protobuf.Text(1, ""), Protobuf.Number(2, 20)), Protobuf.Text(10, "d")]);

    private static byte[] Call(int field, string function) => Protobuf.Message(field, Protobuf.Text(1, "a"), Protobuf.Text(2, "b"), Protobuf.Text(4, function), Protobuf.Text(7, "d"));

    [Fact]
    public void A_function_that_calls_itself_is_refused()
    {
        byte[] model = TinyModel.TimesTimePlus([], [Call(1, "f")]);
        Assert.Contains("calls itself", Refusal([.. model, .. Function("f", "g"), .. Function("g", "f")]));
        Assert.Contains("calls itself", Refusal([.. model, .. Function("f", "f")]));
    }

    [Fact]
    public void Functions_do_not_multiply_without_bound()
    {
        byte[] model = TinyModel.TimesTimePlus([], [Call(1, "f0")]);
        byte[][] doubling = [.. Enumerable.Range(0, 30).Select(i => Function($"f{i}", $"f{i + 1}", $"f{i + 1}"))];
        Assert.Contains("1073741827 nodes, functions in place", Refusal([.. model, .. doubling.SelectMany(function => function)]));
    }

    [Fact]
    public void A_program_for_a_device_is_refused() =>
        Assert.Contains("EPContext holds a program", Refusal(TinyModel.TimesTimePlus([], [TinyModel.Node("EPContext", ["x"], "f")])));

    [Theory]
    [InlineData("DepthToSpace", "blocksize", 1L << 40)]
    [InlineData("SpaceToDepth", "blocksize", 0)]
    [InlineData("GatherND", "batch_dims", -1)]
    public void Numbers_that_end_the_process_are_refused(string operation, string attribute, long value) =>
        Assert.Contains($"its node {operation} has {attribute} {value}", Refusal(TinyModel.TimesTimePlus([], [TinyModel.Node(operation, ["x"], "f", TinyModel.Attribute(attribute, value))])));

    [Fact]
    public void A_long_name_is_refused() =>
        Assert.Contains("is 5000 bytes long", Refusal(TinyModel.TimesTimePlus([], [TinyModel.Node(new string('A', 5000), ["x"], "f")])));

    [Fact]
    public void An_operation_of_another_domain_loads_no_library()
    {
        string path = Write(TinyModel.TimesTimePlus([], [Call(1, "f")]));
        string message = Assert.Throws<InvalidDataException>(() => FlowModel.Open(path)).Message;
        Assert.Contains("ONNX Runtime does not accept this model", message);
    }

    [Fact]
    public void The_check_reads_a_models_file_without_taking_its_memory()
    {
        byte[] weights = new byte[64 << 20];
        byte[] tensor = Protobuf.Message(5, Protobuf.Number(1, weights.Length), Protobuf.Number(2, 2), Protobuf.Text(8, "w"), Protobuf.Message(9, weights));
        string path = _folder.File("large.onnx", TinyModel.TimesTimePlus([], [], tensor));
        long before = GC.GetAllocatedBytesForCurrentThread();
        GraphCheck.Check(path);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }
}
