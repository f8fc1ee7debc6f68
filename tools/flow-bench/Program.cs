using FlowRuntime.Bench;
using FlowRuntime.CommandLine;

return await CommandHost.RunAsync(BenchCommand.Root(), args, Console.Out, Console.Error);
