namespace FlowRuntime.CommandLine;

/// <summary>Work was interrupted by its user; the message says what is kept and how to go on.</summary>
internal sealed class InterruptedWorkException(string message, Exception cause) : OperationCanceledException(message, cause);
