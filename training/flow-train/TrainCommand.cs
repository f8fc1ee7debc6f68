using System.CommandLine;

namespace FlowRuntime.TrainTool;

/// <summary>The trainer's command line.</summary>
internal static class TrainCommand
{
    public static RootCommand Root()
    {
        var root = new RootCommand("Trains flow-matching networks and exports them to ONNX.")
        {
            DemoCommand.Make(),
        };
        return root;
    }
}
