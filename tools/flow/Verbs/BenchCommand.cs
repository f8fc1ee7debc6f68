using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FlowRuntime.CommandLine;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Arguments;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow bench MODEL</c>: how fast a model samples here, and what of the time is the network's own.</summary>
internal sealed class BenchCommand
{
    private const int Rounds = 5;
    private const int MostSamples = 10_000_000;

    private readonly ModelArguments _model = new();
    private readonly Option<int> _count = new("--count") { Description = "Samples of a round.", DefaultValueFactory = _ => 256 };
    private readonly ConditionArguments _conditions = new();
    private readonly SolverArguments _solver = new();
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object and nothing else." };

    public static Command Make() => new BenchCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("bench", $"""
            Measures how fast a model samples on this machine: medians of {Rounds} rounds, each beside the same calls of the bare network.

            Examples:
              flow bench digits.onnx
              flow bench digits.onnx --label all --guidance 2 --count 64 --threads 1
            """);
        command.Add(_count);
        _conditions.AddTo(command);
        _solver.AddTo(command);
        command.Add(_json);
        _model.AddTo(command); // last: what a job is comes before what it runs on
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        int count = parsed.GetValue(_count) is >= 1 and <= MostSamples and var asked ? asked
            : throw new ArgumentException($"--count: {parsed.GetValue(_count)} is no number of samples for a round. Give 1 to {MostSamples}.");
        long started = Stopwatch.GetTimestamp();
        using FlowModel model = _model.Open(parsed);
        double open = Stopwatch.GetElapsedTime(started).TotalSeconds;
        SamplingOptions options = _conditions.Read(parsed, model, model.Defaults with { Solver = _solver.Read(parsed, model), Workers = _model.Workers(parsed), Slots = _model.Slots(parsed) });
        ModelArguments.TellDifferences(model, parsed);
        using var progress = new MeasuringProgress(parsed.GetValue(_json));
        progress.Report(0);
        started = Stopwatch.GetTimestamp();
        model.Stream(1, (in FinishedSample _) => { }, options, cancellationToken: cancellationToken);
        double firstSample = Stopwatch.GetElapsedTime(started).TotalSeconds;

        SolveLayout layout = model.LayoutOf(count, options);
        using var bare = new BareCalls(model, options, layout, count, cancellationToken);
        var solves = new List<double>();
        var calls = new List<double>();
        SamplingStatistics statistics = model.Stream(count, (in FinishedSample _) => { }, options, cancellationToken: cancellationToken); // warms up, and counts
        for (int round = 0; round < Rounds; round++)
        {
            progress.Report((double)round / Rounds);
            started = Stopwatch.GetTimestamp();
            model.Stream(count, (in FinishedSample _) => { }, options, cancellationToken: cancellationToken);
            solves.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            calls.Add(bare.Run(cancellationToken));
        }
        progress.Dispose(); // its line goes before the figures come
        double solve = Median(solves), network = Median(calls);
        var report = new BenchReport(
            model.Path, model.ProviderReport.Chosen, options.Solver!.MethodName, count, layout.Workers, layout.Slots, open, firstSample, count / solve,
            (double)statistics.Evaluations / count, statistics.FieldCalls, (double)statistics.Evaluations / statistics.FieldCalls, network, solve / network - 1, PeakMemory());
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(_json))
            output.WriteLine(JsonSerializer.Serialize(report, ToolJson.Default.BenchReport));
        else
            Describe(report, output);
        return CommandHost.Done;
    }

    private static void Describe(BenchReport report, TextWriter output)
    {
        NamedLines.Write(output,
        [
            ("samples/s", string.Create(CultureInfo.InvariantCulture, $"{Quantity.Rate(report.SamplesPerSecond)}, {report.Samples:N0} a round by {report.Method} on {report.Provider}, {report.Workers} workers with {report.Slots} samples each")),
            ("evaluations", string.Create(CultureInfo.InvariantCulture, $"{report.EvaluationsPerSample:F1} a sample")),
            ("calls", string.Create(CultureInfo.InvariantCulture, $"{report.Calls:N0} of the network a round, {report.RowsPerCall:F1} rows each")),
            ("overhead", string.Create(CultureInfo.InvariantCulture, $"{100 * report.OverheadShare:F1}% over these calls alone, which take {Quantity.Time(report.NetworkSeconds)}")),
            ("open", Quantity.Time(report.OpenSeconds)),
            ("first sample", Quantity.Time(report.FirstSampleSeconds)),
            ("memory", $"{Quantity.Bytes(report.PeakMemoryBytes)} at the most"),
        ]);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static long PeakMemory()
    {
        using var process = Process.GetCurrentProcess();
        return Math.Max(process.PeakWorkingSet64, process.WorkingSet64);
    }

    /// <summary>The calls of a solve without the solve: written down once, and made again on the bare network by as many threads.</summary>
    private sealed class BareCalls : IDisposable
    {
        private readonly Recording _recording;
        private readonly List<(IVelocityEvaluator Evaluator, List<int> Sizes)> _workers = [];

        public BareCalls(FlowModel model, SamplingOptions options, SolveLayout layout, int count, CancellationToken cancellationToken)
        {
            _recording = new Recording(model.Field);
            OdeSolver.Solve(
                new OdeProblem
                {
                    Field = _recording,
                    InitialState = (index, state) => model.Prior.Draw(options.Seed, index, state),
                    ConditionOf = index => options.Labels.Count == 0 ? Condition.None : new Condition { Label = options.Labels[(int)(index % options.Labels.Count)] },
                    Count = count,
                    Start = model.Start,
                    End = model.End,
                    Solver = options.Solver!,
                    Path = ProbabilityPath.Of(model.Card.Path),
                    Workers = layout.Workers,
                    Slots = layout.Slots,
                },
                cancellationToken: cancellationToken);
            foreach (List<int> sizes in _recording.Workers)
            {
                var buffers = new EvaluationBuffers(layout.Slots, model.Field.Dimension, outputs: 1);
                Noise.Fill(options.Seed, 0, buffers.States.Memory.Span);
                Array.Fill(buffers.Times, (model.Start + model.End) / 2);
                _workers.Add((model.Network.CreateEvaluator(buffers), sizes));
            }
        }

        /// <summary>Makes the calls.</summary>
        /// <returns>Seconds.</returns>
        public double Run(CancellationToken cancellationToken)
        {
            long started = Stopwatch.GetTimestamp();
            Thread[] threads = [.. _workers.Select(worker => new Thread(() =>
            {
                foreach (int rows in worker.Sizes)
                {
                    if (cancellationToken.IsCancellationRequested)
                        return;
                    worker.Evaluator.Evaluate(0, rows, output: 0, CancellationToken.None);
                }
            }))];
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                thread.Join();
            cancellationToken.ThrowIfCancellationRequested();
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        public void Dispose()
        {
            foreach ((IVelocityEvaluator evaluator, _) in _workers)
                evaluator.Dispose();
        }
    }

    /// <summary>Writes down the sizes of the calls, worker by worker.</summary>
    private sealed class Recording(IVelocityField wrapped) : IVelocityField
    {
        private readonly Lock _lock = new();

        public List<List<int>> Workers { get; } = [];

        public int Dimension => wrapped.Dimension;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers)
        {
            var sizes = new List<int>();
            lock (_lock)
                Workers.Add(sizes);
            return new Evaluator(sizes, wrapped.CreateEvaluator(buffers));
        }

        private sealed class Evaluator(List<int> sizes, IVelocityEvaluator evaluator) : IVelocityEvaluator
        {
            public void Assign(int row, long sampleIndex, Condition condition) => evaluator.Assign(row, sampleIndex, condition);

            public void Move(int source, int destination) => evaluator.Move(source, destination);

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                sizes.Add(count);
                evaluator.Evaluate(first, count, output, cancellationToken);
            }

            public void Dispose() => evaluator.Dispose();
        }
    }
}
