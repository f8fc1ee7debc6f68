using FlowRuntime.CommandLine;
using FlowRuntime.Tool;

return await CommandHost.RunAsync(FlowCommand.Root(), args, Console.Out, Console.Error);
