using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Onnx;

/// <summary>The graphs of a solver's arithmetic on the provider of a model, made when first needed and shared by all its solves.</summary>
/// <param name="options">Provider and threads, as the model's.</param>
/// <param name="provider">The provider the model runs on.</param>
internal sealed class DeviceGraphs(FlowModelOptions options, ExecutionProvider provider) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<InferenceSession>> _sessions = new();

    /// <summary>out = a.</summary>
    public InferenceSession Identity(int width) => Of($"identity {width}", graph => graph.Named("Identity", "out", graph.Input("a", TensorElementType.Float, -1, width)), width);

    /// <summary>out = a, for an input of a network of any type and shape.</summary>
    public InferenceSession Copy(NetworkValue value) => Of(
        $"copy {value.Type} {string.Join(' ', value.Shape)}", graph => graph.Named("Identity", "out", graph.Input("a", value.Type, value.Shape)), value.Type, value.Shape);

    /// <summary>out = a where the flag is set, and b elsewhere.</summary>
    public InferenceSession Where(int width) =>
        Of($"where {width}", graph => graph.Named("Where", "out", graph.Input("flag", TensorElementType.Bool, -1, 1), graph.Input("a", TensorElementType.Float, -1, width), graph.Input("b", TensorElementType.Float, -1, width)), width);

    /// <summary>out = x + h Σ_j weights_j k_j.</summary>
    public InferenceSession Combine(int width, ReadOnlySpan<double> weights)
    {
        double[] all = weights.ToArray();
        return Of($"combine {width} {Key(all)}", graph =>
        {
            string x = graph.Input("x", TensorElementType.Float, -1, width), step = graph.Node("Mul", graph.Input("h", TensorElementType.Float, -1, 1), Sum(graph, width, all));
            graph.Named("Add", "out", x, step);
        }, width);
    }

    /// <summary>out = mean((h Σ_j weights_j k_j / (atol + rtol max(|x|, |next|)))²) + 0 · next, which is NaN where the step's result is not finite.</summary>
    public InferenceSession Error(int width, ReadOnlySpan<double> weights, double absolute, double relative)
    {
        double[] all = weights.ToArray();
        return Of($"error {width} {Key(all)} {Key([absolute, relative])}", graph =>
        {
            string x = graph.Input("x", TensorElementType.Float, -1, width), next = graph.Input("next", TensorElementType.Float, -1, width);
            string error = graph.Node("Mul", graph.Input("h", TensorElementType.Float, -1, 1), Sum(graph, width, all));
            string size = graph.Node("Max", graph.Node("Abs", x), graph.Node("Abs", next));
            string square = Square(graph, error, size, absolute, relative);
            graph.Named("ReduceMean", "out", graph.Node("Add", square, graph.Node("Sub", next, next)), graph.Wholes(1));
        }, 1);
    }

    /// <summary>out = mean(((a − b)/(atol + rtol |x|))²), without b where there is none.</summary>
    public InferenceSession Norm(int width, bool withMinus, double absolute, double relative) => Of($"norm {width} {withMinus} {Key([absolute, relative])}", graph =>
    {
        string value = graph.Input("a", TensorElementType.Float, -1, width);
        if (withMinus)
            value = graph.Node("Sub", value, graph.Input("b", TensorElementType.Float, -1, width));
        graph.Named("ReduceMean", "out", Square(graph, value, graph.Node("Abs", graph.Input("x", TensorElementType.Float, -1, width)), absolute, relative), graph.Wholes(1));
    }, 1);

    public void Dispose()
    {
        foreach (Lazy<InferenceSession> session in _sessions.Values)
            session.Value.Dispose();
    }

    private static string Sum(GraphScope graph, int width, double[] weights)
    {
        string? sum = null;
        for (int j = 0; j < weights.Length; j++)
        {
            string term = graph.Node("Mul", graph.Input($"k{j}", TensorElementType.Float, -1, width), graph.Single(weights[j]));
            sum = sum is null ? term : graph.Node("Add", sum, term);
        }
        return sum!;
    }

    private static string Square(GraphScope graph, string error, string size, double absolute, double relative)
    {
        string scale = graph.Node("Add", graph.Node("Mul", size, graph.Single(relative)), graph.Single(absolute));
        string quotient = graph.Node("Div", error, scale);
        return graph.Node("Mul", quotient, quotient);
    }

    private static string Key(double[] numbers) => string.Join(' ', numbers.Select(number => number.ToString("R", CultureInfo.InvariantCulture)));

    private InferenceSession Of(string key, Action<GraphScope> write, int outputWidth) => Of(key, write, TensorElementType.Float, [-1, outputWidth]);

    private InferenceSession Of(string key, Action<GraphScope> write, TensorElementType type, long[] shape) => _sessions.GetOrAdd(key, _ => new Lazy<InferenceSession>(() =>
    {
        var graph = new GraphScope();
        write(graph);
        graph.Output("out", type, shape);
        return SessionOpening.OpenGraph(graph.ToModel(), options with { CudaGraphs = false }, provider);
    })).Value;
}
