using FlowRuntime.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FlowRuntime.Extensions.Tests;

/// <summary>Models in a host: by name, from code or configuration, opened once, closed with the host.</summary>
public class HostedModelTests
{
    private static readonly string Digits = Repository.Model("digits.onnx");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_model_is_one_for_all_who_ask_by_its_name_and_closed_with_the_host()
    {
        FlowModel first;
        await using (ServiceProvider provider = Services(flow => flow.AddModel("digits", Digits).AddModel("more", Digits)))
        {
            first = provider.GetRequiredKeyedService<FlowModel>("digits");
            using IServiceScope scope = provider.CreateScope();
            Assert.Same(first, scope.ServiceProvider.GetRequiredKeyedService<FlowModel>("digits"));
            Assert.Same(first, provider.GetRequiredService<FlowModel>()); // the first one has no need of a name
            Assert.NotSame(first, provider.GetRequiredKeyedService<FlowModel>("more"));
            Assert.Null(provider.GetKeyedService<FlowModel>("none"));
            Assert.Equal(0, first.Sample(2, cancellationToken: Token).Failed);
        }
        Assert.Throws<ObjectDisposedException>(() => first.Sample(1));
    }

    [Fact]
    public async Task Settings_come_from_configuration()
    {
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Flow:digits:Path"] = Digits,
            ["Flow:digits:Provider"] = "cuda",
            ["Flow:digits:Device"] = "1",
            ["Flow:digits:Threads"] = "1",
            ["Flow:digits:MaxConcurrentSolves"] = "3",
            ["Flow:digits:WarmUp"] = "false",
            ["Flow:digits:ProviderOptions:arena_extend_strategy"] = "kSameAsRequested",
        }).Build();
        await using ServiceProvider provider = Services(flow => flow.AddModel("digits", configuration.GetSection("Flow:digits")));
        FlowModelSettings settings = provider.GetRequiredService<IOptionsMonitor<FlowModelSettings>>().Get("digits");
        Assert.Equal((Digits, "cuda", 1, 1, 3, false), (settings.Path, settings.Provider, settings.Device, settings.Threads, settings.MaxConcurrentSolves, settings.WarmUp));
        Assert.Equal("kSameAsRequested", settings.ProviderOptions["arena_extend_strategy"]);
        Assert.Equal("cuda", provider.GetRequiredKeyedService<FlowModel>("digits").ProviderReport.Requested);
    }

    [Fact]
    public async Task The_log_says_what_was_opened_and_what_it_runs_on()
    {
        var log = new ListLogger();
        await using ServiceProvider provider = Services(flow => flow.AddModel("digits", Digits).AddModel("gpu", Digits, settings => settings.Provider = "cuda"), log);
        provider.GetRequiredKeyedService<FlowModel>("digits");
        Assert.StartsWith($"Information: Flow model digits is open: {Digits} on cpu, in ", Assert.Single(log.Entries), StringComparison.Ordinal);
        provider.GetRequiredKeyedService<FlowModel>("gpu");
        Assert.StartsWith("Warning: Flow model gpu runs on cpu (asked for cuda; cuda: not in this application's ONNX Runtime", log.Entries[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_does_not_start_with_a_model_that_does_not_open()
    {
        var log = new ListLogger();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(log);
        builder.Services.AddFlowRuntime().AddModel("digits", Digits).AddModel("none", "none.onnx").AddModel("later", "later.onnx", settings => settings.WarmUp = false);
        using IHost host = builder.Build();
        var error = await Assert.ThrowsAsync<FileNotFoundException>(() => host.StartAsync(Token));
        Assert.Contains(Path.Combine(AppContext.BaseDirectory, "none.onnx"), error.Message, StringComparison.Ordinal);
        Assert.Contains(log.Entries, entry => entry.StartsWith("Error: Flow model none does not open", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_host_opens_its_models_when_it_starts()
    {
        var log = new ListLogger();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(log);
        builder.Services.AddFlowRuntime().AddModel("digits", Digits);
        using IHost host = builder.Build();
        await host.StartAsync(Token);
        Assert.Contains(log.Entries, entry => entry.StartsWith("Information: Flow model digits is open", StringComparison.Ordinal));
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task Health_is_that_of_the_worst_model()
    {
        Assert.Equal(HealthStatus.Healthy, (await Health(flow => flow.AddModel("digits", Digits))).Status);
        HealthReportEntry degraded = await Health(flow => flow.AddModel("digits", Digits).AddModel("gpu", Digits, settings => settings.Provider = "cuda"));
        Assert.Equal(HealthStatus.Degraded, degraded.Status);
        Assert.Contains("gpu runs on cpu (asked for cuda", degraded.Description, StringComparison.Ordinal);
        Assert.Equal(["digits", "gpu"], degraded.Data.Keys.Order());
        HealthReportEntry unhealthy = await Health(flow => flow.AddModel("digits", Digits).AddModel("none", "none.onnx"));
        Assert.Equal(HealthStatus.Unhealthy, unhealthy.Status);
        Assert.Contains("none", unhealthy.Description, StringComparison.Ordinal);

        static async Task<HealthReportEntry> Health(Action<FlowRuntimeBuilder> add)
        {
            var services = new ServiceCollection();
            services.AddLogging();
            add(services.AddFlowRuntime());
            services.AddHealthChecks().AddFlowModels(tags: ["ready"]);
            await using ServiceProvider provider = services.BuildServiceProvider();
            HealthReport report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Tags.Contains("ready"), Token);
            return report.Entries["flow_models"];
        }
    }

    [Fact]
    public async Task What_cannot_be_is_refused_by_name()
    {
        Assert.Contains("'digits' already", Assert.Throws<ArgumentException>(() => Services(flow => flow.AddModel("digits", Digits).AddModel("digits", Digits))).Message, StringComparison.Ordinal);
        await using ServiceProvider provider = Services(flow => flow.AddModel("digits", ""));
        Assert.Contains("'digits' has no Path", Assert.Throws<OptionsValidationException>(() => provider.GetRequiredKeyedService<FlowModel>("digits")).Message, StringComparison.Ordinal);
    }

    private static ServiceProvider Services(Action<FlowRuntimeBuilder> add, ListLogger? log = null)
    {
        var services = new ServiceCollection();
        if (log is not null)
            services.AddLogging(logging => logging.AddProvider(log));
        add(services.AddFlowRuntime());
        return services.BuildServiceProvider();
    }

    /// <summary>A log that keeps its entries.</summary>
    private sealed class ListLogger : ILoggerProvider, ILogger
    {
        public List<string> Entries { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id is > 0 and <= 3)
                Entries.Add($"{logLevel}: {formatter(state, exception)}");
        }

        public void Dispose()
        {
        }
    }
}
