namespace FlowRuntime.Tool.Tests;

/// <summary>Nothing is collected: ONNX Runtime's own telemetry would keep a number of the machine and events in the user's cache folder.</summary>
public sealed class PrivacyTests : IDisposable
{
    private readonly WorkFolder _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task The_tool_leaves_nothing_in_the_home_of_its_user()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere the telemetry is the operating system's.");

        // An environment of its own: ONNX Runtime keeps quiet where it sees the variables of a build server.
        (await ToolRun.InShell("exec env -i HOME=\"$2\" \"$0\" \"$1\" inspect \"$3\"", _home[""], Models.Moons)).EnsureSuccess();

        Assert.Empty(_home.Entries);
    }
}
