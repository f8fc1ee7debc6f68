using FlowRuntime.CommandLine;
using FlowRuntime.TrainTool;

Allocator.KeepFreedMemory();
return await CommandHost.RunAsync(TrainCommand.Root(), args, Console.Out, Console.Error);
