using System.CommandLine;

namespace FlowRuntime.Tool;

/// <summary>The command line of the sample-generation tool.</summary>
internal static class FlowCommand
{
    private const string WhatNext = """
        flow samples generative flow models (ONNX files with a card).

          flow inspect MODEL                        what a model is and what it needs
          flow card MODEL                           begin a card for a network of somebody else's
          flow sample MODEL --out samples.png       draw samples: .png, .npy or .csv
          flow tune MODEL                           find the fastest solver for this model and write it into its card
          flow devices                              what models can run on, and whether it works

        Add --help to a verb for its options and examples.
        """;

    public static RootCommand Root()
    {
        var root = new RootCommand("Samples generative flow models.") { InspectCommand.Make(), CardCommand.Make(), SampleCommand.Make(), TuneCommand.Make(), DevicesCommand.Make() };
        root.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(WhatNext));
        return root;
    }
}
