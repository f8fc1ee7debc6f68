using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace FlowRuntime.Extensions;

/// <summary>FlowRuntime in a host: models by name, opened once, shared by all requests and closed with the host.</summary>
/// <example>
/// <code>
/// builder.Services.AddFlowRuntime().AddModel("digits", "models/digits.onnx");
/// builder.Services.AddHealthChecks().AddFlowModels();
/// </code>
/// </example>
public static class FlowRuntimeServices
{
    /// <summary>Name of the health check where none is given.</summary>
    private const string HealthCheckName = "flow_models";

    /// <summary>Begins to add models. They are opened when first asked for, or when the host starts (<see cref="FlowModelSettings.WarmUp"/>).</summary>
    /// <param name="services">The host's services.</param>
    public static FlowRuntimeBuilder AddFlowRuntime(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, FlowModelWarmUp>());
        return new FlowRuntimeBuilder(services);
    }

    /// <summary>
    /// Adds a health check of all models: each must open and answer a call. A model that runs on another provider than was asked for by name is degraded.
    /// </summary>
    /// <param name="builder">The host's health checks.</param>
    /// <param name="name">Name of the check. Default <c>flow_models</c>.</param>
    /// <param name="tags">Tags to filter checks by. Default: none.</param>
    public static IHealthChecksBuilder AddFlowModels(this IHealthChecksBuilder builder, string name = HealthCheckName, IEnumerable<string>? tags = null) =>
        builder.AddCheck<FlowModelHealthCheck>(name, failureStatus: null, tags ?? []);
}
