namespace FlowRuntime.Tool.Verbs;

/// <summary>A progress line on stderr where that is a terminal, and nothing elsewhere.</summary>
internal sealed class MeasuringProgress(bool quiet) : IProgress<double>, IDisposable
{
    private readonly bool _shows = !quiet && !Console.IsErrorRedirected;

    public void Report(double value) => Show(FormattableString.Invariant($"\rmeasuring … {100 * value:0} % "));

    public void Dispose() => Show("\r                       \r");

    // Straight to the terminal: a Spectre console would make new lines of \r.
    private void Show(string line)
    {
        if (_shows)
            Console.Error.Write(line);
    }
}
