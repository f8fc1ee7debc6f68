using System.Text.Json;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>
/// <c>flow-train bench</c>, tried when no other test runs: its plain loop draws from torch's generator, of which a process has one, and a network that another test makes meanwhile
/// would begin with other weights.
/// </summary>
[Collection(Alone)]
public sealed class SpeedTests
{
    private const string Alone = "Draws from torch's generator";

    [CollectionDefinition(Alone, DisableParallelization = true)]
    public sealed class RunsAlone;

    [Fact]
    public async Task The_speed_benchmark_tells_every_phase_beside_the_plain_loop()
    {
        TrainRun run = await TrainRun.Of("bench", "--network", "mlp", "--steps", "20", "--rounds", "2", "--threads", "2", "--json");
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        using JsonDocument told = JsonDocument.Parse(run.Output);
        JsonElement mlp = told.RootElement.GetProperty("networks")[0];
        Assert.Equal(("mlp", 256), (mlp.GetProperty("network").GetString(), mlp.GetProperty("batch").GetInt32()));
        Assert.Equal(mlp.GetProperty("ratio").GetDouble(), mlp.GetProperty("steps_per_second").GetDouble() / mlp.GetProperty("plain").EnumerateObject().Max(way => way.Value.GetDouble()), 1e-9);
        Assert.InRange(mlp.GetProperty("loss").GetDouble() / mlp.GetProperty("plain_loss").GetDouble(), 0.8, 1.25); // of the same first weights, by other draws
        Assert.Equal(["draw", "forward", "backward", "clip", "optimise", "average"], mlp.GetProperty("phase_microseconds").EnumerateObject().Select(phase => phase.Name));
        Assert.All(mlp.GetProperty("phase_microseconds").EnumerateObject(), phase => Assert.True(phase.Value.GetDouble() > 0));
    }
}
