using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using FlowRuntime.CommandLine;
using FlowRuntime.Training;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train bench</c>: how fast the trainer is, part by part, beside the plainest TorchSharp loop in the same run.</summary>
internal static class BenchCommand
{
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) } };

    public static Command Make()
    {
        string[] names = [.. TrainingSpeed.Networks.Select(network => network.Name)];
        var network = new Option<string[]>("--network") { Description = $"Networks to train, of: {string.Join(", ", names)}. Default: all.", DefaultValueFactory = _ => names };
        var steps = new Option<int?>("--steps") { Description = "Steps a round. Default: as many as suit the network." };
        var rounds = new Option<int>("--rounds") { Description = "Rounds, whose median counts; one more goes before them.", DefaultValueFactory = _ => 5 };
        var threads = new Option<int>("--threads") { Description = "Threads of the trainer. Default: the processors.", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<TrainingPrecision?> precision = Choice.Of<TrainingPrecision>("--precision", "Numbers the trainer computes in; the plain loop's are float32. Default: float32.");
        var json = new Option<bool>("--json") { Description = "Print one JSON object instead of the table." };
        var command = new Command("bench", """
            Measures steps a second and the time of each part of a step, and the same of the plainest TorchSharp loop (a dispose scope a
            step, optim.AdamW, mse_loss, noise drawn in the loop): first as torch and the process start, then in turns with the trainer, on one
            thread and on as many, with the freed memory kept as all commands that train have it.

            Example:
              flow-train bench --json
            """)
        {
            network, steps, rounds, threads, precision, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            string[] chosen = parsed.GetValue(network)!;
            if (chosen.FirstOrDefault(name => !names.Contains(name)) is { } unknown)
                throw new ArgumentException($"--network: there is no network '{unknown}'. Choose of: {string.Join(", ", names)}.");
            if (parsed.GetValue(steps) < 1)
                throw new ArgumentException($"--steps: {parsed.GetValue(steps)} is no number of steps. Give at least 1.");
            if (parsed.GetValue(rounds) < 1)
                throw new ArgumentException($"--rounds: {parsed.GetValue(rounds)} is no number of rounds. Give at least 1.");
            if (parsed.GetValue(threads) is < 1 or > 256)
                throw new ArgumentException($"--threads: {parsed.GetValue(threads)} is no number of threads. Give 1 to 256.");
            IReadOnlyList<TrainingSpeed> networks = TrainingSpeed.Measure(
                [.. TrainingSpeed.Networks.Where(entry => chosen.Contains(entry.Name))], parsed.GetValue(steps), parsed.GetValue(rounds), parsed.GetValue(threads),
                parsed.GetValue(precision) ?? TrainingPrecision.Float32, cancellationToken);
            TextWriter output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
                output.WriteLine(JsonSerializer.Serialize(new { networks }, Format));
            else
                WriteTable(output, networks);
            return Task.FromResult(CommandHost.Done);
        });
        return command;
    }

    private static void WriteTable(TextWriter output, IEnumerable<TrainingSpeed> networks)
    {
        foreach (TrainingSpeed speed in networks)
        {
            void Row(string name, FormattableString value) => output.WriteLine($"  {name,-18}{value.ToString(CultureInfo.InvariantCulture)}");
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{speed.Network}, batch {speed.Batch}, {speed.Parameters:N0} parameters, {speed.Threads} threads"));
            Row("trainer", $"{speed.StepsPerSecond,7:G4} steps/s, loss {speed.Loss:F4}");
            foreach ((string how, double stepsPerSecond) in speed.Plain)
                Row("plain loop", $"{stepsPerSecond,7:G4} steps/s, {how}");
            Row("loss of it", $"{speed.PlainLoss,7:F4}");
            Row("ratio", $"{speed.Ratio,7:F2} to the fastest of these");
            foreach ((string phase, double microseconds) in speed.PhaseMicroseconds)
                Row(phase.ToLowerInvariant(), $"{microseconds,7:F0} µs a step");
        }
    }
}
