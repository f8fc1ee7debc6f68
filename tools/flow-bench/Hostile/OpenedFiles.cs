using System.Globalization;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Bench.Hostile;

/// <summary>What a child process does: opens hostile models one after another and tells of each before and after, so that its parent knows which one ended it.</summary>
internal static class OpenedFiles
{
    public const string Begin = "begin";
    public const string End = "end";

    /// <summary>Opens files and writes a line before and after each: the index, its kind, and how it ended.</summary>
    public static void Open(int seed, long first, long count, string path, TextWriter output)
    {
        var models = new HostileModels(seed);
        for (long index = first; index < first + count; index++)
        {
            (string kind, byte[] bytes) = models[index];
            File.WriteAllBytes(path, bytes);
            Write(output, Begin, index, kind);
            Write(output, End, index, Outcome(path));
        }
        File.Delete(path);
    }

    private static string Outcome(string path)
    {
        try
        {
            using FlowModel model = FlowModel.Open(path, new FlowModelOptions { Provider = "cpu", Processors = 1 });
            SampleBatch batch = model.Sample(1, new SamplingOptions { Solver = new FixedSteps(ButcherTableau.Euler, 2), Workers = 1, Slots = 1 });
            return batch.Failed == 0 ? "ran" : "ran: the sample failed";
        }
        catch (Exception e) when (e.Message.Contains('\n', StringComparison.Ordinal))
        {
            return $"other: a message of several lines from {e.GetType().Name}\t{e.Message.ReplaceLineEndings(" | ")}";
        }
        catch (InvalidDataException e)
        {
            return $"refused when opened\t{e.Message}";
        }
        catch (InvalidOperationException e) when (e.Message.StartsWith("The network failed: ", StringComparison.Ordinal))
        {
            return $"refused when run\t{e.Message}";
        }
        catch (Exception e)
        {
            return $"other: {e.GetType().Name}\t{e.Message}";
        }
    }

    private static void Write(TextWriter output, string what, long index, string text)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}\t{index}\t{text}"));
        output.Flush();
    }
}
