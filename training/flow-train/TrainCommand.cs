using System.CommandLine;
using FlowRuntime.TrainTool.Bench2d;
using FlowRuntime.TrainTool.Evaluation;

namespace FlowRuntime.TrainTool;

/// <summary>The trainer's command line.</summary>
internal static class TrainCommand
{
    private const string WhatNext = """
        flow-train trains generative flow models and exports them to ONNX.

          flow-train demo                              handwritten digits, from data to pictures in a minute
          flow-train run --data moons --out runs/moons train on a data set
          flow-train resume RUN                        go on with a run that was stopped
          flow-train report RUN                        the page on a finished run anew
          flow-train export RUN --out MODEL.onnx       export a run's network
          flow-train evaluate RUN                      how good its samples are, beside real data
          flow-train bench                             steps a second, beside the plainest loop
          flow-train bench-2d                          published protocols of the plane, beside the published figures

        Add --help to a verb for its options and examples.
        """;

    public static RootCommand Root()
    {
        var root = new RootCommand("Trains generative flow models and exports them to ONNX.")
        {
            DemoCommand.Make(), RunCommand.Make(), ResumeCommand.Make(), SoakCommand.Make(), ReportCommand.Make(), ExportCommand.Make(), EvaluateCommand.Make(), BenchCommand.Make(), Bench2dCommand.Make(),
        };
        root.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(WhatNext));
        return root;
    }
}
