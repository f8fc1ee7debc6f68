using System.CommandLine;
using FlowRuntime.Tool.Verbs;

namespace FlowRuntime.Tool;

/// <summary>The command line of the sample-generation tool.</summary>
internal static class FlowCommand
{
    private const string WhatNext = """
        flow samples generative flow models (ONNX files with a card).

          flow inspect MODEL                        what a model is and what it needs
          flow sample MODEL --out samples.png       draw samples: .png, .npy, .csv, a folder of pictures, or - for a pipe

          flow encode MODEL --in X --out Z.npy      data to the noise they come from
          flow interpolate MODEL --in X --out FILE  what lies between data
          flow edit MODEL --in X --start T --out F  noise data to a time and solve on
          flow inpaint MODEL --in X --mask M …      draw what is missing
          flow likelihood MODEL --in X --out FILE   log-densities of data
          flow join PART… --out FILE                put the shards of a job together

          flow tune MODEL                           find the fastest solver for this model and write it into its card
          flow bench MODEL                          how fast it samples here
          flow card MODEL                           begin a card for a network of somebody else's
          flow bake MODEL --out SAMPLER.onnx        the whole sampler as one ONNX file, for other languages and servers
          flow play MODEL                           samples on their way from noise to data, in the browser
          flow devices                              what models can run on, and whether it works
          flow completion bash                      complete verbs and options at the tab key

        Add --help to a verb for its options and examples.
        """;

    public static RootCommand Root()
    {
        var root = new RootCommand("Samples generative flow models.")
        {
            InspectCommand.Make(), SampleCommand.Make(), EncodeCommand.Make(), InterpolateCommand.Make(), EditCommand.Make(), InpaintCommand.Make(), LikelihoodCommand.Make(),
            JoinCommand.Make(), TuneCommand.Make(), BenchCommand.Make(), CardCommand.Make(), BakeCommand.Make(), PlayCommand.Make(), DevicesCommand.Make(), CompletionCommand.Make(),
        };
        root.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(WhatNext));
        return root;
    }
}
