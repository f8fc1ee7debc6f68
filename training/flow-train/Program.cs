using FlowRuntime.CommandLine;
using FlowRuntime.TrainTool;

if (args is not ["bench", ..]) // which measures what it brings
    Allocator.KeepFreedMemory();
return await CommandHost.RunAsync(TrainCommand.Root(), args, Console.Out, Console.Error);
