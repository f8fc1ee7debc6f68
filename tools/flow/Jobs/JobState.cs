using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Jobs;

/// <summary>What rows cost so far, over all runs of a job.</summary>
internal sealed record JobTotals(long Failed, long Evaluations, long Accepted, long Rejected, double Seconds);

/// <summary>
/// What is known of an unfinished output: the file FILE.partial.json beside FILE.partial, written again every few seconds, after the rows it counts have reached the disk.
/// </summary>
/// <param name="Arguments">The command line that began it.</param>
/// <param name="Settings">All that the rows depend on; a run goes on with them where its own are the same.</param>
/// <param name="Rows">What a row is.</param>
/// <param name="Count">Number of rows in all.</param>
/// <param name="Done">Rows that are there, from the first on.</param>
/// <param name="Totals">What they cost.</param>
internal sealed record JobState(string[] Arguments, SortedDictionary<string, string> Settings, RowDescription Rows, long Count, long Done, JobTotals Totals);
