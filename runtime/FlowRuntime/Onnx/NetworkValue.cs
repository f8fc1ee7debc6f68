using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Onnx;

/// <summary>An input or output of a network as it is bound.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its shape; −1, once at most, stands for the number of rows of a call.</param>
internal sealed record NetworkValue(string Name, TensorElementType Type, long[] Shape)
{
    /// <summary>Whether it has rows; without them, one value serves the whole call.</summary>
    public bool HasRows { get; } = Shape.Contains(-1);

    /// <summary>Number of values a row, or of all where there are no rows.</summary>
    public int Width { get; } = checked((int)Shape.Where(size => size != -1).Aggregate(1L, (product, size) => product * size));

    /// <summary>The shape for a number of rows.</summary>
    public long[] ShapeOf(int rows) => [.. Shape.Select(size => size == -1 ? rows : size)];
}
