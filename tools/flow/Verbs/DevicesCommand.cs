using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Onnx;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow devices</c>: execution providers, present or absent and why, and whether they work.</summary>
internal sealed class DevicesCommand
{
    private readonly Option<bool> _selfTest = new("--self-test") { Description = "Check every provider that is present on a small model: results against the CPU's, independent samples, many threads, cancellation." };
    private readonly Option<string?> _model = new("--model") { Description = "Model of the self-test. Default: a small one of this tool's own." };
    private readonly Option<string?> _provider = new("--provider") { Description = "Check this provider alone." };
    private readonly Option<string[]> _plugIn = new("--plug-in") { Description = "Native library of a plug-in execution provider to add. May be given several times." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object and nothing else." };

    public static Command Make() => new DevicesCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("devices", """
            Lists execution providers and devices: what is present, what is not and why. With --self-test it checks that each one works.

            Examples:
              flow devices
              flow devices --self-test --model digits.onnx
            """)
        {
            _selfTest, _model, _provider, _plugIn, _json,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        foreach (string library in parsed.GetValue(_plugIn) ?? [])
            ProviderDevices.Register(Path.GetFileNameWithoutExtension(library), library);
        using var own = new OwnModel();
        string model = parsed.GetValue(_model) ?? own.Path;
        IReadOnlyList<string> present = ProviderDevices.Present();
        string[] asked = parsed.GetValue(_provider) is { } provider ? [provider] : [.. ProviderDevices.Known.Union(present)];
        ProviderState[] providers = [.. asked.Select(name => StateOf(name, model))];
        var results = new List<SelfTestResult>();
        if (parsed.GetValue(_selfTest))
        {
            foreach (ProviderState state in providers.Where(state => state.Works))
                results.AddRange(SelfTest.Run(model, state.Name, cancellationToken));
        }
        var report = new DevicesReport(providers, [.. ProviderDevices.Discovered()], [.. results]);
        if (parsed.GetValue(_json))
            parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(report, ToolJson.Default.DevicesReport));
        else
            Describe(report, parsed.InvocationConfiguration.Output);
        return results.All(result => result.Passed) ? CommandHost.Done : CommandHost.FailedAtWork;
    }

    /// <summary>Whether a model opens on a provider, and otherwise why not.</summary>
    private static ProviderState StateOf(string name, string model)
    {
        using FlowModel opened = FlowModel.Open(model, new FlowModelOptions { Provider = name });
        ProviderAttempt attempt = opened.ProviderReport.Attempts[0];
        return new ProviderState(attempt.Name, !opened.ProviderReport.FellBack, opened.ProviderReport.FellBack ? attempt.Outcome : "works");
    }

    private static void Describe(DevicesReport report, TextWriter output)
    {
        foreach (ProviderState provider in report.Providers)
            output.WriteLine($"{provider.Name,-10} {provider.State}");
        foreach (ProviderDevice device in report.Devices)
            output.WriteLine($"device     {device.Provider} {device.Device}: {device.Kind}{(device.Vendor.Length > 0 ? $", {device.Vendor}" : "")}");
        foreach (SelfTestResult result in report.SelfTest)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(result.Passed ? "pass" : "FAIL"),-10} {result.Provider}: {result.Check}: {result.Found}"));
    }

    /// <summary>A small model of the tool's own, as a file: v(t, x) = tanh(x + t) − x for rows of 16 values.</summary>
    private sealed class OwnModel : IDisposable
    {
        private const int Width = 16;

        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flow-");

        public OwnModel()
        {
            var graph = new GraphScope();
            string time = graph.Input("t", TensorElementType.Float, -1, 1), state = graph.Input("x", TensorElementType.Float, -1, Width);
            graph.Named("Sub", "v", graph.Node("Tanh", graph.Node("Add", state, time)), state);
            graph.Output("v", TensorElementType.Float, -1, Width);
            Path = System.IO.Path.Combine(_folder.FullName, "own.onnx");
            File.WriteAllBytes(Path, graph.ToModel());
            CardFile.Write(Path, new FlowCard(
                FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), new PathCard(PathKind.ConditionalOt), new SampleCard([Width]), new InputsCard(time, state), new OutputsCard("v")));
        }

        public string Path { get; }

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
