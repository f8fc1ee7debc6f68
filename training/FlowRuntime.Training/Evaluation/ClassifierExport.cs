using FlowRuntime.Training.Onnx;
using FlowRuntime.Training.Onnx.Proto;
using Google.Protobuf;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Evaluation;

/// <summary>Writes a classifier as an ONNX file.</summary>
internal static class ClassifierExport
{
    public const string Images = "x", Features = "features", Logits = "logits";

    /// <summary>Writes the file aside and then gives it its name.</summary>
    public static void Write(ClassifierNetwork network, IReadOnlyList<int> shape, string path)
    {
        using var scope = NewDisposeScope();
        long[] row = [.. shape.Select(size => (long)size)];
        var graph = new GraphProto { Name = network.GetName() };
        graph.Input.Add(OnnxExporter.Value(Images, TensorProto.Types.DataType.Float, row));
        (OnnxValue features, OnnxValue logits) = network.Forward(new OnnxOps(graph, network, WeightPrecision.Float32, OnnxExporter.MostBytes), new OnnxValue(Images, [-1, .. row]));
        foreach ((OnnxValue value, string name) in new[] { (features, Features), (logits, Logits) })
        {
            OnnxExporter.Rename(graph, value, name);
            graph.Output.Add(OnnxExporter.Value(name, TensorProto.Types.DataType.Float, value.Shape[1]));
        }
        string partial = Path.ChangeExtension(path, ".partial.onnx");
        try
        {
            using (FileStream file = File.Create(partial))
                OnnxExporter.ModelOf(graph).WriteTo(file);
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }
}
