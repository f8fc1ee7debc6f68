using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Sampling;
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
/// <c>status</c>, a <see cref="SampleStatus"/>: 0 completed, 1 not finite, 2 out of steps (or given none), 3 a step that would be too small. A sample that is not finite keeps its last finite state, and the others go on.
/// Where it is wanted also <c>trajectory</c> [N, K, shape…], the samples where they start and after each turn of the loop, and <c>trajectory_t</c> [N, K], their times.</para>
/// </remarks>
public static class SamplerFile
{
    /// <summary>Key of the metadata entry that says what a baked sampler does.</summary>
    public const string MetadataKey = "flow.sampler";

    internal const string Noise = "noise", Steps = "steps", Samples = "samples", Time = "t", Evaluations = "evaluations", Accepted = "accepted", Status = "status", RelativeTolerance = "rtol", AbsoluteTolerance = "atol", Guidance = "guidance", Trajectory = "trajectory", TrajectoryTimes = "trajectory_t";

    private const long LeastOpset = 13, Completed = (long)SampleStatus.Completed, NonFinite = (long)SampleStatus.NonFinite;

    /// <summary>Whether a name is one of the sampler's own inputs or outputs.</summary>
    internal static bool IsOwn(string name) => name is Noise or Steps or Samples or Time or Evaluations or Accepted or Status or RelativeTolerance or AbsoluteTolerance or Guidance or Trajectory or TrajectoryTimes
        || (name.Contains('/', StringComparison.Ordinal) && (name.StartsWith("value", StringComparison.Ordinal) || name.StartsWith("network", StringComparison.Ordinal) || name.StartsWith("decoder", StringComparison.Ordinal)));

    /// <summary>Writes a model's sampler.</summary>
    /// <param name="model">The model, open.</param>
    /// <param name="path">The file, which is replaced once the new one is complete.</param>
    /// <param name="options">The solver.</param>
    /// <exception cref="ArgumentException">The file is the model itself.</exception>
    /// <exception cref="NotSupportedException">The model or the solver cannot be baked; the message says why.</exception>
    /// <exception cref="InvalidDataException">The model's file cannot be copied.</exception>
    public static void Write(FlowModel model, string path, BakeOptions options)
    {
        foreach (string? own in (string?[])[model.Path, model.Decoder?.Path])
        {
            if (own is not null && string.Equals(Path.GetFullPath(path), Path.GetFullPath(own), OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase))
                throw new ArgumentException($"{path} is the model itself or its decoder. Name another file.", nameof(path));
        }
        if (model.Graph.Batch is { } batch)
            throw new NotSupportedException($"{model.Path} takes {batch} rows a call, no more and no fewer: export it with any number of rows.");
        if (options.Guided == true && !CanBeGuided(model.Card))
            throw new NotSupportedException($"{model.Path} has no conditions, or no input for \"no condition\", so it cannot be guided: leave guidance out.");
        using var network = new NetworkSource(model.Path, "network", model.Graph.Prediction.Name);
        using NetworkSource? decoder = model.Decoder is { } latent ? new NetworkSource(latent.Path, "decoder", latent.Output.Name) : null;
        if (network.Imports.GetValueOrDefault("") is var opset && opset < LeastOpset)
            throw new NotSupportedException($"{model.Path} is of operations of version {opset}, before {LeastOpset}: convert it to a newer one.");
        if (decoder is not null)
            Join(network, decoder);
        var main = new GraphScope();
        WriteGraph(main, model, network, decoder, options);

        List<ReadOnlyMemory<byte>> graph = main.Fields("sampler");
        List<ReadOnlyMemory<byte>> content =
        [
            Number(1, Math.Max(Math.Max(network.IrVersion, decoder?.IrVersion ?? 0), 8)), Text(2, "FlowRuntime"), Text(3, typeof(FlowModel).Assembly.GetName().Version!.ToString(3)), Head(7, GraphScope.Length(graph)), .. graph,
        ];
        foreach ((string domain, long version) in network.Imports)
            content.Add(Message(8, Text(1, domain), Number(2, version)));
        content.AddRange(network.Functions);
        content.Add(OnnxFile.MetadataEntry(CardFile.MetadataKey, CardFile.ToJson(model.Card with { Hints = null })));
        content.Add(OnnxFile.MetadataEntry(MetadataKey, Described(model, options)));
        if (GraphScope.Length(content) > int.MaxValue)
            throw new NotSupportedException($"{model.Path}: the sampler would take more than 2 GB, which no ONNX file holds.");
        string partial = path + ".partial";
        try
        {
            using (FileStream target = File.Create(partial))
            {
                foreach (ReadOnlyMemory<byte> piece in content)
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

    /// <summary>Takes a decoder's operations and functions into the model of the network.</summary>
    private static void Join(NetworkSource network, NetworkSource decoder)
    {
        foreach ((string domain, long version) in decoder.Imports)
        {
            if (!network.Imports.TryAdd(domain, version) && network.Imports[domain] != version)
                throw new NotSupportedException($"The decoder is of operations{(domain.Length == 0 ? "" : $" of {domain}")} of version {version} and the network of {network.Imports[domain]}: export both with the same.");
        }
        if (network.Functions.Count > 0 && decoder.Functions.Count > 0)
            throw new NotSupportedException("Network and decoder both define functions, which may have the same names: inline them in one of the two.");
        network.Functions.AddRange(decoder.Functions);
    }

    private static void WriteGraph(GraphScope main, FlowModel model, NetworkSource source, NetworkSource? decoder, BakeOptions options)
    {
        NetworkGraph graph = model.Graph;
        string noise = main.Input(Noise, TensorElementType.Float, [-1, .. graph.State.Shape[1..]]);
        string rows = main.Node("Gather", main.Node("Shape", noise), main.Wholes(0));
        string column = main.Concat(0, rows, main.Wholes(1)); // [N, 1]
        string x = StartOf(main, model, main.Node("Reshape", noise, main.Wholes(0, graph.State.Width)));
        var network = new NetworkCall(main, source, graph, options.Guided ?? CanBeGuided(model.Card), rows);
        var velocity = new SampledVelocity(model, network);
        SampledEnds ends = options.Solver is AdaptiveSteps adaptive
            ? new AdaptiveLoop(main, model, velocity, adaptive, options.Trajectory).Write(x, column)
            : new FixedStepLoop(main, model, velocity, (FixedSteps)options.Solver, options.StepsAreInput, options.Trajectory).Write(x, column);
        var data = new SampledData(model, decoder);
        string all = ends.States; // of which each is decoded once
        string? places = null;
        if (ends.Trajectory is { } way)
        {
            places = main.Node("Shape", way.Times);
            string width = main.Node("Slice", main.Node("Shape", way.States), main.Wholes(2), main.Wholes(3));
            all = main.Concat(0, all, main.Node("Reshape", way.States, main.Concat(0, main.With("ReduceProd", [GraphScope.Attribute("keepdims", 1)], places), width)));
        }
        string decoded = data.Of(main, all);
        string samples = places is null ? decoded : main.Node("Slice", decoded, main.Wholes(0), rows, main.Wholes(0));
        string representable = main.Node("Or", main.IsFinite(samples), main.Node("Not", main.Node("Equal", ends.Status, main.Whole(Completed))));
        ends = ends with { Status = main.Node("Where", representable, ends.Status, main.Whole(NonFinite)) };
        main.Add("Reshape", [], [samples, main.Wholes([0, .. data.Shape])], [main.Output(Samples, TensorElementType.Float, [-1, .. data.Shape])]);
        void Column(string name, string value, TensorElementType type) => main.Add("Identity", [], [value], [main.Output(name, type, -1, 1)]);
        Column(Time, ends.Time, TensorElementType.Float);
        Column(Evaluations, ends.Evaluations, TensorElementType.Int64);
        Column(Accepted, ends.Accepted, TensorElementType.Int64);
        Column(Status, ends.Status, TensorElementType.Int64);
        if (places is null)
            return;
        string states = main.Node("Slice", decoded, rows, main.Wholes(long.MaxValue), main.Wholes(0));
        main.Add("Reshape", [], [states, main.Concat(0, places, main.Wholes(data.Shape))], [main.Output(Trajectory, TensorElementType.Float, [-1, -1, .. data.Shape])]);
        main.Add("Identity", [], [ends.Trajectory!.Times], [main.Output(TrajectoryTimes, TensorElementType.Float, -1, -1)]);
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
        && (conditions.Classes is not null || conditions.Vectors is { Count: > 0 } || conditions.Sequences is { Count: > 0 })
        && (conditions.Classes is null || conditions.Classes.Null is not null)
        && (conditions.Vectors ?? []).All(vector => vector.Null is not null) && (conditions.Sequences ?? []).All(sequence => sequence.Null is not null);

    /// <summary>The states that samples start from: mean + scale · noise by the model's prior.</summary>
    private static string StartOf(GraphScope main, FlowModel model, string noise)
    {
        GaussianPrior prior = model.Prior;
        if (prior.Dimension is null && prior.Mean(0) == 0 && prior.Scale(0) == 1)
            return noise;
        int width = prior.Dimension ?? 1;
        double[] means = [.. Enumerable.Range(0, width).Select(prior.Mean)], scales = [.. Enumerable.Range(0, width).Select(prior.Scale)];
        string scaled = main.Node("Mul", main.Doubles(scales, width), main.Cast(noise, TensorElementType.Double));
        return main.Cast(main.Node("Add", main.Doubles(means, width), scaled), TensorElementType.Float);
    }
}
