using FlowRuntime.Cards;
using FlowRuntime.Onnx;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>The data that states stand for, in their own units, as <see cref="DataSpace"/> has them: a latent model's through its decoder, one by one.</summary>
internal sealed class SampledData
{
    private readonly FlowModel _model;
    private readonly NetworkSource? _decoder;

    /// <param name="model">The model.</param>
    /// <param name="decoder">Its decoder, where it has one.</param>
    public SampledData(FlowModel model, NetworkSource? decoder) => (_model, _decoder) = (model, decoder);

    /// <summary>Number of values of one sample.</summary>
    public int Width => _model.Decoder?.OutputLength ?? _model.Graph.State.Width;

    /// <summary>Shape of one sample.</summary>
    public long[] Shape
    {
        get
        {
            long[] shape = new long[_model.Shape.Count];
            for (int i = 0; i < shape.Length; i++)
                shape[i] = _model.Shape[i];
            return shape;
        }
    }

    /// <summary>The data of states.</summary>
    /// <param name="main">The graph.</param>
    /// <param name="states">States, [M, d].</param>
    /// <returns>The data, [M, <see cref="Width"/>].</returns>
    public string Of(GraphScope main, string states) => InDataUnits(main, _model.Card.Data, _model.Decoder is null ? states : Decoded(main, states));

    private string Decoded(GraphScope main, string states)
    {
        (LatentNetwork decoder, LatentCard latent) = (_model.Decoder!, _model.Card.Latent!);
        string scaled = main.Node("Add", main.Node("Mul", states, main.Single(1 / latent.Scale)), main.Single(latent.Shift));
        GraphScope body = main.Body();
        string row = body.Input(body.NewName(), TensorElementType.Int64);
        body.Input(body.NewName(), TensorElementType.Bool);
        string state = body.Node("Reshape", body.Node("Gather", scaled, row), body.Wholes([1, .. decoder.Input.Shape[1..]]));
        var inputs = new Dictionary<string, string> { [decoder.Input.Name] = body.Cast(state, decoder.Input.Type) };
        string data = body.Cast(_decoder!.Call(body, inputs), TensorElementType.Float);
        _decoder.AddWeights(body.Weights);
        body.Add("Identity", [], [body.True()], [body.Output(body.NewName(), TensorElementType.Bool)]);
        body.Add("Reshape", [], [data, body.Wholes(Width)], [body.Output(body.NewName(), TensorElementType.Float, Width)]);
        string rows = main.Node("Gather", main.Node("Shape", states), main.Whole(0));
        string all = main.NewName();
        main.AddLoop(body, [rows, main.True()], [all]);
        return all;
    }

    private static string InDataUnits(GraphScope main, DataCard? data, string values)
    {
        if (data?.Image is { } image)
        {
            string above = main.Node("Sub", main.Cast(values, TensorElementType.Double), main.Double(image.Low));
            string scaled = main.Node("Mul", above, main.Double(1 / (image.High - image.Low)));
            return main.Cast(main.Node("Clip", scaled, main.Double(0), main.Double(1)), TensorElementType.Float);
        }
        if (data?.Columns is not { } columns)
            return values;
        string grown = main.Node("Mul", main.Doubles([.. columns.Scale], columns.Scale.Count), main.Cast(values, TensorElementType.Double));
        return main.Cast(main.Node("Add", main.Doubles([.. columns.Mean], columns.Mean.Count), grown), TensorElementType.Float);
    }
}
