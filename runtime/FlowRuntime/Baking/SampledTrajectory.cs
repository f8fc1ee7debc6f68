using FlowRuntime.Onnx;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>The way of all samples through a loop: where they start, and where each turn leaves them.</summary>
/// <param name="States">[N, K, d], in the network's units.</param>
/// <param name="Times">[N, K].</param>
internal sealed record SampledTrajectory(string States, string Times)
{
    /// <summary>Lets the body of a loop hand out what its turn leaves, behind all that is carried.</summary>
    /// <param name="body">The body.</param>
    /// <param name="states">The states, [N, d].</param>
    /// <param name="times">Their times in float32, [N, 1].</param>
    public static void Record(GraphScope body, string states, string times)
    {
        body.Add("Identity", [], [states], [body.Output(body.NewName(), TensorElementType.Float, -1, -1)]);
        body.Add("Identity", [], [times], [body.Output(body.NewName(), TensorElementType.Float, -1, 1)]);
    }

    /// <summary>The trajectory of what a loop has handed out.</summary>
    /// <param name="main">The graph around the loop.</param>
    /// <param name="states">Where samples start, [N, d].</param>
    /// <param name="times">Their times in float32, [N, 1].</param>
    /// <param name="after">The states that the loop handed out, [K − 1, N, d].</param>
    /// <param name="timesAfter">The times, [K − 1, N, 1].</param>
    public static SampledTrajectory Of(GraphScope main, string states, string times, string after, string timesAfter)
    {
        string turns = main.Node("Slice", main.Node("Shape", after), main.Wholes(0), main.Wholes(1));
        string Whole(string first, string rest) // without a turn the rest has no shape that fits
        {
            string shape = main.Concat(0, turns, main.Node("Shape", first));
            string all = main.Concat(0, main.Node("Unsqueeze", first, main.Wholes(0)), main.Node("Reshape", rest, shape));
            return main.With("Transpose", [GraphScope.Attribute("perm", 1, 0, 2)], all);
        }
        return new SampledTrajectory(Whole(states, after), main.Node("Squeeze", Whole(times, timesAfter), main.Wholes(2)));
    }

    /// <summary>With one place more.</summary>
    public SampledTrajectory With(GraphScope main, string states, string times) => new(
        main.Concat(1, States, main.Node("Unsqueeze", states, main.Wholes(1))), main.Concat(1, Times, times));
}
