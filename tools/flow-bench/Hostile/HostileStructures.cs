using FlowRuntime.Tests;

namespace FlowRuntime.Bench.Hostile;

/// <summary>Mutations that add structure without end or bound: nesting, recursion, doubling, loops, length.</summary>
internal static class HostileStructures
{
    public static IReadOnlyList<Mutation> All { get; } =
    [
        new("If within If, many deep", model =>
        {
            string condition = model.Initializer(MutableModel.Bool, [], [1]);
            string name = "deepest";
            byte[] body = [.. Protobuf.Message(1, MutableModel.Node("Identity", [model.State], [name])), .. Protobuf.Text(2, "g"), .. Protobuf.Message(12, MutableModel.Value(name, MutableModel.Float))];
            for (int depth = model.Pick(5, 20, 30, 45, 60, 200, 3000); depth > 0; depth--)
            {
                string next = $"d{depth}";
                body = [.. Protobuf.Message(1, MutableModel.Node("If", [condition], [next], [MutableModel.Body("then_branch", body), MutableModel.Body("else_branch", Leaf(model.State, next + "e"))])), .. Protobuf.Text(2, "g"), .. Protobuf.Message(12, MutableModel.Value(next, MutableModel.Float))];
            }
            model.Depend(model.Add("If", [condition], [MutableModel.Body("then_branch", body), MutableModel.Body("else_branch", Leaf(model.State, "e"))]));
        }),
        new("functions that double, one calling another", model => model.Depend(Functions(model, levels: model.Pick(5, 15, 20, 30, 60), recursive: false))),
        new("functions that call themselves", model => model.Depend(Functions(model, levels: model.Pick(1, 2, 5), recursive: true))),
        new("doubling by Concat", model => model.Depend(Doubled(model, value => model.Add("Concat", [value, value], [MutableModel.Integer("axis", 0)])))),
        new("doubling by Tile", model => model.Depend(Doubled(model, value => model.Add("Tile", [value, model.Integers(true, 2)])))),
        new("squaring by outer products", model =>
        {
            bool known = model.Chance(0.5);
            string value = model.Reals(known, [16, 1], new float[16]);
            for (int i = model.Random.Next(1, 6); i > 0; i--)
                value = model.Add("Reshape", [model.Add("Add", [value, model.Add("Transpose", [value])]), model.Integers(true, -1, 1)]);
            model.Depend(value);
        }),
        new("a chain of nodes", model =>
        {
            string value = model.State, operation = model.Pick("Identity", "Neg", "Relu", "Dropout", "Cast", "Transpose");
            byte[][] attributes = operation == "Cast" ? [MutableModel.Integer("to", MutableModel.Float)] : [];
            for (int i = model.Pick(100, 3000, 30_000); i > 0; i--)
                value = model.Add(operation, [value], attributes);
            model.Depend(value);
        }),
        new("nodes that nobody needs", model =>
        {
            for (int i = model.Pick(1000, 30_000); i > 0; i--)
                model.Add("Neg", [model.State]);
        }),
        new("a node with many inputs", model => model.Depend(model.Add("Concat", [.. Enumerable.Repeat(model.State, model.Pick(1000, 100_000))], [MutableModel.Integer("axis", 1)]))),
        new("a node with many outputs", model => model.Depend(model.Add("Split", [model.State], [MutableModel.Integer("axis", 1)], outputs: model.Pick(2, 3, 100, 100_000)))),
        new("a loop of many turns", model => model.Depend(Loop(model, model.Chance(0.5), gathers: false, inner: 0))),
        new("a loop whose results are gathered", model => model.Depend(Loop(model, model.Chance(0.5), gathers: true, inner: 0))),
        new("loops within loops", model => model.Depend(Loop(model, known: true, gathers: false, inner: model.Random.Next(1, 6)))),
        new("a loop that grows its state", model => model.Depend(Grown(model))),
        new("a sequence that grows", model => model.Depend(Sequence(model))),
        new("a Scan", model =>
        {
            byte[] body =
            [
                .. Protobuf.Message(1, MutableModel.Node("Add", ["s", "i"], ["s2"])), .. Protobuf.Message(1, MutableModel.Node("Identity", ["s2"], ["o"])), .. Protobuf.Text(2, "body"),
                .. Protobuf.Message(11, MutableModel.Value("s", MutableModel.Float)), .. Protobuf.Message(11, MutableModel.Value("i", MutableModel.Float)),
                .. Protobuf.Message(12, MutableModel.Value("s2", MutableModel.Float)), .. Protobuf.Message(12, MutableModel.Value("o", MutableModel.Float)),
            ];
            model.Depend(model.Add("Scan", [model.Reals(true, [], 0), model.Card.Inputs.Time],
                [MutableModel.Body("body", body), MutableModel.Integer("num_scan_inputs", model.Pick(1, model.HostileSize())), MutableModel.Integers("scan_input_axes", model.HostileSize())], outputs: 2));
        }),
        new("long texts", model =>
        {
            string text = new('x', model.Pick(1 << 20, 30 << 20));
            if (model.Chance(0.5))
                MutableModel.SetText(model.Graph, model.Pick(2, 10), text);
            else
                model.Depend(model.Add("Neg", [model.State], [MutableModel.Word(text, text)]));
        }),
        new("many metadata entries", model =>
        {
            for (int i = 0; i < 50_000; i++)
                MutableModel.Append(model.Model, 14, [.. Protobuf.Text(1, $"k{i}"), .. Protobuf.Text(2, "v")]);
        }),
        new("a quantisation without tensors", model => MutableModel.Append(model.Graph, 14, [.. Protobuf.Text(1, "nowhere"), .. Protobuf.Message(2, Protobuf.Text(1, "SCALE_TENSOR"), Protobuf.Text(2, "nobody"))])),
        new("a training graph", model => MutableModel.Append(model.Model, 20, [.. Protobuf.Message(1, Leaf("a", "b")), .. Protobuf.Message(2, Leaf("a", "b"))])),
        new("a regular expression that backtracks", model =>
        {
            string texts = model.NewName();
            MutableModel.Append(model.Graph, 5, [.. Protobuf.Number(1, 1), .. Protobuf.Number(2, MutableModel.Text), .. Protobuf.Text(6, new string('a', model.Pick(30, 100_000)) + "!"), .. Protobuf.Text(8, texts)]);
            string pattern = model.Pick("(a+)+$", "(a|aa)+$", "((a{0,1000}){0,1000}){0,1000}", "(?:a?){1000}a{1000}", "(.*)*x", "[", "\\");
            model.Depend(model.Add("RegexFullMatch", [texts], [MutableModel.Word("pattern", pattern)]), real: false);
        }),
        new("a forest that goes in circles", model =>
        {
            long loop = model.Pick(0, 1, model.HostileSize());
            model.Depend(model.Add("TreeEnsembleRegressor", [model.Reals(model.Chance(0.5), [1, 2], 1, 2)],
            [
                MutableModel.Integers("nodes_treeids", 0, 0, 0), MutableModel.Integers("nodes_nodeids", 0, 1, 2), MutableModel.Integers("nodes_featureids", model.HostileSize(), 0, 0),
                MutableModel.Words("nodes_modes", "BRANCH_LEQ", model.Pick("LEAF", "BRANCH_LEQ", "NONSENSE"), "LEAF"), MutableModel.Reals("nodes_values", 1, 1, 1),
                MutableModel.Integers("nodes_truenodeids", 1, loop, 0), MutableModel.Integers("nodes_falsenodeids", 2, loop, 0),
                MutableModel.Integers("target_treeids", 0), MutableModel.Integers("target_nodeids", 2), MutableModel.Integers("target_ids", model.HostileSize()), MutableModel.Reals("target_weights", 1),
                MutableModel.Integer("n_targets", model.Pick(1, model.HostileSize())),
            ], "ai.onnx.ml"));
        }),
    ];

    private static byte[] Leaf(string input, string output) =>
        [.. Protobuf.Message(1, MutableModel.Node("Identity", [input], [output])), .. Protobuf.Text(2, "g"), .. Protobuf.Message(12, MutableModel.Value(output, MutableModel.Float))];

    private static string Functions(MutableModel model, int levels, bool recursive)
    {
        const string Domain = "local";
        MutableModel.Append(model.Model, 8, [.. Protobuf.Text(1, Domain), .. Protobuf.Number(2, 1)]);
        for (int level = 0; level < levels; level++)
        {
            string Called() => recursive ? $"f{(level + 1) % levels}" : $"f{level - 1}";
            byte[][] nodes = level == 0 && !recursive ? [MutableModel.Node("Neg", ["a"], ["b"])]
                : [MutableModel.Node(Called(), ["a"], ["m"], domain: Domain), MutableModel.Node(Called(), ["m"], ["b"], domain: Domain)];
            MutableModel.Append(model.Model, 25,
            [
                .. Protobuf.Text(1, $"f{level}"), .. Protobuf.Text(4, "a"), .. Protobuf.Text(5, "b"), .. nodes.SelectMany(node => Protobuf.Message(7, node)),
                .. Protobuf.Message(9, Protobuf.Text(1, ""), Protobuf.Number(2, 20)), .. Protobuf.Message(9, Protobuf.Text(1, Domain), Protobuf.Number(2, 1)), .. Protobuf.Text(10, Domain),
            ]);
        }
        return model.Add($"f{levels - 1}", [model.State], domain: Domain);
    }

    private static string Doubled(MutableModel model, Func<string, string> twice)
    {
        string value = model.Reals(model.Chance(0.5), [1024], new float[1024]);
        for (int i = model.Pick(5, 20, 25, 40, 60); i > 0; i--)
            value = twice(value);
        return value;
    }

    private static string Loop(MutableModel model, bool known, bool gathers, int inner)
    {
        long turns = model.Pick(1000, int.MaxValue, long.MaxValue, -1, long.MinValue);
        byte[] body =
        [
            .. Protobuf.Message(1, MutableModel.Node("Identity", ["go"], ["still"])), .. Protobuf.Message(1, MutableModel.Node("Neg", ["turn"], ["turned"])),
            .. gathers ? Protobuf.Message(1, MutableModel.Node("Identity", ["turn"], ["seen"])) : [], .. Protobuf.Text(2, "body"),
            .. Protobuf.Message(11, MutableModel.Value("i", MutableModel.Int64)), .. Protobuf.Message(11, MutableModel.Value("go", MutableModel.Bool)), .. Protobuf.Message(11, MutableModel.Value("turn", MutableModel.Float)),
            .. Protobuf.Message(12, MutableModel.Value("still", MutableModel.Bool)), .. Protobuf.Message(12, MutableModel.Value("turned", MutableModel.Float)), .. gathers ? Protobuf.Message(12, MutableModel.Value("seen", MutableModel.Float)) : [],
        ];
        string count = model.Scalar(known, turns), go = model.Initializer(MutableModel.Bool, [], [1]);
        for (int level = inner; level > 0; level--)
        {
            body =
            [
                .. Protobuf.Message(1, MutableModel.Node("Identity", [$"go{level}"], [$"still{level}"])),
                .. Protobuf.Message(1, MutableModel.Node("Loop", [count, go, $"turn{level}"], [$"turned{level}"], [MutableModel.Body("body", body)])), .. Protobuf.Text(2, "body"),
                .. Protobuf.Message(11, MutableModel.Value($"i{level}", MutableModel.Int64)), .. Protobuf.Message(11, MutableModel.Value($"go{level}", MutableModel.Bool)), .. Protobuf.Message(11, MutableModel.Value($"turn{level}", MutableModel.Float)),
                .. Protobuf.Message(12, MutableModel.Value($"still{level}", MutableModel.Bool)), .. Protobuf.Message(12, MutableModel.Value($"turned{level}", MutableModel.Float)),
            ];
        }
        string state = known && !gathers ? model.Reals(true, [2], 1, 2) : model.State;
        return model.Add("Loop", [count, go, state], [MutableModel.Body("body", body)], outputs: gathers ? 2 : 1);
    }

    private static string Grown(MutableModel model)
    {
        byte[] body =
        [
            .. Protobuf.Message(1, MutableModel.Node("Identity", ["go"], ["still"])), .. Protobuf.Message(1, MutableModel.Node("Concat", ["grown", "grown"], ["more"], [MutableModel.Integer("axis", 0)])), .. Protobuf.Text(2, "body"),
            .. Protobuf.Message(11, MutableModel.Value("i", MutableModel.Int64)), .. Protobuf.Message(11, MutableModel.Value("go", MutableModel.Bool)), .. Protobuf.Message(11, MutableModel.Value("grown", MutableModel.Float)),
            .. Protobuf.Message(12, MutableModel.Value("still", MutableModel.Bool)), .. Protobuf.Message(12, MutableModel.Value("more", MutableModel.Float)),
        ];
        bool known = model.Chance(0.5);
        return model.Add("Loop", [model.Scalar(known, model.Pick(20, 60)), model.Initializer(MutableModel.Bool, [], [1]), known ? model.Reals(true, [2], 1, 2) : model.State], [MutableModel.Body("body", body)]);
    }

    private static string Sequence(MutableModel model)
    {
        string sequence = model.Add("SequenceConstruct", [model.State]);
        for (int i = 0; i < 20; i++)
            sequence = model.Add("SequenceInsert", [sequence, model.State, model.Scalar(model.Chance(0.5), model.Pick(0, model.HostileSize()))]);
        return model.Chance(0.5) ? model.Add("ConcatFromSequence", [sequence], [MutableModel.Integer("axis", model.Pick(0, model.HostileSize()))])
            : model.Add("SequenceAt", [sequence, model.Scalar(model.Chance(0.5), model.HostileSize())]);
    }
}
