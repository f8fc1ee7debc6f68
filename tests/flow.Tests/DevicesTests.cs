using System.Text.Json;
using FlowRuntime.CommandLine;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow devices</c> tells what models can run on, and checks it.</summary>
public sealed class DevicesTests
{
    [Fact]
    public async Task Providers_that_are_absent_say_why()
    {
        ToolRun run = (await ToolRun.InProcess("devices")).EnsureSuccess();
        Assert.Matches("(?m)^cuda +not in this application's ONNX Runtime, which has cpu$", run.Output);
        Assert.Matches("(?m)^cpu +works$", run.Output);
        Assert.DoesNotContain("pass", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_self_test_passes_on_the_CPU()
    {
        ToolRun run = (await ToolRun.InProcess("devices", "--self-test", "--json")).EnsureSuccess();
        using JsonDocument told = JsonDocument.Parse(run.Output);
        JsonElement[] checks = [.. told.RootElement.GetProperty("self_test").EnumerateArray()];
        Assert.Equal(5, checks.Length);
        Assert.All(checks, check => Assert.True(check.GetProperty("passed").GetBoolean(), check.ToString()));
        Assert.All(checks, check => Assert.Equal("cpu", check.GetProperty("provider").GetString()));
    }

    /// <summary>Its network has an input row look at the others: v = x + t · (maximum over all rows of x).</summary>
    [Fact]
    public async Task The_self_test_fails_where_rows_depend_on_one_another()
    {
        using var folder = new FlowRuntime.Tests.TemporaryFolder();
        byte[] graph = FlowRuntime.Tests.TinyModel.TimesTimePlus([], [FlowRuntime.Tests.TinyModel.Node("ReduceMax", ["x"], "f")]);
        string model = FlowRuntime.Tests.TinyModel.Write(folder, "model.onnx", graph, FlowRuntime.Tests.TinyModel.Card);
        ToolRun run = await ToolRun.InProcess("devices", "--self-test", "--model", model, "--provider", "cpu");
        Assert.Equal(CommandHost.FailedAtWork, run.ExitCode);
        Assert.Matches("(?m)^FAIL +cpu: a sample is the same alone and among others", run.Output);
    }

    [Fact]
    public async Task A_plug_in_that_is_none_is_told_by_its_file()
    {
        ToolRun run = await ToolRun.InProcess("devices", "--plug-in", "none.so");
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.Contains("none.so", run.Error, StringComparison.Ordinal);
    }
}
