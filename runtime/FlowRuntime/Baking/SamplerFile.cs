using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Paths;
using Microsoft.ML.OnnxRuntime.Tensors;
using static FlowRuntime.Cards.ProtobufBytes;

namespace FlowRuntime.Baking;

/// <summary>
/// The whole sampler of a model as one ONNX file: noise in, samples out, in one run of ONNX Runtime in any language. The network's nodes are copied, and the solver's steps stand
/// around them as a loop.
/// </summary>
/// <remarks>
/// <para>Inputs: <c>noise</c> [N, shape…] of N(0, 1); <c>steps</c> [1] in int64, where they are not baked; <c>rtol</c> and <c>atol</c> [N, 1] of adaptive steps; <c>guidance</c> [N, 1]; the class label [N, 1] in int64, and condition vectors and
/// sequences in their own units, by the names that the model's card has for them.</para>
/// <para>Outputs: <c>samples</c> [N, shape…] in the data's units, and for each sample [N, 1]: <c>t</c>, the time it reached, <c>evaluations</c>, <c>accepted</c> steps, and
/// <c>status</c>: 0 completed, 1 not finite, 2 out of steps (or given none), 3 a step that would be too small. A sample that is not finite keeps its last finite state, and the others go on.</para>
/// </remarks>
public static class SamplerFile
{
    /// <summary>Key of the metadata entry that says what a baked sampler does.</summary>
    public const string MetadataKey = "flow.sampler";

    internal const string Noise = "noise", Steps = "steps", Samples = "samples", Time = "t", Evaluations = "evaluations", Accepted = "accepted", Status = "status", RelativeTolerance = "rtol", AbsoluteTolerance = "atol", Guidance = "guidance";

    private const long LeastOpset = 13;

    /// <summary>Whether a name is one of the sampler's own inputs or outputs.</summary>
    internal static bool IsOwn(string name) => name is Noise or Steps or Samples or Time or Evaluations or Accepted or Status or RelativeTolerance or AbsoluteTolerance or Guidance;

    /// <summary>Writes a model's sampler.</summary>
    /// <param name="model">The model, open.</param>
    /// <param name="path">The file, which is replaced once the new one is complete.</param>
    /// <param name="options">The solver.</param>
    /// <exception cref="NotSupportedException">The model or the solver cannot be baked; the message says why.</exception>
    /// <exception cref="InvalidDataException">The model's file cannot be copied.</exception>
    public static void Write(FlowModel model, string path, BakeOptions options)
    {
        if (model.Graph.Batch is { } batch)
            throw new NotSupportedException($"{model.Path} takes {batch} rows a call, no more and no fewer: export it with any number of rows.");
        if (model.Card.Latent is not null)
            throw new NotSupportedException($"{model.Path} samples latents; a decoder is not baked yet.");
        if (options.Guided == true && !CanBeGuided(model.Card))
            throw new NotSupportedException($"{model.Path} has no conditions, or no input for \"no condition\", so it cannot be guided: leave guidance out.");
        using var source = new NetworkSource(model.Path, "network");
        if (source.Imports.GetValueOrDefault("") is var opset && opset < LeastOpset)
            throw new NotSupportedException($"{model.Path} is of operations of version {opset}, before {LeastOpset}: convert it to a newer one.");
        var main = new GraphScope();
        WriteGraph(main, model, source, options);

        List<ReadOnlyMemory<byte>> graph = [];
        source.AddWeights(graph);
        foreach (byte[] field in main.Fields("sampler"))
            graph.Add(field);
        List<ReadOnlyMemory<byte>> file =
        [
            Number(1, Math.Max(source.IrVersion, 8)), Text(2, "FlowRuntime"), Text(3, typeof(FlowModel).Assembly.GetName().Version!.ToString(3)), Head(7, Length(graph)), .. graph,
        ];
        foreach ((string domain, long version) in source.Imports)
            file.Add(Message(8, Text(1, domain), Number(2, version)));
        file.AddRange(source.Functions);
        file.Add(OnnxFile.MetadataEntry(CardFile.MetadataKey, CardFile.ToJson(model.Card with { Hints = null })));
        file.Add(OnnxFile.MetadataEntry(MetadataKey, Described(model, options)));
        if (Length(file) > int.MaxValue)
            throw new NotSupportedException($"{model.Path}: the sampler would take more than 2 GB, which no ONNX file holds.");
        string partial = path + ".partial";
        try
        {
            using (FileStream target = File.Create(partial))
            {
                foreach (ReadOnlyMemory<byte> piece in file)
                    target.Write(piece.Span);
                DiskFlush.Flush(target);
            }
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static long Length(List<ReadOnlyMemory<byte>> pieces)
    {
        long length = 0;
        foreach (ReadOnlyMemory<byte> piece in pieces)
            length += piece.Length;
        return length;
    }

    private static void WriteGraph(GraphScope main, FlowModel model, NetworkSource source, BakeOptions options)
    {
        NetworkGraph graph = model.Graph;
        string noise = main.Input(Noise, TensorElementType.Float, [-1, .. graph.State.Shape[1..]]);
        string rows = main.Node("Gather", main.Node("Shape", noise), main.Wholes(0));
        string column = main.With("Concat", [GraphScope.Attribute("axis", 0)], rows, main.Wholes(1)); // [N, 1]
        string x = StartOf(main, model, main.Node("Reshape", noise, main.Wholes(0, graph.State.Width)));
        var network = new NetworkCall(main, source, graph, options.Guided ?? CanBeGuided(model.Card), rows);
        var velocity = new SampledVelocity(model, network);
        SampledEnds ends = options.Solver is AdaptiveSteps adaptive
            ? new AdaptiveLoop(main, model, velocity, adaptive).Write(x, column) : new FixedStepLoop(main, model, velocity, (FixedSteps)options.Solver, options.StepsAreInput).Write(x, column);
        ends = Finished(main, model, velocity, ends);
        string samples = InDataUnits(main, model.Card.Data, ends.States);
        main.Add("Reshape", [], [samples, main.Wholes([0, .. graph.State.Shape[1..]])], [main.Output(Samples, TensorElementType.Float, [-1, .. graph.State.Shape[1..]])]);
        void Column(string name, string value, TensorElementType type) => main.Add("Identity", [], [value], [main.Output(name, type, -1, 1)]);
        Column(Time, ends.Time, TensorElementType.Float);
        Column(Evaluations, ends.Evaluations, TensorElementType.Int64);
        Column(Accepted, ends.Accepted, TensorElementType.Int64);
        Column(Status, ends.Status, TensorElementType.Int64);
    }

    /// <summary>What a sampler does, in words, as its metadata entry <see cref="MetadataKey"/> says it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The solver.</param>
    public static string Described(FlowModel model, BakeOptions options)
    {
        string solver = options.Solver is FixedSteps steps ? $"{(options.StepsAreInput ? "steps" : FormattableString.Invariant($"{steps.Count} steps"))} of {steps.Method} on the grid {steps.Grid}" : $"adaptive steps of {options.Solver.MethodName}";
        return FormattableString.Invariant($"{solver}; time runs from {model.Start} (noise) to {model.End} (data)");
    }

    /// <summary>Whether a model knows what "no condition" is.</summary>
    private static bool CanBeGuided(FlowCard card) => card.Conditions is { } conditions
        && (conditions.Classes is null || conditions.Classes.Null is not null)
        && (conditions.Vectors ?? []).All(vector => vector.Null is not null) && (conditions.Sequences ?? []).All(sequence => sequence.Null is not null);

    /// <summary>The states that samples start from: mean + scale · noise by the model's prior.</summary>
    private static string StartOf(GraphScope main, FlowModel model, string noise)
    {
        Sampling.GaussianPrior prior = model.Prior;
        if (prior.Dimension is null && prior.Mean(0) == 0 && prior.Scale(0) == 1)
            return noise;
        int width = prior.Dimension ?? 1;
        double[] means = [.. Enumerable.Range(0, width).Select(prior.Mean)], scales = [.. Enumerable.Range(0, width).Select(prior.Scale)];
        string scaled = main.Node("Mul", main.Doubles(scales, width), main.Cast(noise, TensorElementType.Double));
        return main.Cast(main.Node("Add", main.Doubles(means, width), scaled), TensorElementType.Float);
    }

    /// <summary>States in the data's units, as <see cref="DataTransform.ToDataUnits"/> has them.</summary>
    private static string InDataUnits(GraphScope main, DataCard? data, string states)
    {
        if (data?.Image is { } image)
        {
            string above = main.Node("Sub", main.Cast(states, TensorElementType.Double), main.Double(image.Low));
            string scaled = main.Node("Mul", above, main.Double(1 / (image.High - image.Low)));
            return main.Cast(main.Node("Clip", scaled, main.Double(0), main.Double(1)), TensorElementType.Float);
        }
        if (data?.Columns is not { } columns)
            return states;
        string grown = main.Node("Mul", main.Doubles([.. columns.Scale], columns.Scale.Count), main.Cast(states, TensorElementType.Double));
        return main.Cast(main.Node("Add", main.Doubles([.. columns.Mean], columns.Mean.Count), grown), TensorElementType.Float);
    }

    /// <summary>The data that the last states speak of, where a solve ends short of them: see <see cref="DataFinish"/>.</summary>
    private static SampledEnds Finished(GraphScope main, FlowModel model, SampledVelocity velocity, SampledEnds ends)
    {
        if (!model.FinishesWithData)
            return ends;
        (double ofState, double ofVelocity) = ProbabilityPath.Of(model.Card.Path).At(model.End).Data;
        string speed = velocity.At(main, main.Double(model.End), ends.States);
        string data = main.Node("Add", main.Node("Mul", ends.States, main.Single(ofState)), main.Node("Mul", speed, main.Single(ofVelocity)));
        string finite = main.IsFinite(data), done = main.Node("Equal", ends.Status, main.Whole(0));
        string both = main.Node("And", done, finite);
        return ends with
        {
            States = main.Node("Where", both, data, ends.States),
            Status = main.Node("Where", main.Node("And", done, main.Node("Not", finite)), main.Whole(1), ends.Status),
            Evaluations = main.Node("Add", ends.Evaluations, main.Cast(done, TensorElementType.Int64)),
        };
    }
}
