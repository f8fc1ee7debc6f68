namespace FlowRuntime.Tests;

/// <summary>How often a property is tried: a usual number in the daily suite, and what CsCheck_Iter or CsCheck_Time say in a long run.</summary>
internal static class Iterations
{
    private static readonly string[] Asked = ["CsCheck_Iter", "CsCheck_Time"];

    /// <summary>The usual number; −1, by which CsCheck goes by its variables, where one of them is set.</summary>
    public static long Usual(long number) => Asked.Any(name => Environment.GetEnvironmentVariable(name) is not null) ? -1 : number;
}
