using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>Gives layers the weights that a file of a lower precision holds, to compare the two, and their own again when disposed.</summary>
internal sealed class RoundedWeights : IDisposable
{
    private readonly List<(Tensor Weight, Tensor Own)> _own = [];

    /// <param name="weights">The weights, and what takes their place.</param>
    public RoundedWeights(IEnumerable<(Tensor Weight, float[] Rounded)> weights)
    {
        foreach ((Tensor weight, float[] rounded) in weights)
        {
            using var scope = NewDisposeScope();
            _own.Add((weight, weight.detach().clone().DetachFromDisposeScope()));
            Set(weight, tensor(rounded).reshape(weight.shape));
        }
    }

    public void Dispose()
    {
        foreach ((Tensor weight, Tensor own) in _own)
        {
            Set(weight, own);
            own.Dispose();
        }
    }

    private static void Set(Tensor weight, Tensor values)
    {
        using var noGradient = no_grad();
        weight.copy_(values);
    }
}
