using FlowRuntime.CommandLine;
using FlowRuntime.Tool;
using FlowRuntime.Tool.Isolation;

return await CommandHost.RunAsync(
    FlowCommand.Root(), args, Console.Out, Console.Error, parsed => SandboxedProcess.Enter() || !Sandbox.Wanted(parsed) ? null : Sandbox.Run(parsed, args, Console.Error));
