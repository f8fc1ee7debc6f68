using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;

namespace FlowRuntime.Onnx;

/// <summary>What a network is fed at a flow time, as its card says.</summary>
internal sealed class NetworkTime(TimeCard card, ProbabilityPath path)
{
    /// <summary>Whether the network takes flow time as it is.</summary>
    public bool IsFlowTime { get; } = card is { Quantity: TimeQuantity.Time, Scale: 1, From: TimeOrigin.Noise, Steps: null };

    /// <summary>What is fed. A network of steps is asked at its steps alone, see <see cref="SteppedField"/>: rounding there takes away what the last bit of the time adds.</summary>
    public double At(double t) => card.Quantity switch
    {
        TimeQuantity.NoiseLevel => card.Scale * path.At(t).NoiseLevel,
        TimeQuantity.LogNoiseLevel => -card.Scale * path.At(t).HalfLogSnr,
        TimeQuantity.LogSnr => card.Scale * path.LogSnr(t),
        _ when card.Steps is { } steps => Math.Round((steps - 1) * FromOrigin(t)),
        _ => card.Scale * FromOrigin(t),
    };

    private double FromOrigin(double t) => card.From == TimeOrigin.Noise ? t : 1 - t;
}
