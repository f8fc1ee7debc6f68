using System.Text;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Tool.Tests;

/// <summary>
/// Bad input and usage: exit code 2, one line on stderr that names the file or option and the cure, nothing on stdout,
/// nothing left behind.
/// </summary>
public sealed class BadInputTests(BadInputTests.BadModels models) : IClassFixture<BadInputTests.BadModels>, IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Models with something wrong in them.</summary>
    public sealed class BadModels : IDisposable
    {
        private readonly WorkFolder _folder = new();

        public BadModels()
        {
            byte[] moons = File.ReadAllBytes(Models.Moons);
            File.WriteAllText(this["not-onnx"], "hello");
            File.WriteAllBytes(this["empty"], []);
            File.WriteAllBytes(this["truncated"], moons[..(moons.Length / 2)]);
            File.WriteAllBytes(this["cardless"], Replaced(moons, "flow.card", "flow.cord"));
            File.WriteAllBytes(this["unknown-operator"], Replaced(moons, "LayerNormalization", "LayerNormalizatiom"));
            string wrongInput = _folder.CopyOf(Models.Moons, "wrong-input");
            FlowCard card = CardFile.Read(wrongInput);
            CardFile.Write(wrongInput, card with { Inputs = card.Inputs with { State = "nowhere" } });
            _folder.CopyOf(Models.Digits, "wrong-shape", """{"sample": {"shape": [1, 8, 9]}}""");
            _folder.CopyOf(Models.Moons, "wrong-field", """{"sampel": {"shape": [2]}}""");
            _folder.CopyOf(Models.Moons, "wrong-kind", """{"sample": {"shape": "two"}}""");
            _folder.CopyOf(Models.Moons, "wrong-json", "{");
            _folder.CopyOf(Models.Moons, "newer", """{"format": 1000}""");
            _folder.CopyOf(Models.Digits, "no-image", """{"data": null, "hints": null}""");
            _folder.CopyOf(Models.Digits, "no-null-class", """{"conditions": {"classes": {"null": null}}}""");
        }

        public string this[string name] => _folder[name + ".onnx"];

        public IEnumerable<string> Entries => _folder.Entries;

        public void Dispose() => _folder.Dispose();

        private static byte[] Replaced(byte[] bytes, string text, string by)
        {
            (byte[] from, byte[] to) = (Encoding.ASCII.GetBytes(text), Encoding.ASCII.GetBytes(by));
            Assert.Equal(from.Length, to.Length); // so that no length in the file changes
            byte[] changed = [.. bytes];
            int at, found = 0;
            while ((at = changed.AsSpan().IndexOf(from)) >= 0)
            {
                to.CopyTo(changed, at);
                found++;
            }
            Assert.NotEqual(0, found);
            return changed;
        }
    }

    [Theory]
    // models; the words that follow must stand in the message
    [InlineData("inspect {not-onnx}", "not-onnx.onnx", "Give a whole .onnx file")]
    [InlineData("sample {not-onnx} --out {out}", "not-onnx.onnx", "Give a whole .onnx file")]
    [InlineData("inspect {empty}", "empty.onnx", "Give a whole .onnx file")]
    [InlineData("inspect {truncated}", "truncated.onnx", "Give a whole .onnx file")]
    [InlineData("sample {truncated} --out {out}", "truncated.onnx", "Give a whole .onnx file")]
    [InlineData("inspect {cardless}", "cardless.onnx", "Write ", "cardless.flow.json")]
    [InlineData("sample {cardless} --out {out}", "cardless.onnx", "Write ", "cardless.flow.json")]
    [InlineData("inspect {unknown-operator}", "unknown-operator.onnx", "LayerNormalizatiom")]
    [InlineData("sample {unknown-operator} --out {out}", "unknown-operator.onnx", "LayerNormalizatiom")]
    [InlineData("inspect {wrong-input}", "wrong-input.onnx", "inputs.state", "'nowhere'", "Correct 'inputs.state'")]
    [InlineData("sample {wrong-input} --out {out}", "wrong-input.onnx", "inputs.state", "'nowhere'", "Correct 'inputs.state'")]
    [InlineData("inspect {wrong-shape}", "wrong-shape.onnx", "[N, 1, 8, 8]", "sample.shape", "[N, 1, 8, 9]")]
    [InlineData("sample {wrong-shape} --out {out}", "wrong-shape.onnx", "[N, 1, 8, 8]", "sample.shape", "[N, 1, 8, 9]")]
    [InlineData("sample {wrong-field} --out {out}", "wrong-field.flow.json", "unknown field 'sampel'", "sample")]
    [InlineData("sample {wrong-json} --out {out}", "wrong-json.flow.json", "not JSON")]
    [InlineData("sample {newer} --out {out}", "newer.flow.json", "format 1000", "Update FlowRuntime")]
    [InlineData("inspect {missing}", "missing.onnx", "There is no")]
    [InlineData("sample {missing} --out {out}", "missing.onnx", "There is no")]
    [InlineData("sample {folder} --out {out}", "There is no")]
    // labels and guidance
    [InlineData("sample {digits} --out {out} --label 10", "--label", "'10'", "0 to 9")]
    [InlineData("sample {digits} --out {out} --label -1", "--label", "'-1'", "0 to 9")]
    [InlineData("sample {digits} --out {out} --label ten", "--label", "'ten'", "0 to 9")]
    [InlineData("sample {digits} --out {out} --label 3,", "--label", "''", "0 to 9")]
    [InlineData("sample {digits} --out {out} --label", "--label")]
    [InlineData("sample {moons} --out {out} --label 1", "--label", "moons.onnx", "no classes")]
    [InlineData("sample {digits} --out {out} --label 1 --guidance NaN", "--guidance", "finite")]
    [InlineData("sample {digits} --out {out} --label 1 --guidance -Infinity", "--guidance", "finite")]
    [InlineData("sample {digits} --out {out} --label 1 --guidance much", "--guidance", "'much'", "Give a number")]
    [InlineData("sample {digits} --out {out} --guidance 2", "Guidance", "give labels")]
    [InlineData("sample {digits} --out {out} --label 3 --guidance 2 --guidance-interval 0.5", "--guidance-interval", "Give A,B")]
    [InlineData("sample {digits} --out {out} --label 3 --guidance 2 --guidance-interval 0.5,0.2", "--guidance-interval", "(0.2, 0.8)")]
    [InlineData("sample {digits} --out {out} --label 3 --guidance 2 --guidance-rescale 2", "--guidance-rescale", "0.7")]
    [InlineData("sample {digits} --out {out} --label 3 --guidance 2 --negative ten", "--negative", "there is no class 'ten'")]
    [InlineData("sample {digits} --out {out} --label 3 --negative 4", "--guidance", "Give its scale")]
    [InlineData("sample {moons} --out {out} --guidance 2", "moons.onnx", "without guidance")]
    [InlineData("sample {no-null-class} --out {out}", "give a label")]
    [InlineData("sample {no-null-class} --out {out} --label 1 --guidance 2", "no-null-class.onnx", "without guidance")]
    // counts
    [InlineData("sample {moons} --out {out} --count 0", "--count", "at least 1")]
    [InlineData("sample {moons} --out {out} --count -1", "--count", "at least 1")]
    [InlineData("sample {moons} --out {out} --count x", "--count", "'x'", "Give a whole number")]
    [InlineData("sample {moons} --out {out} --count 99999999999999999999", "--count", "'99999999999999999999'", "Give a whole number")]
    [InlineData("sample {moons} --out {out} --count 1 --count 2", "--count")]
    [InlineData("sample {moons} --out {out} --first -1", "--first", "at least 0")]
    [InlineData("sample {moons} --out {out} --first 9223372036854775807 --count 2", "9223372036854775807")]
    [InlineData("sample {moons} --out {out} --first x", "--first", "'x'", "Give a whole number")]
    [InlineData("sample {moons} --out {out} --seed -1", "--seed", "'-1'", "at least 0")]
    [InlineData("sample {moons} --out {out} --threads 0", "--threads", "Give ")]
    [InlineData("sample {moons} --out {out} --threads -1", "--threads", "Give ")]
    [InlineData("sample {moons} --out {out} --threads 257", "--threads", "256")]
    [InlineData("sample {moons} --out {out} --workers 0", "--workers", "Give ")]
    [InlineData("sample {moons} --out {out} --workers -1", "--workers", "Give ")]
    [InlineData("sample {moons} --out {out} --workers 257", "--workers", "256")]
    [InlineData("sample {moons} --out {out} --slots 0", "--slots", "Give ")]
    [InlineData("sample {moons} --out {out} --slots -1", "--slots", "Give ")]
    // the solver
    [InlineData("sample {moons} --out {out} --rtol 0", "--rtol", "positive number")]
    [InlineData("sample {moons} --out {out} --rtol -1", "--rtol", "positive number")]
    [InlineData("sample {moons} --out {out} --rtol NaN", "--rtol", "positive number")]
    [InlineData("sample {moons} --out {out} --rtol Infinity", "--rtol", "positive number")]
    [InlineData("sample {moons} --out {out} --rtol small", "--rtol", "'small'", "Give a number")]
    [InlineData("sample {moons} --out {out} --atol 0", "--atol", "positive number")]
    [InlineData("sample {moons} --out {out} --atol NaN", "--atol", "positive number")]
    [InlineData("sample {moons} --out {out} --steps 0", "--steps", "Give 1 to 16777216 steps")]
    [InlineData("sample {moons} --out {out} --steps 1.5", "--steps", "'1.5'", "Give a whole number")]
    [InlineData("sample {moons} --out {out} --steps 5 --rtol 1e-3", "--steps", "--rtol", "exclude each other")]
    [InlineData("sample {moons} --out {out} --steps 5 --atol 1e-3", "--steps", "--atol", "exclude each other")]
    [InlineData("sample {moons} --out {out} --steps x --rtol y", "--steps")]
    [InlineData("sample {moons} --out {out} --method nope", "--method", "'nope'", "euler, midpoint, heun, ralston, heun-euler, bosh3, rk4, rk38, dopri5, tsit5, vern6, vern6-robust, dop853, ab2, ab3, dpm++2m, unipc2, unipc3, euler-maruyama, churned-heun")]
    [InlineData("sample {moons} --out {out} --method euler", "--method", "euler", "--steps N")]
    [InlineData("sample {moons} --out {out} --method euler --rtol 1e-3", "--method", "euler", "--steps N")]
    // providers
    [InlineData("sample {moons} --out {out} --provider nope", "provider", "'nope'", "auto, cuda, directml, coreml, cpu")]
    // outputs
    [InlineData("sample {moons}", "--out")]
    [InlineData("sample {moons} --out", "--out")]
    [InlineData("sample {moons} --out {folder}a.txt", "--out", "a.txt", ".npy, .csv nor .png")]
    [InlineData("sample {moons} --out {folder}a", "--out", ".npy, .csv nor .png")]
    [InlineData("sample {moons} --out {folder}no-such-folder/a.npy", "--out", "no-such-folder", "Make it first")]
    [InlineData("sample {no-image} --out {folder}a.png", "--out", "[1, 8, 8]", "Write .npy or .csv")]
    [InlineData("sample {digits} --out {folder}a.png --count 10001", "--out", "10001", "Write .npy")]
    // usage
    [InlineData("sample {moons} --out {out} --nope 1", "'--nope'", "sample --help")]
    [InlineData("sample {moons} another --out {out}", "'another'", "sample --help")]
    [InlineData("sample", "sample --help")]
    [InlineData("inspect", "inspect --help")]
    [InlineData("nope", "'nope'", "--help")]
    // the other verbs, and outputs
    [InlineData("encode {digits} --in {folder}none.npy --out {out}", "--in", "there is no file")]
    [InlineData("encode {digits} --in {digits} --out {out}", "--in", "ends in neither")]
    [InlineData("encode {not-onnx} --in {digits} --out {out}", "not-onnx.onnx", "Give a whole .onnx file")]
    [InlineData("encode {digits} --out {out}", "--in")]
    [InlineData("encode {digits} --in {digits} --out {folder}a.txt", "--out", ".npy, .csv nor .png")]
    [InlineData("interpolate {digits} --in {digits} --out {out} --frames 1", "--frames", "2 to 1000")]
    [InlineData("interpolate {digits} --in {folder}none/ --out {out}", "--in", "there is no file")]
    [InlineData("interpolate {digits} --in {digits} --out {out} --frames x", "--frames", "'x'")]
    [InlineData("interpolate {digits} --in {digits} --out {out} --shard 2/2", "--shard", "i from 0 to n − 1")]
    [InlineData("interpolate {missing} --in {digits} --out {out}", "missing.onnx", "There is no")]
    [InlineData("edit {digits} --in {digits} --out {out}", "--start")]
    [InlineData("edit {digits} --in {digits} --start 1 --out {out}", "--start", "from 0 to below 1")]
    [InlineData("edit {digits} --in {digits} --start NaN --out {out}", "--start", "from 0 to below 1")]
    [InlineData("edit {digits} --in {digits} --start soon --out {out}", "--start", "'soon'")]
    [InlineData("edit {digits} --in {digits} --start 0.5 --label ten --out {out}", "--in", "ends in neither")]
    [InlineData("inpaint {digits} --in {digits} --out {out}", "--mask")]
    [InlineData("inpaint {digits} --in {digits} --mask x --out {out}", "--in", "ends in neither")]
    [InlineData("inpaint {truncated} --in {digits} --mask x --out {out}", "truncated.onnx")]
    [InlineData("inpaint {digits} --mask x --out {out}", "--in")]
    [InlineData("inpaint {digits} --in {digits} --mask x --out {folder}nowhere/a.npy", "--out", "Make it first")]
    [InlineData("likelihood {moons} --in {digits} --out {out}", "--in", "ends in neither")]
    [InlineData("likelihood {moons} --in {digits} --out {folder}a.png", "--out", "densities are no pictures")]
    [InlineData("likelihood {moons} --out {out}", "--in")]
    [InlineData("likelihood {moons} --in {digits} --probes many --out {out}", "--probes", "'many'")]
    [InlineData("likelihood {cardless} --in {digits} --out {out}", "cardless.onnx")]
    [InlineData("join --out {out}", "join --help")]
    [InlineData("join {folder}none.npy --out {out}", "PARTS", "there is no file")]
    [InlineData("join {folder}none.csv --out {out}", "PARTS", "no .npy file")]
    [InlineData("join {digits} --out -", "--out", "Name one")]
    [InlineData("join {digits} --out {folder}a.txt", "--out", ".npy, .csv nor .png")]
    [InlineData("bench {missing}", "missing.onnx", "There is no")]
    [InlineData("bench {digits} --count 0", "--count", "1 to 10000000")]
    [InlineData("bench {digits} --label ten", "--label", "'ten'")]
    [InlineData("bench {digits} --threads 0", "--threads", "Give")]
    [InlineData("bench {digits} --method nope", "--method", "'nope'")]
    [InlineData("completion", "completion --help")]
    [InlineData("completion csh", "SHELL", "bash, zsh, fish or pwsh")]
    [InlineData("completion bash zsh", "'zsh'")]
    [InlineData("completion --shell bash", "Unrecognized", "completion --help")]
    [InlineData("completion BASH", "SHELL", "'BASH'")]
    [InlineData("devices --model {missing}", "missing.onnx", "There is no")]
    [InlineData("devices --model {not-onnx}", "not-onnx.onnx")]
    [InlineData("devices --provider nope", "'nope'")]
    [InlineData("devices --plug-in {missing}", "missing.onnx")]
    [InlineData("devices all", "'all'")]
    [InlineData("tune {missing}", "missing.onnx", "There is no")]
    [InlineData("tune {digits} --samples 1", "--samples", "at least 32")]
    [InlineData("tune {digits} --samples few", "--samples", "'few'")]
    [InlineData("tune {cardless}", "cardless.onnx")]
    [InlineData("tune", "tune --help")]
    [InlineData("card {missing}", "missing.onnx")]
    [InlineData("card {not-onnx}", "not-onnx.onnx")]
    [InlineData("card", "card --help")]
    [InlineData("card {digits} {moons}", "card --help")]
    [InlineData("card {cardless} --set nonsense --out {folder}a.flow.json --json", "--set")]
    [InlineData("sample {moons} --out - --json", "--json")]
    [InlineData("sample {moons} --out - --resume", "--resume")]
    [InlineData("sample {moons} --out {out} --format npy", "--format")]
    [InlineData("sample {moons} --out - --format xml", "--format", "npy or csv")]
    [InlineData("sample {moons} --out {out} --shard 1/0", "--shard", "0/16")]
    [InlineData("sample {moons} --out {out} --count 3 --shard 0/4", "--shard", "at most 3")]
    [InlineData("sample {moons} --out {out} --noise {folder}none.npy", "--noise", "there is no file")]
    [InlineData("sample {moons} --out {folder}points/", "--out", "a folder takes images")]
    [InlineData("inspect {digits} --nope", "'--nope'")]
    public async Task Bad_input_is_named_in_one_line_and_leaves_nothing(string commandLine, params string[] words)
    {
        string[] before = [.. models.Entries];

        ToolRun run = await ToolRun.InProcess([.. commandLine.Split(' ').Select(Filled)]);

        AssertRefused(run, words);
        Assert.Empty(_folder.Entries);
        Assert.Equal(before, models.Entries);
    }

    [Fact]
    public async Task An_output_that_is_a_folder_is_refused()
    {
        Directory.CreateDirectory(_folder["a.npy"]);

        AssertRefused(await ToolRun.InProcess("sample", Models.Moons, "--out", _folder["a.npy"]), ["--out", "a.npy", "is a folder", "Name a file"]);

        Assert.Equal(["a.npy"], _folder.Entries);
    }

    [Fact]
    public async Task A_folder_in_the_place_of_the_file_beside_the_output_is_noticed_before_any_work()
    {
        Directory.CreateDirectory(_folder["a.json"]);

        AssertRefused(await ToolRun.InProcess("sample", Models.Moons, "--out", _folder["a.npy"]), ["--out", "a.json", "is a folder"]);

        Assert.Equal(["a.json"], _folder.Entries);
    }

    [Theory]
    [InlineData("/proc/no-such.npy")]
    [InlineData("/sys/no-such.npy")]
    public async Task An_output_where_nothing_can_be_written_is_noticed_before_any_work(string path)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists(Path.GetDirectoryName(path)), "Needs a file system that refuses every file.");

        AssertRefused(await ToolRun.InProcess("sample", models["missing"], "--out", path), ["--out", path, "cannot be written"]);
    }

    [Fact]
    public async Task A_required_provider_that_is_absent_is_refused_with_the_cure()
    {
        Assert.SkipWhen(OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider"), "This ONNX Runtime has CUDA.");

        AssertRefused(
            await ToolRun.InProcess("sample", Models.Moons, "--provider", "cuda", "--require-provider", "--out", _folder["a.npy"]),
            ["'cuda'", "required", "Reference the ONNX Runtime package that has it, or do not require it"]);

        Assert.Empty(_folder.Entries);
    }

    [Fact]
    public async Task A_card_field_of_the_wrong_kind_is_named()
    {
        ToolRun run = await ToolRun.InProcess("sample", models["wrong-kind"], "--out", _folder["a.npy"]);

        Assert.Matches("^[^\n]*wrong-kind.flow.json[^\n]*'sample.shape'[^\n]*\n$", run.Error);
        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Empty(_folder.Entries);
    }

    [Fact]
    public async Task An_earlier_output_survives_bad_input()
    {
        await File.WriteAllTextAsync(_folder["a.npy"], "precious", TestContext.Current.CancellationToken);

        AssertRefused(await ToolRun.InProcess("sample", Models.Moons, "--label", "1", "--out", _folder["a.npy"]), ["--label"]);

        Assert.Equal("precious", await File.ReadAllTextAsync(_folder["a.npy"], TestContext.Current.CancellationToken));
        Assert.Equal(["a.npy"], _folder.Entries);
    }

    [Fact]
    public async Task The_process_answers_the_same()
    {
        AssertRefused(await ToolRun.AsProcess("sample", Models.Moons, "--count", "0", "--json", "--out", _folder["a.npy"]), ["--count", "at least 1"]);
        AssertRefused(await ToolRun.AsProcess("sample"), ["See flow sample --help."]);

        Assert.Empty(_folder.Entries);
    }

    private string Filled(string argument) => argument
        .Replace("{out}", _folder["a.npy"], StringComparison.Ordinal)
        .Replace("{folder}", _folder[""], StringComparison.Ordinal) switch
    {
        "{digits}" => Models.Digits,
        "{moons}" => Models.Moons,
        ['{', .. var name, '}'] => models[name],
        var plain => plain,
    };

    private static void AssertRefused(ToolRun run, string[] words)
    {
        Assert.Equal("", run.Output);
        Assert.Matches("^[^\n]*[^\n ][^\n]*\n$", run.Error);
        Assert.All(words, word => Assert.Contains(word, run.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("Exception", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("(Parameter", run.Error, StringComparison.Ordinal);
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
    }
}
