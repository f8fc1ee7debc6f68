using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FlowRuntime.Extensions;

/// <summary>Opens and calls the models that wish it when the host starts.</summary>
internal sealed class FlowModelWarmUp(IServiceProvider provider, IEnumerable<FlowModelName> names, IOptionsMonitor<FlowModelSettings> settings) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            foreach (FlowModelName model in names.Where(model => settings.Get(model.Name).WarmUp))
                provider.GetRequiredKeyedService<FlowModel>(model.Name).WarmUp(cancellationToken);
        },
        cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
