using System.Diagnostics;

namespace FlowRuntime.Bench;

/// <summary>Many threads on one model, with random cancellations, and a dispose in the middle: no crash, no wrong sample, memory that stays.</summary>
internal static class SharedModel
{
    private const int Threads = 64, Solves = 2_400, Samples = 4, Seeds = 32;

    public static IEnumerable<Figure> Run()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Models", "digits.onnx");
        SamplingOptions options = new() { Labels = [.. Enumerable.Range(0, 10)] };
        FlowModel model = FlowModel.Open(path);
        float[][] expected = [.. Enumerable.Range(0, Seeds).Select(seed => model.Sample(Samples, options with { Seed = (ulong)seed }).EnsureSuccess().Values)];
        long right = 0, wrong = 0, cancelled = 0, closed = 0, other = 0, done = 0;
        var looks = new List<Held>();
        long started = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() => Work(thread)))];
        foreach (Thread thread in threads)
            thread.Start();
        while (threads.Any(thread => thread.IsAlive))
        {
            Thread.Sleep(500);
            looks.Add(Held.Now());
        }
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        model.Dispose();
        string section = $"{Threads} threads × {Solves:N0} solves of {Samples} samples on one model, a third of them cancelled, the model closed and opened anew in the middle";
        yield return new Figure(section, "solves that ended as they should", right + cancelled + closed, "solves", (long)Threads * Solves, AtLeast: true, Remark: $"{right:N0} right, {cancelled:N0} cancelled, {closed:N0} ended by the closing");
        yield return new Figure(section, "wrong samples", wrong, "solves", 0);
        yield return new Figure(section, "other exceptions", other, "solves", 0);
        foreach (Figure figure in Held.Growth(section, looks))
            yield return figure;
        yield return new Figure(section, "samples a second", right * Samples / seconds, "samples/s");

        void Work(int thread)
        {
            var random = new Random(thread);
            for (int i = 0; i < Solves; i++)
            {
                if (Interlocked.Increment(ref done) == (long)Threads * Solves / 2)
                    Interlocked.Exchange(ref model, FlowModel.Open(path)).Dispose();
                int seed = random.Next(Seeds);
                using var source = new CancellationTokenSource();
                if (random.Next(3) == 0)
                    source.CancelAfter(TimeSpan.FromMilliseconds(random.Next(20)));
                try
                {
                    float[] values = Volatile.Read(ref model).Sample(Samples, options with { Seed = (ulong)seed, Workers = 1 + random.Next(2) }, cancellationToken: source.Token).Values;
                    Interlocked.Increment(ref values.AsSpan().SequenceEqual(expected[seed]) ? ref right : ref wrong);
                }
                catch (OperationCanceledException) when (source.IsCancellationRequested)
                {
                    Interlocked.Increment(ref cancelled);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref closed);
                }
                catch (Exception e)
                {
                    if (Interlocked.Increment(ref other) == 1)
                        Console.Error.WriteLine(e);
                }
            }
        }
    }
}
