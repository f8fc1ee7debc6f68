using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace FlowRuntime.Extensions;

/// <summary>Adds models to a host; made by <see cref="FlowRuntimeServices.AddFlowRuntime"/>.</summary>
public sealed class FlowRuntimeBuilder
{
    internal FlowRuntimeBuilder(IServiceCollection services) => Services = services;

    /// <summary>The host's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Adds a model from a file.</summary>
    /// <param name="name">Its name, by which it is asked for: <c>[FromKeyedServices("digits")] FlowModel model</c>. The first one added is also the <see cref="FlowModel"/> without a name.</param>
    /// <param name="path">The ONNX file; a relative path is one from the application's folder.</param>
    /// <param name="configure">Sets what else is wished. Default: nothing.</param>
    /// <exception cref="ArgumentException">There is a model of that name.</exception>
    public FlowRuntimeBuilder AddModel(string name, string path, Action<FlowModelSettings>? configure = null) => Add(name, options => options.Configure(settings =>
    {
        settings.Path = path;
        configure?.Invoke(settings);
    }));

    /// <summary>Adds a model from configuration, such as <c>{ "Path": "models/digits.onnx", "Provider": "cuda" }</c>.</summary>
    /// <param name="name">Its name; see <see cref="AddModel(string, string, Action{FlowModelSettings}?)"/>.</param>
    /// <param name="configuration">A section with the fields of <see cref="FlowModelSettings"/>.</param>
    /// <exception cref="ArgumentException">There is a model of that name.</exception>
    public FlowRuntimeBuilder AddModel(string name, IConfiguration configuration) => Add(name, options => options.Bind(configuration));

    private FlowRuntimeBuilder Add(string name, Action<OptionsBuilder<FlowModelSettings>> configure)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (Services.Any(service => service.ServiceType == typeof(FlowModel) && service.IsKeyedService && Equals(service.ServiceKey, name)))
            throw new ArgumentException($"There is a model '{name}' already. Give each model its own name.", nameof(name));
        configure(Services.AddOptions<FlowModelSettings>(name)
            .Validate(settings => settings.Path.Length > 0, $"The model '{name}' has no Path. Give the ONNX file."));
        Services.AddKeyedSingleton(name, static (provider, key) => FlowModelOpening.Open(
            (string)key!,
            provider.GetRequiredService<IOptionsMonitor<FlowModelSettings>>().Get((string)key!),
            provider.GetService<ILoggerFactory>()?.CreateLogger<FlowModel>() ?? NullLogger<FlowModel>.Instance));
        Services.TryAddSingleton(provider => provider.GetRequiredKeyedService<FlowModel>(name));
        Services.AddSingleton(new FlowModelName(name));
        return this;
    }
}

/// <summary>The name of a model that was added.</summary>
internal sealed record FlowModelName(string Name);
