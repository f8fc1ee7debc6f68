using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>Group normalisation that starts with weights of one and shifts of zero: TorchSharp leaves in them what was in memory.</summary>
internal static class ChannelNorm
{
    public static GroupNorm Make(int groups, int channels)
    {
        GroupNorm norm = nn.GroupNorm(groups, channels);
        nn.init.ones_(norm.weight!);
        nn.init.zeros_(norm.bias!);
        return norm;
    }
}
