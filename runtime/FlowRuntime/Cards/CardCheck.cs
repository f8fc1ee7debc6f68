using System.Numerics.Tensors;
using System.Text.Json;
using FlowRuntime.Ode;
using FlowRuntime.Paths;

namespace FlowRuntime.Cards;

/// <summary>Checks that a card's values make sense by themselves; <see cref="FlowModel"/> checks them against the graph.</summary>
internal static class CardCheck
{
    private const int MostValues = 1 << 28;

    public static void Check(FlowCard card, string source)
    {
        Require(card.Format is >= 1 and <= FlowCard.CurrentFormat, source, "format", card.Format, $"this library knows 1 to {FlowCard.CurrentFormat}");
        Require(card.Prediction.Sign is 1 or -1, source, "prediction.sign", card.Prediction.Sign, "give 1 or -1");
        CheckShape(card.Sample.Shape, source, "sample.shape");
        CheckPath(card.Path, source);
        Require(card.Prediction.Kind == PredictionKind.Velocity || card.Path.TellsNoise, source, "prediction.kind", card.Prediction.Kind, $"a model of {card.Path.Described} predicts velocities, which do not tell noise and data apart");
        CheckName(card.Inputs.Time, source, "inputs.time");
        CheckName(card.Inputs.State, source, "inputs.state");
        if (card.Inputs.Probe is { } probe)
        {
            CheckName(probe, source, "inputs.probe");
            Require(card.Outputs.Divergence is not null, source, "inputs.probe", $"'{probe}' without a divergence", "name the estimate of the divergence in outputs.divergence");
        }
        CheckName(card.Outputs.Prediction, source, "outputs.prediction");
        if (card.Time is { } time)
        {
            Require(time.Scale > 0 && double.IsFinite(time.Scale), source, "time.scale", time.Scale, "give a positive number");
            Require(time.Steps is null or (>= 2 and <= 1 << 24), source, "time.steps", time.Steps, "give at least 2 steps, or leave it out");
            Require(time.Steps is null || (time.Scale == 1 && time.Quantity == TimeQuantity.Time), source, "time.steps", time.Steps, "step numbers are fed as they are: leave time.scale and time.quantity out");
            Require(time.Quantity == TimeQuantity.Time || (time.From == TimeOrigin.Noise && card.Path.TellsNoise), source, "time.quantity", time.Quantity, "a noise level is no end's and belongs to a path that tells it: leave time.from out, or feed the time");
        }
        CheckConstants(card.Inputs.Constants ?? [], source);
        if (card.Prior is { } prior)
        {
            Require(double.IsFinite(prior.Mean), source, "prior.mean", prior.Mean, "give a finite number");
            Require(prior.Scale > 0 && double.IsFinite(prior.Scale), source, "prior.scale", prior.Scale, "give a positive number");
        }
        if (card.Conditions?.Classes is { } classes)
            CheckClasses(classes, source);
        CheckVectors(card.Conditions?.Vectors ?? [], source);
        CheckSequences(card.Conditions?.Sequences ?? [], source);
        if (card.Data is { } data)
        {
            CheckMoments(data, card.Sample.Shape, source);
            CheckUnits(data, card.Latent is null ? card.Sample.Shape : null, source);
        }
        if (card.Latent is { } latent)
        {
            CheckFile(latent.Decoder, source, "latent.decoder");
            CheckFile(latent.Encoder ?? latent.Decoder, source, "latent.encoder");
            Require(latent.Scale > 0 && double.IsFinite(latent.Scale), source, "latent.scale", latent.Scale, "give a positive number");
            Require(double.IsFinite(latent.Shift), source, "latent.shift", latent.Shift, "give a finite number");
        }
        if (card.Hints is { } hints)
            CheckHints(hints, card.Data, source);
    }

    private static void CheckConstants(IReadOnlyList<ConstantInputCard> constants, string source)
    {
        for (int i = 0; i < constants.Count; i++)
        {
            string field = $"inputs.constants[{i}]";
            ConstantInputCard constant = constants[i];
            Require(constant is not null, source, field, "null", "give its input and values");
            CheckName(constant!.Input, source, $"{field}.input");
            Require(constant.Values.Count > 0 && constant.Values.All(double.IsFinite), source, $"{field}.values", $"{constant.Values.Count} numbers", "give at least one finite number");
            if (constant.Shape is not { } shape)
                continue;
            Require(shape.All(size => size is -1 or >= 1) && shape.Count(size => size == -1) <= 1, source, $"{field}.shape", $"[{string.Join(", ", shape)}]", "give positive sizes, and -1 once at most, for the number of rows");
            long values = shape.Aggregate(1L, (product, size) => Math.Min(MostValues, product * Math.Abs(size)));
            Require(constant.Values.Count == 1 || constant.Values.Count == values, source, $"{field}.values", $"{constant.Values.Count} numbers", $"give 1 or {values}");
        }
    }

    private static void CheckVectors(IReadOnlyList<ConditionInputCard> inputs, string source)
    {
        for (int i = 0; i < inputs.Count; i++)
        {
            string field = $"conditions.vectors[{i}]";
            ConditionInputCard input = inputs[i];
            Require(input is not null, source, field, "null", "give its input and shape");
            CheckName(input!.Input, source, $"{field}.input");
            CheckShape(input.Shape, source, $"{field}.shape");
            CheckFill(input.Null, source, $"{field}.null");
            if (input.Columns is { } columns)
                CheckColumns(columns, input.Length, source, $"{field}.columns");
        }
    }

    private static void CheckSequences(IReadOnlyList<SequenceInputCard> inputs, string source)
    {
        for (int i = 0; i < inputs.Count; i++)
        {
            string field = $"conditions.sequences[{i}]";
            SequenceInputCard input = inputs[i];
            Require(input is not null, source, field, "null", "give its input and shape");
            CheckName(input!.Input, source, $"{field}.input");
            CheckShape(input.Shape, source, $"{field}.shape");
            if (input.Mask is { } mask)
                CheckName(mask, source, $"{field}.mask");
            CheckFill(input.Padding, source, $"{field}.padding");
            CheckFill(input.Null, source, $"{field}.null");
        }
    }

    private static void CheckFill(double? value, string source, string field) =>
        Require(value is null || float.IsFinite((float)value.Value), source, field, value, "give a finite number, or leave it out");

    private static void CheckShape(IReadOnlyList<int> shape, string source, string field)
    {
        Require(shape.Count is >= 1 and <= 8 && shape.All(size => size >= 1), source, field, $"[{string.Join(", ", shape)}]", "give 1 to 8 positive sizes, without the batch");
        long values = 1;
        foreach (int size in shape)
        {
            values *= size;
            Require(values <= MostValues, source, field, $"[{string.Join(", ", shape)}]", $"a sample may have at most {MostValues} values");
        }
    }

    private static void CheckPath(PathCard path, string source)
    {
        Require(path.Start >= 0 && path.Start < path.End && path.End <= 1, source, "path.start", $"{path.Start} (path.end {path.End})", "give 0 ≤ start < end ≤ 1");
        (string Field, double? Value)[] numbers =
        [
            ("path.sigma_min", path.SigmaMin), ("path.sigma_max", path.SigmaMax),
            ("path.beta_min", path.BetaMin), ("path.beta_max", path.BetaMax), ("path.noise", path.Noise),
        ];
        foreach ((string field, double? value) in numbers)
            Require(value is null or (>= 0 and < double.PositiveInfinity), source, field, value, "give a number of at least 0");
        Require(path.AlphaBar is null || path.Kind == PathKind.Tabulated, source, "path.alpha_bar", "given", "a table belongs to the kind tabulated");
        Require(path.AlphaBar is not null || path.Kind != PathKind.Tabulated, source, "path.alpha_bar", "missing", "give the table of ᾱ");
        try
        {
            ProbabilityPath.Of(path);
        }
        catch (ArgumentException e)
        {
            string field = JsonNamingPolicy.SnakeCaseLower.ConvertName(e.ParamName!);
            throw new InvalidDataException($"{source}: field 'path.{field}' is no number of this path: {e.Message.Split(" (Parameter")[0]}", e);
        }
    }

    private static void CheckClasses(ClassesCard classes, string source)
    {
        CheckName(classes.Input, source, "conditions.classes.input");
        Require(classes.Names.Count > 0, source, "conditions.classes.names", "[]", "name at least one class");
        Require(!classes.Names.Any(string.IsNullOrEmpty), source, "conditions.classes.names", "a list with an empty name", "name every class");
        string? twice = classes.Names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
        Require(twice is null, source, "conditions.classes.names", $"'{twice}' twice", "give each class its own name");
        Require(classes.Null is null || classes.Null >= 0, source, "conditions.classes.null", classes.Null, "give a label of at least 0");
    }

    private static void CheckMoments(DataCard data, IReadOnlyList<int> shape, string source)
    {
        int values = (int)TensorPrimitives.Product<int>([.. shape]);
        Require(data.Mean is null || (data.Mean.Count == 1 || data.Mean.Count == values) && data.Mean.All(double.IsFinite), source, "data.mean", $"{data.Mean?.Count} numbers", $"give 1 or {values} finite numbers");
        Require(data.Scale is null || (data.Scale.Count == 1 || data.Scale.Count == values) && data.Scale.All(scale => scale > 0 && double.IsFinite(scale)), source, "data.scale", $"{data.Scale?.Count} numbers", $"give 1 or {values} positive numbers");
    }

    /// <summary>Checks what the data's units are.</summary>
    /// <param name="data">The card's section.</param>
    /// <param name="shape">Shape of the data; null for a latent model's, which only its decoder knows.</param>
    /// <param name="source">The file, for messages.</param>
    public static void CheckUnits(DataCard data, IReadOnlyList<int>? shape, string source)
    {
        Require(data.Image is null || data.Columns is null, source, "data", "an image and columns", "give one of the two");
        if (data.Image is { } image)
        {
            Require(double.IsFinite(image.Low) && double.IsFinite(image.High) && image.Low < image.High, source, "data.image.low", $"{image.Low} (high {image.High})", "give low < high");
            Require(shape is null or [1 or 3, _, _], source, "data.image", $"an image of shape [{string.Join(", ", shape ?? [])}]", "an image's sample.shape is [1 or 3, height, width]");
        }
        if (data.Columns is { } columns)
            CheckColumns(columns, shape is null ? columns.Names.Count : (int)TensorPrimitives.Product<int>([.. shape]), source, "data.columns");
    }

    private static void CheckColumns(ColumnsCard columns, int values, string source, string field)
    {
        Require(columns.Names.Count == values && !columns.Names.Any(string.IsNullOrEmpty), source, $"{field}.names", $"{columns.Names.Count} names", $"name each of the {values} values");
        Require(columns.Mean.Count == values && columns.Mean.All(double.IsFinite), source, $"{field}.mean", $"{columns.Mean.Count} numbers", $"give {values} finite numbers");
        Require(columns.Scale.Count == values && columns.Scale.All(scale => scale > 0 && double.IsFinite(scale)), source, $"{field}.scale", $"{columns.Scale.Count} numbers", $"give {values} positive numbers");
    }

    private static void CheckHints(HintsCard hints, DataCard? data, string source)
    {
        Require(hints.Graph.Length == 64 && hints.Graph.All(char.IsAsciiHexDigit), source, "hints.graph", hints.Graph, "give the 64 hexadecimal digits of the graph's SHA-256");
        Require(hints.Method is null || SolverMethod.Methods.Any(method => method.Name == hints.Method), source, "hints.method", hints.Method, $"choose one of {string.Join(", ", SolverMethod.Methods)}");
        Require(hints.Steps is null or >= 1, source, "hints.steps", hints.Steps, "give at least 1");
        Require(hints.RelativeTolerance is null or (> 0 and < double.PositiveInfinity), source, "hints.relative_tolerance", hints.RelativeTolerance, "give a positive number");
        Require(hints.AbsoluteTolerance is null or (> 0 and < double.PositiveInfinity), source, "hints.absolute_tolerance", hints.AbsoluteTolerance, "give a positive number");
        Require(hints.Steps is null || (hints.RelativeTolerance ?? hints.AbsoluteTolerance) is null, source, "hints.steps", hints.Steps, "give steps or tolerances, not both");
        for (int i = 0; i < (hints.Profiles?.Count ?? 0); i++) // before the levels, which look into them
            CheckProfile(hints.Profiles![i], source, $"hints.profiles[{i}]");
        if (hints.Quality is { } quality)
        {
            foreach ((string name, QualityLevelCard level) in new[] { ("draft", quality.Draft), ("normal", quality.Normal), ("fine", quality.Fine) })
            {
                RequirePair(level.Method, source, $"hints.quality.{name}.method");
                Require(level.Tolerance is > 0 and < double.PositiveInfinity, source, $"hints.quality.{name}.tolerance", level.Tolerance, "give a positive number");
                Require(level.Evaluations is null or (>= 0 and < double.PositiveInfinity), source, $"hints.quality.{name}.evaluations", level.Evaluations, "give a number of at least 0");
                Require(level.Error is null or (>= 0 and < double.PositiveInfinity), source, $"hints.quality.{name}.error", level.Error, "give a number of at least 0");
                Require(!level.Profiled || hints.Profiles?.Any(profile => profile.Method == level.Method && profile.Whitened == level.Whitened) == true, source, $"hints.quality.{name}.profiled", true, $"give a profile of {level.Method}, or false");
                Require(!level.Whitened || (data?.Mean is not null && data.Scale is not null), source, $"hints.quality.{name}.whitened", true, "give data.mean and data.scale, or false");
            }
        }
        Require(hints.Guidance is null || double.IsFinite(hints.Guidance.Value), source, "hints.guidance", hints.Guidance, "give a finite number");
    }

    private static void CheckProfile(ProfileCard? profile, string source, string field)
    {
        Require(profile is not null && profile.Steps.All(row => row is not null), source, field, "null or has a row of steps that is", "give a profile's method, tolerances and steps");
        EmbeddedPair pair = RequirePair(profile!.Method, source, $"{field}.method");
        try
        {
            _ = new StepProfile(pair, profile.Tolerances, profile.Steps);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{source}: field '{field}' is no profile: {e.Message.Split(" (Parameter")[0]}", e);
        }
    }

    private static EmbeddedPair RequirePair(string name, string source, string field) =>
        ButcherTableau.All.OfType<EmbeddedPair>().FirstOrDefault(pair => pair.Name == name)
        ?? throw new InvalidDataException($"{source}: field '{field}' is {MessageText.Of(name)}: choose one of {string.Join(", ", ButcherTableau.All.OfType<EmbeddedPair>())}.");

    /// <summary>A file beside the model: a card that comes with a download must not open others.</summary>
    private static void CheckFile(string file, string source, string field) => Require(
        file.Length > 0 && Path.GetFileName(file) == file && file is not ("." or ".."), source, field, $"'{file}'", "give the name of a file in the model's folder");

    private static void CheckName(string name, string source, string field) =>
        Require(name.Length > 0, source, field, "empty", "give the name of the graph's input or output");

    private static void Require(bool holds, string source, string field, object? value, string cure)
    {
        if (!holds)
            throw new InvalidDataException(MessageText.Of(FormattableString.Invariant($"{source}: field '{field}' is {value}: {cure}.")));
    }
}
