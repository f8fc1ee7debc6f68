using FlowRuntime.CommandLine;
using FlowRuntime.TrainTool;

return await CommandHost.RunAsync(TrainCommand.Root(), args, Console.Out, Console.Error);
