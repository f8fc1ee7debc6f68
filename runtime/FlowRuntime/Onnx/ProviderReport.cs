namespace FlowRuntime.Onnx;

/// <summary>Which execution provider a model runs on, and why.</summary>
/// <param name="Requested">What was asked for, such as <c>auto</c> or <c>cuda</c>.</param>
/// <param name="Chosen">What the model runs on.</param>
/// <param name="Attempts">What was tried, in order, the chosen one last.</param>
public sealed record ProviderReport(string Requested, string Chosen, IReadOnlyList<ProviderAttempt> Attempts)
{
    /// <summary>Whether a provider was asked for by name and the model runs on another.</summary>
    public bool FellBack => !Requested.Equals(ExecutionProvider.Auto, StringComparison.OrdinalIgnoreCase) && !Requested.Equals(Chosen, StringComparison.OrdinalIgnoreCase);

    /// <summary>One line: what was asked, what was chosen, and why the others were not.</summary>
    public override string ToString()
    {
        IEnumerable<string> refused = Attempts.Where(attempt => attempt.Name != Chosen).Select(attempt => $"{attempt.Name}: {attempt.Outcome}");
        string why = string.Join("; ", refused);
        return $"{Chosen} (asked for {Requested}{(why.Length > 0 ? $"; {why}" : "")})";
    }
}

/// <summary>One execution provider that was tried.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Outcome">"chosen", or why not.</param>
public sealed record ProviderAttempt(string Name, string Outcome)
{
    internal const string Chosen = "chosen";
}
