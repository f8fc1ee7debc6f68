using System.Text.Json.Nodes;
using FlowRuntime.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Cards;

/// <summary>Something that a graph does not tell and its card must.</summary>
/// <param name="Field">The card's field, such as <c>prediction.kind</c>.</param>
/// <param name="Text">What is asked.</param>
/// <param name="Choices">The answers there are; empty for numbers and names.</param>
/// <param name="Usual">What most networks of this kind have; null where there is no such thing.</param>
public sealed record CardQuestion(string Field, string Text, IReadOnlyList<string> Choices, string? Usual = null);

/// <summary>
/// The beginning of a card for a network of somebody else's: what the graph tells is filled in, by types, shapes and common names, and what it does not tell is marked with
/// <see cref="Open"/> and asked for.
/// </summary>
public sealed class CardDraft
{
    /// <summary>What stands in a draft where something is missing; no card with it in is accepted.</summary>
    public const string Open = "?";

    private static readonly string[] StateNames = ["x", "sample", "state", "hidden_states", "latent", "latents", "image", "noisy", "z", "input"];
    private static readonly string[] TimeNames = ["t", "time", "timestep", "timesteps", "step", "sigma", "noise_level", "log_snr", "tau"];

    private readonly List<CardQuestion> _questions = [];
    private readonly List<GraphValue> _inputs;
    private readonly List<GraphValue> _outputs;

    private CardDraft(InferenceSession session)
    {
        _inputs = Tensors(session.InputMetadata);
        _outputs = Tensors(session.OutputMetadata);
        Json = new JsonObject { ["format"] = FlowCard.CurrentFormat };
        Draft();
    }

    /// <summary>The draft, in the order of a card's fields.</summary>
    public JsonObject Json { get; }

    /// <summary>What is missing.</summary>
    public IReadOnlyList<CardQuestion> Questions => _questions;

    /// <summary>Makes the draft of a model's card.</summary>
    /// <param name="modelPath">The ONNX file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">ONNX Runtime does not accept the file, or the graph has no state whose shape an output has, or no time.</exception>
    /// <exception cref="DllNotFoundException">The application carries no native ONNX Runtime.</exception>
    public static CardDraft Of(string modelPath)
    {
        if (!File.Exists(modelPath))
            throw new FileNotFoundException($"There is no model file {modelPath}.", modelPath);
        (OnnxSession session, _) = SessionOpening.Open(modelPath, new FlowModelOptions { Provider = ExecutionProvider.CpuName });
        using (session)
        {
            try
            {
                return new CardDraft(session.Native);
            }
            catch (InvalidDataException e)
            {
                throw new InvalidDataException($"{modelPath}: {e.Message}", e);
            }
        }
    }

    private void Draft()
    {
        (var state, var prediction) = State();
        _inputs.Remove(state);
        var time = Best(_inputs.Where(input => IsNumberARow(input.Sizes)), TimeNames)
            ?? throw new InvalidDataException($"no input has one number a row, as a time has; the graph has {Listed(_inputs)} besides '{state.Name}'.");
        _inputs.Remove(time);

        Json["prediction"] = new JsonObject { ["kind"] = Asked("prediction.kind", "What does the network predict?", ["velocity", "noise", "data", "score", "v-prediction"]) };
        Json["path"] = new JsonObject
        {
            ["kind"] = Asked("path.kind", "On which path of noise and data was it trained? (a diffusion model with a table of ᾱ: tabulated)", ["conditional-ot", "vp", "ve", "cosine", "tabulated"]),
        };
        Json["sample"] = new JsonObject { ["shape"] = Sizes(state.Sizes.AsSpan(1), "sample.shape", "What is the shape of one sample, without the batch, as [C, H, W] or [d]?") };
        Json["inputs"] = new JsonObject { ["time"] = time.Name, ["state"] = state.Name };
        Json["outputs"] = new JsonObject { ["prediction"] = prediction.Name };
        if (_outputs.Where(output => output != prediction && IsNumberARow(output.Sizes) && output.Name.Contains("div", StringComparison.OrdinalIgnoreCase)).Select(output => output.Name).FirstOrDefault() is { } divergence)
            Json["outputs"]!["divergence"] = divergence;
        Json["time"] = Time(time.Type);
        DraftRest();
        if (state.Sizes is [_, 1 or 3, _, _])
        {
            Json["data"] = new JsonObject
            {
                ["image"] = new JsonObject
                {
                    ["low"] = Asked("data.image.low", "Which value of the network's is black?", [], "-1"),
                    ["high"] = Asked("data.image.high", "Which value of the network's is white?", [], "1"),
                },
            };
        }
    }

    private JsonObject Time(TensorElementType type)
    {
        var time = new JsonObject { ["from"] = Asked("time.from", "At which end is the network's time 0?", ["noise", "data"], "data") };
        if (TensorRows.IsWhole(type))
            time["steps"] = Asked("time.steps", "How many time steps does the network know?", [], "1000");
        else
            time["scale"] = Asked("time.scale", "By which factor is the time multiplied, so that it runs from 0 to that?", [], "1");
        return time;
    }

    /// <summary>The pair of an input and an output of the same rank, type of number and sizes.</summary>
    private (GraphValue State, GraphValue Prediction) State()
    {
        var fitting = _inputs.Where(input => TensorRows.IsReal(input.Type) && input.Sizes.Length >= 2)
            .Select(input => (Input: input, Outputs: _outputs.Where(output => TensorRows.IsReal(output.Type) && Agree(input.Sizes, output.Sizes)).ToList()))
            .Where(pair => pair.Outputs.Count > 0).ToList();
        var state = Best(fitting.Select(pair => pair.Input), StateNames)
            ?? throw new InvalidDataException($"no input has the shape of an output, as a state and its velocity have; the graph takes {Listed(_inputs)} and gives {Listed(_outputs)}.");
        return (state, fitting.First(pair => pair.Input == state).Outputs[0]);
    }

    /// <summary>What is neither state nor time: by its type and shape a label, a vector, a sequence with its mask, a probe or a constant.</summary>
    private void DraftRest()
    {
        var (constants, vectors, sequences) = (new JsonArray(), new JsonArray(), new JsonArray());
        JsonObject? classes = null;
        foreach (var (name, type, sizes) in _inputs.OrderBy(input => IsMask(input.Name)))
        {
            bool whole = TensorRows.IsWhole(type), rows = sizes is [-1, ..];
            if (IsMask(name) && sequences is [.., JsonObject sequence])
            {
                sequence["mask"] = name;
            }
            else if (name.Equals("probe", StringComparison.OrdinalIgnoreCase) && Json["outputs"]!["divergence"] is not null)
            {
                Json["inputs"]!["probe"] = name;
            }
            else if (whole && IsNumberARow(sizes) && classes is null)
            {
                classes = new JsonObject { ["input"] = name, ["names"] = Asked("conditions.classes.names", $"What are the names of the classes of '{name}', in order? (a list such as [\"cat\", \"dog\"])", []) };
            }
            else if (rows && sizes.Length == 2 && !whole)
            {
                vectors.Add((JsonNode)new JsonObject { ["input"] = name, ["shape"] = Sizes(sizes.AsSpan(1), $"conditions.vectors[{vectors.Count}].shape", $"What is the shape of '{name}' for one sample?") });
            }
            else if (rows && sizes.Length >= 2)
            {
                sequences.Add((JsonNode)new JsonObject { ["input"] = name, ["shape"] = Sizes(sizes.AsSpan(1), $"conditions.sequences[{sequences.Count}].shape", $"What is the shape of the sequence '{name}' for one sample, the greatest length first?") });
            }
            else
            {
                string field = $"inputs.constants[{constants.Count}]";
                var constant = new JsonObject { ["input"] = name, ["values"] = Asked($"{field}.values", $"Which numbers are fed to '{name}' {Shape(sizes)}? (a list; one fills it)", []) };
                if (sizes.Skip(1).Any(size => size == -1))
                    constant["shape"] = Asked($"{field}.shape", $"Which shape has '{name}'? (-1 for the number of rows)", []);
                constants.Add((JsonNode)constant);
            }
        }
        if (constants.Count > 0)
            Json["inputs"]!["constants"] = constants;
        var conditions = new JsonObject();
        if (classes is not null)
            conditions["classes"] = classes;
        if (vectors.Count > 0)
            conditions["vectors"] = vectors;
        if (sequences.Count > 0)
            conditions["sequences"] = sequences;
        if (conditions.Count > 0)
            Json["conditions"] = conditions;
    }

    private string Asked(string field, string text, IReadOnlyList<string> choices, string? usual = null)
    {
        _questions.Add(new CardQuestion(field, text, choices, usual));
        return Open;
    }

    /// <summary>Sizes as they are declared, or a question where one is open.</summary>
    private JsonNode Sizes(ReadOnlySpan<int> sizes, string field, string text) =>
        sizes.Contains(-1) ? Asked(field, $"{text} The graph says {Shape([.. sizes])}.", []) : new JsonArray([.. sizes.ToArray().Select(size => JsonValue.Create(size))]);

    /// <summary>The value whose name is the most usual; the first one where none is known.</summary>
    private static GraphValue? Best(IEnumerable<GraphValue> values, string[] names)
    {
        var all = values.ToList();
        int Rank(string name) => Array.IndexOf(names, name.ToLowerInvariant()) is >= 0 and var place ? place : names.Length;
        return all.MinBy(value => Rank(value.Name));
    }

    private static List<GraphValue> Tensors(IReadOnlyDictionary<string, NodeMetadata> values) =>
        [.. values.Where(value => value.Value.IsTensor).Select(value => new GraphValue(value.Key, value.Value.ElementDataType, value.Value.Dimensions))];

    private static bool Agree(int[] first, int[] second) => first.Length == second.Length && first.Zip(second).All(pair => pair.First == -1 || pair.Second == -1 || pair.First == pair.Second);

    private static bool IsNumberARow(int[] sizes) => sizes.Length == 0 || (sizes.Length <= 2 && sizes.Skip(1).All(size => size == 1));

    private static bool IsMask(string name) => name.Contains("mask", StringComparison.OrdinalIgnoreCase);

    private static string Listed(IEnumerable<GraphValue> values) => string.Join(", ", values.Select(value => $"'{value.Name}' {Shape(value.Sizes)}"));

    private static string Shape(int[] sizes) => $"[{string.Join(", ", sizes.Select(size => size == -1 ? "?" : size.ToString()))}]";

    /// <summary>An input or output as the graph declares it; a size of −1 is open.</summary>
    private sealed record GraphValue(string Name, TensorElementType Type, int[] Sizes);
}
