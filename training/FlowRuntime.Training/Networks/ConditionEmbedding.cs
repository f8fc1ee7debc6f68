using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// Time and class as one vector: Fourier features cos(πkt), sin(πkt), k = 1 … K, through two layers, and the class as an embedding with one more row
/// for "no class"; SiLU of their sum.
/// </summary>
internal sealed class ConditionEmbedding : nn.Module
{
    private readonly Tensor _frequencies; // a buffer: saved, not trained
    private readonly Linear _time, _timeHidden;
    private readonly Parameter? _label; // one row a class, and one for "no class"

    public ConditionEmbedding(int width, int frequencies, int classes) : base("condition")
    {
        _frequencies = tensor(Enumerable.Range(1, frequencies).Select(k => (float)Math.PI * k).ToArray());
        _time = nn.Linear(2 * frequencies, width);
        _timeHidden = nn.Linear(width, width);
        _label = classes > 0 ? new Parameter(randn(classes + 1, width)) : null;
        RegisterComponents();
    }

    /// <summary>The vector, [N, width].</summary>
    public T Forward<T>(ITensorOps<T> ops, T t, T? label) where T : class
    {
        T condition = ops.Linear(ops.FourierFeatures(t, _frequencies), _time);
        condition = ops.Linear(ops.Silu(condition), _timeHidden);
        if (_label is not null)
            condition = ops.Add(condition, ops.Embedding(label!, _label));
        return ops.Silu(condition);
    }
}
