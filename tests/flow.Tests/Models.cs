namespace FlowRuntime.Tool.Tests;

/// <summary>The repository's models. They are trained anew now and then: tests take numbers from their cards.</summary>
internal static class Models
{
    public static string Digits => Path.Combine(AppContext.BaseDirectory, "Models", "digits.onnx");

    public static string Moons => Path.Combine(AppContext.BaseDirectory, "Models", "moons.onnx");
}
