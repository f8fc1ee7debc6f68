using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace FlowRuntime.Training.Optimisation;

/// <summary>
/// A network's trained parameters, and their gradients, as views of one flat buffer each: a step of the optimiser is then a handful of calls,
/// however many parameters there are.
/// </summary>
/// <remarks>
/// The parameters stay the tensors they are, with their storage set to a part of the buffer; backward adds into a gradient that is there
/// already, so gradients stay views as long as they are zeroed and not replaced. Each parameter starts at a whole vector; what lies between is
/// zero and stays so. Parameters that are not trained are left alone.
/// </remarks>
internal sealed class FlatParameters : IDisposable
{
    private const int Alignment = 16; // floats: 64 bytes

    private readonly List<(string Name, Parameter Parameter, long Start)> _places = [];

    /// <param name="network">The network; its parameters lie on one device.</param>
    public FlatParameters(nn.Module network)
    {
        long length = 0;
        foreach ((string name, Parameter parameter) in network.named_parameters().Where(entry => entry.parameter.requires_grad))
        {
            _places.Add((name, parameter, length));
            length += (parameter.numel() + Alignment - 1) / Alignment * Alignment;
        }
        if (length == 0)
            throw new ArgumentException($"The network '{network.GetName()}' has no parameter to train.", nameof(network));
        Device device = _places[0].Parameter.device;
        using var scope = NewDisposeScope();
        Values = zeros(length, device: device).DetachFromDisposeScope();
        Gradients = zeros(length, device: device).DetachFromDisposeScope();
        using var noGradient = no_grad();
        foreach ((_, Parameter parameter, long start) in _places)
        {
            Tensor view = ViewOf(Values, parameter, start);
            view.copy_(parameter);
            parameter.set_(view);
            parameter.grad = ViewOf(Gradients, parameter, start);
        }
    }

    /// <summary>All parameters.</summary>
    public Tensor Values { get; }

    /// <summary>Their gradients.</summary>
    public Tensor Gradients { get; }

    /// <summary>A tensor laid out as <see cref="Values"/>, by the names of the parameters.</summary>
    /// <param name="flat">The tensor; the views live in the caller's dispose scope.</param>
    /// <param name="prefix">Put before each name.</param>
    public IEnumerable<KeyValuePair<string, Tensor>> Named(Tensor flat, string prefix = "") =>
        _places.Select(place => KeyValuePair.Create(prefix + place.Name, ViewOf(flat, place.Parameter, place.Start)));

    /// <summary>Frees the gradients. The parameters keep their values, which live as long as they do.</summary>
    public void Dispose()
    {
        foreach ((_, Parameter parameter, _) in _places)
            parameter.grad = null;
        Gradients.Dispose();
        Values.Dispose();
    }

    private static Tensor ViewOf(Tensor flat, Parameter parameter, long start)
    {
        using Tensor part = flat.narrow(0, start, parameter.numel());
        return part.view(parameter.shape);
    }
}
