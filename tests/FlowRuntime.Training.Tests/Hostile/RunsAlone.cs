namespace FlowRuntime.Training.Tests.Hostile;

/// <summary>
/// Hostile files are tried when no other test runs: they make collections of garbage the more frequent, and a number that a test hands to TorchSharp may be
/// freed by one in the midst of a call, which ends the process (docs/architecture.md, "Numbers handed to TorchSharp").
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RunsAlone
{
    public const string Name = "Hostile files";
}
