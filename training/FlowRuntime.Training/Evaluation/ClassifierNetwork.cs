using FlowRuntime.Training.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Evaluation;

/// <summary>
/// A small convolutional classifier of images, whose last layer but one gives the features that images are compared by: convolutions of 3×3 with group
/// norms and SiLU, each after the first at half the resolution, until 7 pixels or fewer are left on the shorter side.
/// </summary>
internal sealed class ClassifierNetwork : nn.Module
{
    /// <summary>Number of features of an image.</summary>
    public const int Features = 128;

    private const int FirstChannels = 32, Channels = 64, Groups = 8, SmallestSide = 7;

    private readonly ModuleList<Conv2d> _convolutions;
    private readonly ModuleList<GroupNorm> _norms;
    private readonly Linear _features, _logits;
    private readonly long _flat;

    /// <summary>Makes a classifier with random weights, drawn from torch's generator.</summary>
    /// <param name="shape">Shape of one image, [C, H, W].</param>
    /// <param name="classes">Number of classes.</param>
    public ClassifierNetwork(IReadOnlyList<int> shape, int classes) : base("classifier")
    {
        using var scope = NewDisposeScope();
        (int height, int width) = (shape[1], shape[2]);
        List<Conv2d> convolutions = [nn.Conv2d(shape[0], FirstChannels, 3, padding: 1)];
        List<GroupNorm> norms = [ChannelNorm.Make(Groups, FirstChannels)];
        int channels = FirstChannels;
        while (convolutions.Count < 2 || Math.Min(height, width) > SmallestSide)
        {
            convolutions.Add(nn.Conv2d(channels, Channels, 3, stride: 2, padding: 1));
            norms.Add(ChannelNorm.Make(Groups, Channels));
            (height, width, channels) = ((height + 1) / 2, (width + 1) / 2, Channels);
        }
        (_convolutions, _norms) = (new(convolutions.ToArray()), new(norms.ToArray()));
        _flat = (long)channels * height * width;
        _features = nn.Linear(_flat, Features);
        _logits = nn.Linear(Features, classes);
        RegisterComponents();
    }

    /// <summary>The features [N, 128] and the logits [N, classes] of images [N, C, H, W].</summary>
    public (T Features, T Logits) Forward<T>(ITensorOps<T> ops, T images)
    {
        T h = images;
        for (int i = 0; i < _convolutions.Count; i++)
            h = ops.Silu(ops.GroupNorm(ops.Convolution(h, _convolutions[i]), _norms[i]));
        T features = ops.Silu(ops.Linear(ops.Reshape(h, _flat), _features));
        return (features, ops.Linear(features, _logits));
    }
}
