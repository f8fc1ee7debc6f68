using FlowRuntime.Ode;

namespace FlowRuntime.Onnx;

/// <summary>Keeps the states of a model's solves in the memory of its device where that can be.</summary>
internal sealed class DeviceArithmetic : IDisposable
{
    private readonly OnnxSession _session;
    private readonly OnnxField _field;
    private readonly DeviceGraphs _graphs;
    private readonly DeviceMemory _memory;
    private readonly Holders _holders;
    private int _disposed;

    /// <exception cref="NotSupportedException">The provider's memory cannot be used so.</exception>
    public DeviceArithmetic(OnnxSession session, OnnxField field, FlowModelOptions options)
    {
        (_session, _field) = (session, field);
        _memory = DeviceMemory.Of(session.Native, session.Provider, options.Device);
        _graphs = new DeviceGraphs(options, session.Provider);
        _holders = new Holders(() =>
        {
            _graphs.Dispose();
            _memory.Dispose();
        });
    }

    /// <summary>What makes a worker's arithmetic for a solve; null where its states stay on the host.</summary>
    public Func<int, IStateArithmetic>? For(SolverOptions solver, SamplingOptions options, bool finishesWithData) =>
        _field.TakesDeviceStates && options is { Guidance.IsNone: true, LogDensity: false, TrajectoryTimes.Count: 0 } && solver is AdaptiveSteps { Moments: null } && !finishesWithData
            ? Make : null;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _holders.Release();
    }

    private DeviceStates Make(int slots)
    {
        _session.Hold(); // the memory is of its allocator
        if (_holders.TryHold())
            return new DeviceStates(_graphs, _memory, slots, _field.Dimension, LetGo);
        _session.Release();
        throw new ObjectDisposedException(nameof(FlowModel), $"The model {_session.Name} was disposed.");
    }

    private void LetGo()
    {
        _holders.Release();
        _session.Release();
    }
}
