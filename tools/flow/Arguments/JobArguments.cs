using System.CommandLine;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Arguments;

/// <summary>Which rows are drawn, where they go, and how the work is done; shared by the verbs that draw rows.</summary>
internal sealed class JobArguments
{
    private readonly Option<string> _out = new("--out")
    {
        Description = "File to write: .npy, .csv, .png (a grid of images, or a scatter of points), a folder with / at its end (one .png each), or - for stdout.",
        Required = true,
    };

    private readonly Option<string?> _format = new("--format") { Description = "What goes to stdout: csv (the default) or npy." };
    private readonly Option<long?>? _count;
    private readonly Option<long>? _first;
    private readonly Option<string?> _shard = new("--shard") { Description = "Do part i of n of the job, i/n with i from 0: the parts together are the same rows whatever n is." };
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on with what an interrupted run left, or begin where there is nothing; what is complete stays." };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Tell time, memory and disk space that the job takes, by a short trial, and write nothing." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object and nothing else." };

    /// <param name="count">What the number of rows means; null where it cannot be chosen.</param>
    /// <param name="first">What the first row means; null where it cannot be chosen.</param>
    public JobArguments(string? count, string? first)
    {
        _count = count is null ? null : new Option<long?>("--count") { Description = count };
        _first = first is null ? null : new Option<long>("--first") { Description = first };
    }

    public void AddTo(Command command)
    {
        foreach (Option? option in new Option?[] { _out, _format, _count, _first, _shard, _resume, _dryRun, _json })
        {
            if (option is not null)
                command.Add(option);
        }
    }

    /// <summary>Whether one JSON object is printed and nothing else.</summary>
    public bool Json(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Whether to go on with what an interrupted run left.</summary>
    public bool Resume(ParseResult parsed) => parsed.GetValue(_resume);

    /// <summary>Whether to tell the cost alone.</summary>
    public bool DryRun(ParseResult parsed) => parsed.GetValue(_dryRun);

    /// <summary>Number of rows as it is given; null where it is not.</summary>
    public long? Count(ParseResult parsed) => _count is null || parsed.GetValue(_count) is not { } count ? null
        : count >= 1 ? count : throw new ArgumentException($"--count: {count} is no number of samples. Give at least 1.");

    /// <summary>The first row of the whole job.</summary>
    public long First(ParseResult parsed) => _first is null ? 0 : parsed.GetValue(_first) is >= 0 and var first ? first
        : throw new ArgumentException("--first: Give an index of at least 0.");

    /// <summary>The part of the job that is done; null for all of it.</summary>
    public Shard? Part(ParseResult parsed) => parsed.GetValue(_shard) is { } text ? CommandHost.Checked("--shard", () => Shard.Parse(text)) : null;

    /// <summary>Where the rows go, having seen that they can be written.</summary>
    public OutputTarget Target(ParseResult parsed)
    {
        var target = OutputTarget.Of(parsed.GetRequiredValue(_out), parsed.GetValue(_format), Part(parsed));
        if (target.IsStandardOutput && Json(parsed) && !DryRun(parsed))
            throw new ArgumentException("--json: stdout takes the rows or the object, not both. Name a file with --out, or leave --json out.");
        if (target.IsStandardOutput && Resume(parsed))
            throw new ArgumentException("--resume: what went to stdout cannot be gone on with. Name a file with --out.");
        if (!DryRun(parsed))
            target.RequireWritable();
        return target;
    }
}
