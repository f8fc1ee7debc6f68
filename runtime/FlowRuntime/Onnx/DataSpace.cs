using System.Numerics.Tensors;
using FlowRuntime.Cards;

namespace FlowRuntime.Onnx;

/// <summary>The data that a model's states stand for: through the decoder of a latent model, and in the data's own units.</summary>
internal sealed class DataSpace : IDisposable
{
    private readonly FlowCard _card;
    private readonly string _modelPath;
    private readonly LatentNetwork? _encoder;
    private readonly int _stateLength;

    /// <param name="card">The model's card.</param>
    /// <param name="modelPath">The model's file; decoder and encoder lie beside it.</param>
    /// <param name="options">Provider and threads, as the model's.</param>
    /// <exception cref="InvalidDataException">The decoder or encoder is missing or does not fit the card.</exception>
    public DataSpace(FlowCard card, string modelPath, FlowModelOptions options)
    {
        (_card, _modelPath) = (card, modelPath);
        _stateLength = (int)TensorPrimitives.Product<int>([.. card.Sample.Shape]);
        Shape = card.Sample.Shape;
        Length = _stateLength;
        if (card.Latent is not { } latent)
            return;
        try
        {
            Decoder = LatentNetwork.Open(Beside(latent.Decoder), "latent.decoder", options, card.Sample.Shape);
            (Shape, Length) = (Decoder.OutputShape, Decoder.OutputLength);
            if (card.Data is { } data)
                CardCheck.CheckUnits(data, Shape, $"the card of {modelPath}");
            if (latent.Encoder is null)
                return;
            _encoder = LatentNetwork.Open(Beside(latent.Encoder), "latent.encoder", options, Shape);
            IReadOnlyList<int> encoded = _encoder.OutputShape, state = card.Sample.Shape;
            bool withVariance = encoded.Count == state.Count && encoded[0] == 2 * state[0] && encoded.Skip(1).SequenceEqual(state.Skip(1));
            if (!encoded.SequenceEqual(state) && !withVariance)
                throw new InvalidDataException($"{Beside(latent.Encoder)}: the encoder gives [{string.Join(", ", encoded)}] for one sample, and the card's sample.shape is [{string.Join(", ", state)}].");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Shape of one sample of the data.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of values of one sample of the data.</summary>
    public int Length { get; }

    /// <summary>Makes data of a latent model's states; null where the states are the data.</summary>
    public LatentNetwork? Decoder { get; }

    /// <summary>Whether the states are the data but for their units, so that they become them in place.</summary>
    public bool IsOfStates => Decoder is null;

    /// <summary>Turns states into data.</summary>
    /// <param name="states">States, one behind another; they are spoilt.</param>
    /// <param name="cancellationToken">Ends a decoder's call.</param>
    /// <returns>The data, one behind another; those that are not finite are not decoded, but NaN.</returns>
    public Span<float> ToData(Span<float> states, CancellationToken cancellationToken)
    {
        if (states.IsEmpty)
            return states;
        Span<float> data = Decoder is null ? states : Decoded(states, cancellationToken);
        DataTransform.ToDataUnits(_card.Data, data);
        return data;
    }

    /// <summary>Turns data into states.</summary>
    /// <param name="data">The data, one behind another.</param>
    /// <param name="cancellationToken">Ends an encoder's call.</param>
    /// <exception cref="ArgumentException">They are no whole samples, or not finite.</exception>
    /// <exception cref="NotSupportedException">The model's data are decoded, and its card names no encoder.</exception>
    public float[] ToStates(ReadOnlySpan<float> data, CancellationToken cancellationToken)
    {
        if (data.IsEmpty || data.Length % Length != 0)
            throw new ArgumentException($"{data.Length} numbers are no data of {Length} values each.");
        if (!TensorPrimitives.IsFiniteAll(data))
            throw new ArgumentException("The data have a value that is not finite. Leave such rows out.");
        float[] values = data.ToArray();
        DataTransform.ToNetworkUnits(_card.Data, values);
        return Decoder is null ? values : Encoded(values, cancellationToken);
    }

    public void Dispose()
    {
        Decoder?.Dispose();
        _encoder?.Dispose();
    }

    private float[] Decoded(Span<float> states, CancellationToken cancellationToken)
    {
        LatentCard latent = _card.Latent!;
        float[] data = new float[states.Length / _stateLength * Length];
        TensorPrimitives.Multiply(states, (float)(1 / latent.Scale), states);
        TensorPrimitives.Add(states, (float)latent.Shift, states);
        for (int i = 0; i < states.Length / _stateLength; i++)
        {
            Span<float> state = states.Slice(i * _stateLength, _stateLength), decoded = data.AsSpan(i * Length, Length);
            if (TensorPrimitives.IsFiniteAll<float>(state))
                Decoder!.Run(state, decoded, cancellationToken);
            else
                decoded.Fill(float.NaN);
        }
        return data;
    }

    private float[] Encoded(float[] data, CancellationToken cancellationToken)
    {
        if (_encoder is null)
            throw new NotSupportedException($"{_modelPath} samples latents, and its card names no encoder (latent.encoder) that makes them of data.");
        LatentCard latent = _card.Latent!;
        float[] states = new float[data.Length / Length * _stateLength];
        for (int i = 0; i < data.Length / Length; i++)
            _encoder.Run(data.AsSpan(i * Length, Length), states.AsSpan(i * _stateLength, _stateLength), cancellationToken);
        TensorPrimitives.Subtract(states, (float)latent.Shift, states);
        TensorPrimitives.Multiply(states, (float)latent.Scale, states);
        return states;
    }

    private string Beside(string file) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_modelPath))!, file);
}
