using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Onnx;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Tests;

public class DeviceBindingTests
{
    [Fact]
    public void Inputs_that_are_bound_anew_for_every_call_give_the_same_velocities()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Models", "moons.onnx");
        FlowCard card = CardFile.Read(path);
        using var onHost = new OnnxSession(new InferenceSession(path), path, ExecutionProvider.Cpu);
        using var onDevice = new OnnxSession(new InferenceSession(path), path, ExecutionProvider.Cpu with { Name = "device" });
        float[] host = Velocities(onHost, card), device = Velocities(onDevice, card);
        Assert.Equal(host, device);
        Assert.NotEqual(host[..10], host[10..]); // the second call saw other states
    }

    private static float[] Velocities(OnnxSession session, FlowCard card)
    {
        var buffers = new EvaluationBuffers(capacity: 5, dimension: 2, outputs: 1);
        using IVelocityEvaluator evaluator = new OnnxField(session, card, ProbabilityPath.Of(card.Path), "moons.onnx").CreateEvaluator(buffers);
        var velocities = new List<float>();
        for (int call = 0; call < 2; call++)
        {
            Noise.Fill(seed: 1, call, buffers.States.Range(0, 5));
            evaluator.Evaluate(0, 5, output: 0);
            velocities.AddRange(buffers.Velocities[0].Range(0, 5));
        }
        return [.. velocities];
    }
}
