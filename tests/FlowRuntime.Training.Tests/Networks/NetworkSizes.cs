using FlowRuntime.Training.Networks;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Networks;

/// <summary>Small networks of every kind, by name.</summary>
internal static class NetworkSizes
{
    public static readonly int[] Image = [2, 8, 4];

    public static TheoryData<string> Kinds => ["mlp", "unet", "unet of two blocks", "dit"];

    public static NetworkOptions Options(string kind) => kind switch
    {
        "mlp" => new MlpOptions { Width = 32, Blocks = 2, Frequencies = 4 },
        "unet" => new UNetOptions { Width = 16, Multipliers = [1, 2], Groups = 4, Heads = 2, Frequencies = 4 },
        "unet of two blocks" => new UNetOptions { Width = 16, Multipliers = [1, 1, 2], Blocks = 2, Groups = 8, AttentionLevels = 2, Heads = 4, Frequencies = 4 },
        "dit" => new DitOptions { Width = 32, Blocks = 2, Heads = 2, Patch = 2, Expansion = 2, Frequencies = 4 },
        _ => throw new ArgumentException(kind),
    };

    /// <summary>A network as it is made.</summary>
    public static VelocityNetwork Fresh(string kind, int classes = 0, int[]? shape = null) => Trainer.Seeded(3, () => Options(kind).Make(shape ?? Image, classes));

    /// <summary>A network none of whose parameters is zero or one.</summary>
    public static VelocityNetwork Random(string kind, int classes = 0, int[]? shape = null, int vectorLength = 0) =>
        Trainer.Seeded(4, () => Randomised(Options(kind).Make(shape ?? Image, classes, vectorLength)));

    public static VelocityNetwork Randomised(VelocityNetwork network)
    {
        using var noGradient = no_grad();
        foreach (var parameter in network.parameters())
            parameter.normal_(parameter.shape.Length == 1 ? 0.5 : 0, 0.2);
        return network;
    }
}
