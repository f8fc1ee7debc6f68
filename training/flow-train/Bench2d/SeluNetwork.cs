using FlowRuntime.Training.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>The network of Tong et al.'s plane: time and state through three hidden layers of 64 with SELU, torch's own first weights.</summary>
internal sealed class SeluNetwork : VelocityNetwork
{
    private const int Width = 64;

    private readonly Linear _first, _second, _third, _last;

    public SeluNetwork(int dimension) : base("selu", [dimension])
    {
        _first = nn.Linear(1 + dimension, Width);
        _second = nn.Linear(Width, Width);
        _third = nn.Linear(Width, Width);
        _last = nn.Linear(Width, dimension);
        RegisterComponents();
    }

    public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given) where T : class
    {
        T h = ops.Selu(ops.Linear(ops.Concatenate(ops.Reshape(t, 1), x), _first));
        h = ops.Selu(ops.Linear(h, _second));
        h = ops.Selu(ops.Linear(h, _third));
        return ops.Linear(h, _last);
    }
}
