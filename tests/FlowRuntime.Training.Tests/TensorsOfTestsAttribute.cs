using System.Reflection;
using TorchSharp;
using Xunit.v3;

[assembly: FlowRuntime.Training.Tests.TensorsOfTests]

namespace FlowRuntime.Training.Tests;

/// <summary>
/// Holds the tensors of each test until it ends. TorchSharp gives a tensor's handle to a call without holding the tensor: one that nothing refers to afterwards,
/// such as the inner one of a.reshape(…).sum(), may be collected while the call reads it, which ends the process.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class TensorsOfTestsAttribute : BeforeAfterTestAttribute
{
    [ThreadStatic]
    private static DisposeScope? s_scope; // a test that waits may end on another thread; the next one here frees what it left

    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        s_scope?.Dispose();
        s_scope = torch.NewDisposeScope();
    }

    /// <inheritdoc/>
    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        s_scope?.Dispose();
        s_scope = null;
    }
}
