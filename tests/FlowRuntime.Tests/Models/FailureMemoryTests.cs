using System.Diagnostics;

namespace FlowRuntime.Tests;

/// <summary>Measures the process's memory, and so runs when no other test does.</summary>
[Collection(nameof(FailureMemoryTests)), CollectionDefinition(nameof(FailureMemoryTests), DisableParallelization = true)]
public sealed class FailureMemoryTests
{
    private const long Slack = 8 << 20;

    [Fact]
    public void Failures_of_the_network_leave_no_memory_behind()
    {
        using var folder = new TemporaryFolder();
        using FlowModel model = FlowModel.Open(TinyModel.Write(folder, "failing.onnx", FailingNetworkTests.Throws(), FailingNetworkTests.Card));
        Fail(100);
        long before = Resident();
        Fail(200);
        Assert.InRange(Resident() - before, long.MinValue, Slack);

        void Fail(int times)
        {
            for (int i = 0; i < times; i++)
                Assert.Throws<InvalidOperationException>(() => model.Sample(500, new SamplingOptions { Labels = [1], Workers = 2 }));
        }

        static long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            using var process = Process.GetCurrentProcess();
            return process.WorkingSet64;
        }
    }
}
