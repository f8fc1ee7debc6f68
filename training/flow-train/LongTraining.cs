using System.Diagnostics;
using System.Globalization;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool;

/// <summary>Watches one long training from outside: its memory, handles and threads must stay as they are once it is under way.</summary>
internal static class LongTraining
{
    /// <summary>The most that the mean of the last fifth may be of the mean of the second fifth; the first fifth warms up.</summary>
    private const double MostGrowth = 1.1;

    private static readonly TimeSpan Between = TimeSpan.FromSeconds(10);

    /// <summary>Trains on digits for a time, and prints what the process held at the start and at the end.</summary>
    /// <param name="minutes">Minutes of training.</param>
    /// <param name="start">Starts flow-train with arguments.</param>
    /// <param name="output">Where the figures go.</param>
    /// <param name="cancellationToken">Ends the training.</param>
    /// <returns>The exit code: failed where something grew.</returns>
    public static async Task<int> Watch(double minutes, Func<string[], Process> start, TextWriter output, CancellationToken cancellationToken)
    {
        string folder = Directory.CreateTempSubdirectory("flow-soak").FullName;
        var held = new List<(double Memory, double Handles, double Threads)>();
        try
        {
            using Process process = start(["run", "--data", "digits", "--no-tune", "--minutes", minutes.ToString(CultureInfo.InvariantCulture), "--out", Path.Combine(folder, "run")]);
            using CancellationTokenRegistration ending = cancellationToken.Register(process.Kill);
            Task exit = process.WaitForExitAsync(CancellationToken.None);
            while (await Task.WhenAny(exit, Task.Delay(Between, CancellationToken.None)) != exit)
            {
                process.Refresh();
                held.Add((process.WorkingSet64 / 1e6, process.HandleCount, process.Threads.Count));
            }
            cancellationToken.ThrowIfCancellationRequested();
            if (process.ExitCode != CommandHost.Done)
                throw new InvalidOperationException($"The training ended with {process.ExitCode}.");
            string last = File.ReadLines(Path.Combine(folder, "run", "metrics.jsonl")).Last();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{minutes} minutes of training, {held.Count} looks; the last report: {last}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        int fifth = held.Count / 5;
        if (fifth == 0)
            throw new ArgumentException($"--minutes: {minutes} are too few for five looks {Between.TotalSeconds} seconds apart. Give at least 5.");
        bool flat = true;
        foreach ((string name, Func<(double Memory, double Handles, double Threads), double> of) in new (string, Func<(double Memory, double Handles, double Threads), double>)[]
        {
            ("memory, MB", look => look.Memory), ("handles", look => look.Handles), ("threads", look => look.Threads),
        })
        {
            double early = held.Skip(fifth).Take(fifth).Average(of), late = held.TakeLast(fifth).Average(of);
            bool here = late <= MostGrowth * early;
            flat &= here;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-12} {early,8:F1} in the second fifth, {late,8:F1} in the last, at most {held.Max(of):F1}: {(here ? "flat" : "GROWS")}"));
        }
        return flat ? CommandHost.Done : CommandHost.FailedAtWork;
    }
}
