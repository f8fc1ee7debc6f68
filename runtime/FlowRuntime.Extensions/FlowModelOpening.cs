using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace FlowRuntime.Extensions;

/// <summary>Opens a host's model and says so in its log.</summary>
internal static partial class FlowModelOpening
{
    public static FlowModel Open(string name, FlowModelSettings settings, ILogger logger)
    {
        long started = Stopwatch.GetTimestamp();
        string path = Path.GetFullPath(settings.Path, AppContext.BaseDirectory);
        try
        {
            FlowModel model = FlowModel.Open(path, settings.ToOptions());
            Opened(logger, name, path, model.ProviderReport.Chosen, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            if (model.ProviderReport.FellBack)
                FellBack(logger, name, model.ProviderReport.ToString());
            return model;
        }
        catch (Exception e)
        {
            Failed(logger, e, name, path);
            throw;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Flow model {Name} is open: {Path} on {Provider}, in {Milliseconds:F0} ms.")]
    private static partial void Opened(ILogger logger, string name, string path, string provider, double milliseconds);

    [LoggerMessage(2, LogLevel.Warning, "Flow model {Name} runs on {Report}.")]
    private static partial void FellBack(ILogger logger, string name, string report);

    [LoggerMessage(3, LogLevel.Error, "Flow model {Name} does not open: {Path}.")]
    private static partial void Failed(ILogger logger, Exception error, string name, string path);
}
