namespace FlowRuntime.Onnx;

/// <summary>What a graph or a function of a model's file calls, and how often: ONNX Runtime puts each function's nodes in the place of its calls.</summary>
/// <param name="described">What it is, for messages.</param>
internal sealed class FunctionBody(string described)
{
    private const int MostCalls = 64;

    private readonly Dictionary<string, long> _calls = [];
    private long? _expanded;

    /// <summary>What a node names the function by.</summary>
    public static string Key(string domain, string name, string overload) => $"{(domain == "ai.onnx" ? "" : domain)}\n{name}\n{overload}";

    /// <summary>Counts a node.</summary>
    public void Add(string key) => _calls[key] = _calls.GetValueOrDefault(key) + 1;

    /// <summary>Number of nodes once functions stand in place of their calls; the largest number where they are more than can be counted.</summary>
    /// <param name="functions">The file's functions.</param>
    /// <param name="around">Those that lead here.</param>
    /// <exception cref="InvalidDataException">A function calls itself.</exception>
    public long Expanded(Dictionary<string, FunctionBody> functions, HashSet<FunctionBody> around)
    {
        if (_expanded is { } known)
            return known;
        if (!around.Add(this) || around.Count > MostCalls)
            throw new InvalidDataException($"{described} calls itself, or calls lie more than {MostCalls} deep in one another");
        long nodes = 0;
        foreach ((string key, long count) in _calls)
        {
            long each = functions.TryGetValue(key, out FunctionBody? called) ? called.Expanded(functions, around) : 1;
            nodes = each > (long.MaxValue - nodes) / count ? long.MaxValue : nodes + count * each;
        }
        around.Remove(this);
        _expanded = nodes;
        return nodes;
    }
}
