using FlowRuntime.Training.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests;

/// <summary>A network of one operation (and what it needs around it), to hold its two interpretations against each other.</summary>
internal sealed class OperationsNetwork : VelocityNetwork
{
    public const int Width = 6;
    private const int ImageValues = 32;

    public static readonly string[] Operations =
    [
        "linear", "linear without bias", "linear of tokens", "embedding", "layer norm", "layer norm without weights", "group norm", "silu", "selu", "fourier features",
        "add", "multiply", "log", "sqrt", "divide", "affine", "sigmoid", "tanh", "softmax", "mean", "matmul", "convolution", "strided convolution", "convolution without bias",
        "upsample", "concatenate", "concatenate channels", "permute", "reshape", "constant",
    ];

    private readonly string _operation;
    private readonly Linear _square, _square2, _half, _wide, _toVector, _fromVector;
    private readonly Linear _toImage, _fromImage, _tokens;
    private readonly Conv2d _convolution, _strided, _pointwise;
    private readonly LayerNorm _norm, _plainNorm;
    private readonly GroupNorm _groupNorm;
    private readonly Parameter _table, _row;
    private readonly Tensor _frequencies;

    public OperationsNetwork(string operation) : base("operations", [2, 3], classes: 3)
    {
        _operation = operation;
        _square = nn.Linear(Width, Width);
        _square2 = nn.Linear(Width, Width, hasBias: false);
        _half = nn.Linear(Width, Width / 2);
        _wide = nn.Linear(1, Width);
        _toVector = nn.Linear(Width, 16);
        _fromVector = nn.Linear(16, Width);
        _toImage = nn.Linear(Width, ImageValues);
        _fromImage = nn.Linear(ImageValues, Width);
        _tokens = nn.Linear(4, 4);
        _convolution = nn.Conv2d(2, 2, 3, padding: 1);
        _strided = nn.Conv2d(2, 8, 3, stride: 2, padding: 1);
        _pointwise = nn.Conv2d(2, 2, 1, bias: false);
        _groupNorm = nn.GroupNorm(4, 8);
        _norm = nn.LayerNorm(Width);
        _plainNorm = nn.LayerNorm(Width, elementwise_affine: false);
        _table = new Parameter(randn(4, Width));
        _row = new Parameter(randn(Width));
        _frequencies = 20 * randn(Width / 2); // no whole vector
        using (no_grad())
        {
            _norm.weight!.uniform_(0.5, 2);
            _norm.bias!.uniform_(-1, 1);
            _groupNorm.weight!.uniform_(0.5, 2);
            _groupNorm.bias!.uniform_(-1, 1);
        }
        RegisterComponents();
    }

    public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given) where T : class
    {
        // Time and label always take part, since a graph keeps no unused input.
        T row = ops.Reshape(x, Width);
        T timed = ops.Add(row, ops.Linear(ops.Reshape(t, 1), _wide));
        T image = ops.Linear(timed, _toImage);
        T Image(params ReadOnlySpan<long> shape) => ops.Reshape(image, shape);
        T FromImage(T made) => ops.Linear(ops.Reshape(made, ImageValues), _fromImage);
        T result = _operation switch
        {
            "linear of tokens" => FromImage(ops.Linear(Image(2, 4, 4), _tokens)),
            "layer norm without weights" => ops.LayerNorm(timed, _plainNorm),
            "group norm" => FromImage(ops.GroupNorm(Image(8, 2, 2), _groupNorm)),
            "sqrt" => ops.Sqrt(ops.Affine(ops.Sigmoid(timed), 1, 0.1)),
            "mean" => FromImage(ops.Multiply(Image(2, 4, 4), ops.Mean(Image(2, 4, 4)))),
            "matmul" => FromImage(ops.MatMul(Image(2, 4, 4), ops.Reshape(ops.Tanh(image), 2, 4, 4))),
            "convolution" => FromImage(ops.Convolution(Image(2, 4, 4), _convolution)),
            "strided convolution" => FromImage(ops.Convolution(Image(2, 4, 4), _strided)),
            "convolution without bias" => FromImage(ops.Convolution(Image(2, 4, 4), _pointwise)),
            "upsample" => FromImage(ops.Upsample(ops.Reshape(ops.Mean(Image(2, 2, 2, 4)), 2, 2, 2))),
            "concatenate channels" => FromImage(ops.Concatenate(ops.Reshape(ops.Mean(Image(1, 4, 4, 2)), 1, 4, 4), ops.Reshape(ops.Linear(timed, _toVector), 1, 4, 4), axis: 1)),
            "permute" => FromImage(ops.Permute(Image(2, 4, 4), 3, 1, 2)),
            "linear" => ops.Linear(timed, _square),
            "linear without bias" => ops.Linear(timed, _square2),
            "embedding" => ops.Embedding(given.Label!, _table),
            "layer norm" => ops.LayerNorm(timed, _norm),
            "silu" => ops.Silu(timed),
            "selu" => ops.Linear(ops.Selu(ops.Linear(timed, _toVector)), _fromVector),
            "log" => ops.Linear(ops.Log(ops.Affine(ops.Sigmoid(ops.Linear(timed, _toVector)), 1, 0.1)), _fromVector),
            "fourier features" => ops.FourierFeatures(t, _frequencies),
            "add" => ops.Add(timed, row),
            "multiply" => ops.Multiply(timed, row),
            "divide" => ops.Divide(timed, ops.Affine(ops.Multiply(row, row), 1, 0.5)),
            "affine" => ops.Affine(timed, -1.5, 0.25),
            "sigmoid" => ops.Sigmoid(timed),
            "tanh" => ops.Tanh(timed),
            "softmax" => ops.Softmax(timed),
            "concatenate" => ops.Concatenate(ops.Linear(timed, _half), ops.Linear(row, _half)),
            "reshape" => ops.Reshape(ops.Reshape(timed, 3, 2), Width),
            "constant" => ops.Multiply(timed, ops.Constant(_row)),
            _ => throw new ArgumentException(_operation),
        };
        T labelled = ops.Add(ops.Add(result, ops.Multiply(timed, ops.Constant(_row))), ops.Embedding(given.Label!, _table));
        return ops.Reshape(labelled, 2, 3);
    }
}
