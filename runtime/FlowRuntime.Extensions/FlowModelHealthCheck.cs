using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FlowRuntime.Extensions;

/// <summary>Whether every model opens and answers.</summary>
internal sealed class FlowModelHealthCheck(IServiceProvider provider, IEnumerable<FlowModelName> names) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.Run(() => Check(context.Registration.FailureStatus, cancellationToken), cancellationToken);

    private HealthCheckResult Check(HealthStatus failure, CancellationToken cancellationToken)
    {
        var data = new Dictionary<string, object>();
        string? degraded = null;
        foreach (FlowModelName model in names)
        {
            try
            {
                FlowModel opened = provider.GetRequiredKeyedService<FlowModel>(model.Name);
                opened.WarmUp(cancellationToken);
                data[model.Name] = opened.ProviderReport.ToString();
                if (opened.ProviderReport.FellBack)
                    degraded ??= $"The model {model.Name} runs on {opened.ProviderReport}.";
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return new HealthCheckResult(failure, $"The model {model.Name} does not answer: {e.Message}", e, data);
            }
        }
        return degraded is null ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded(degraded, data: data);
    }
}
