using System.Diagnostics;
using FlowRuntime;
using FlowRuntime.Sampling;

// The smallest program that samples: tells how long it was from the start of its process to the first sample. Publish it with Native AOT.
using FlowModel model = FlowModel.Open(args[0]);
TimeSpan opened = DateTime.Now - Process.GetCurrentProcess().StartTime;
SampleBatch batch = model.Sample(1, new SamplingOptions { Seed = 1 }).EnsureSuccess();
TimeSpan drawn = DateTime.Now - Process.GetCurrentProcess().StartTime;
Console.WriteLine(FormattableString.Invariant($"{batch.Dimension} values by {batch.Evaluations[0]} evaluations; model open after {opened.TotalMilliseconds:F0} ms, first sample after {drawn.TotalMilliseconds:F0} ms"));
