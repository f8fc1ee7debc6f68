using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using CsCheck;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Tests;

namespace FlowRuntime.Tool.Tests;

/// <summary>
/// Every option and argument of every verb, as the command line itself lists them, with anything for a value: the work is done, or refused in one line that leaves nothing behind.
/// </summary>
public sealed class OptionFuzzTests(OptionFuzzTests.Inputs inputs) : IClassFixture<OptionFuzzTests.Inputs>, IDisposable
{
    /// <summary>A run on models of a few nodes is done in milliseconds; one that takes longer hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Values that begin work of hours, which is no flaw where that is what was asked for.</summary>
    private static readonly string[] LongWork = ["--count", "--steps", "--samples", "--probes", "--slots", "--first"];

    private static readonly string[] Values =
    [
        "NaN", "nan", "Infinity", "-Infinity", "∞", "1e400", "-1e400", "1e-320", "0", "-0", "1", "2", "3", "-1", "0.5", "1.5", "1,5", "1e0", "+1", " 1", "1_000", "0x10", "٣",
        "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999999999",
        "é", "日本語", "\U0001F600", "\uD800", "\u202E", "\u001b[2J", "a\nb", "a\tb", "a\\b", "-", "--", "---", "@", "@x", "@/dev/null", "@/dev/zero", "@.", "=", "a=", "=a", "a=1", "a=b=c", ":", ";", ",", ",,", "/", "//", "..", "~", "*", "%s", "{0}", "$HOME", "'", "\"", "`",
        "[suggest:3]", "0.2,0.8", "0.8,0.2", "NaN,NaN", "0,1", "1,0,1", "0/1", "1/2", "0/0", "2/1", "-1/2", "1/0", "0/99999999", "left", "right", "left,right", "all", "left,", "0,1,2", "warmth=1,wetness=2", "wetness=2", "1,2;3,4", "1,2;;", "a.csv", "a.npy",
        "draft", "normal", "fine", "0x1", "euler", "rk4", "dopri5", "bosh3", "unipc3", "euler-maruyama", "churned-heun", "uniform", "cosine", "karras", "karras:7", "karras:NaN", "karras:1e308", "shift:3", "shift:0", "shift:-1", "shift:1e-300", "shift", "cosine:1", "auto", "cpu", "CPU", "cuda",
        "exact", "hutchinson", "npy", "csv", "bash", "zsh", "true", "false", "prediction.kind=noise", "path.alpha_bar=@/dev/zero", "sample.shape[0]=1", "sample.shape[99]=1", "a.b.c.d=1", "a[=1", "[0]=1", "a[-1]=1", "a=[[[[[[[[[[[[[[[[[[[[[[[[", "sample=null", "a={\"a\":1,\"a\":2}",
    ];

    private static readonly Gen<string> Value = Gen.OneOf(
        Gen.OneOf(Values), Gen.OneOf(Values), Gen.OneOf(Values), Gen.OneOf("{folder}", "{file}", "{missing}", "{times}", "@{times}", "@{file}", "@{folder}", "{text}", "{out}", "{picture}", "{image}", "{rows}", "{noise}", "{tiny}"),
        Gen.String, Gen.Int[1, 6000].Select(length => new string('a', length) + ".npy"), Gen.Double.Select(value => value.ToString("R", CultureInfo.InvariantCulture)), Gen.Select(Gen.OneOf(Values), Gen.OneOf(Values)).Select((a, b) => a + b));

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Models of a few nodes, and data for them.</summary>
    public sealed class Inputs : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Inputs()
        {
            TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTimePlusTable(1, 2, 3, 4, 5, 6), TinyModel.ClassesCard);
            TinyModel.Write(_folder, "condition.onnx", TinyModel.TimesTimePlusCondition(), TinyModel.ConditionCard);
            TinyModel.Write(_folder, "density.onnx", TinyModel.TimesTime(), TinyModel.Card with { Outputs = new OutputsCard("v", "divergence") });
            WriteData();
        }

        public string this[string name] => _folder.File(name);

        /// <summary>The models' bytes, which nothing may change.</summary>
        public Dictionary<string, byte[]> Models() => _folder.Files.Where(name => name.EndsWith(".onnx", StringComparison.Ordinal)).ToDictionary(name => name, name => File.ReadAllBytes(_folder.File(name)));

        /// <summary>Writes the data again, which an output may be written over where one is named so.</summary>
        public void WriteData()
        {
            _folder.File("rows.csv", "1,2\n3,4\n5,6\n");
            _folder.File("mask.csv", "1,0\n");
            _folder.File("times.csv", "0\n0.3\n1\n");
            _folder.File("text.txt", "no data at all");
        }

        public void Dispose() => _folder.Dispose();
    }

    /// <summary>The verbs and what each of them is called with where nothing is said of it.</summary>
    private static readonly Dictionary<string, string[]> Usual = new()
    {
        ["inspect"] = ["{model}"],
        ["sample"] = ["{model}", "--out", "{out}", "--count", "2"],
        ["encode"] = ["{model}", "--in", "{rows}", "--out", "{out}"],
        ["interpolate"] = ["{model}", "--in", "{rows}", "--out", "{out}", "--frames", "3"],
        ["edit"] = ["{model}", "--in", "{rows}", "--start", "0.5", "--out", "{out}"],
        ["inpaint"] = ["{model}", "--in", "{rows}", "--mask", "{mask}", "--out", "{out}"],
        ["likelihood"] = ["{model}", "--in", "{rows}", "--out", "{out}"],
        ["join"] = ["{missing}", "--out", "{out}"],
        ["tune"] = ["{copy}", "--samples", "2"],
        ["bench"] = ["{model}", "--count", "2"],
        ["card"] = ["{copy}", "--json"],
        ["bake"] = ["{model}", "--out", "{sampler}"],
        ["play"] = ["{model}", "--page", "{missing}"],
        ["devices"] = [],
        ["completion"] = ["bash"],
    };

    [Fact]
    public void Every_verb_is_among_those_that_are_tried() =>
        Assert.Equal(FlowCommand.Root().Subcommands.Select(verb => verb.Name).Order(), Usual.Keys.Order());

    public static TheoryData<string> Verbs => [.. FlowCommand.Root().Subcommands.Select(verb => verb.Name)];

    [Theory, MemberData(nameof(Verbs))]
    public async Task An_empty_value_is_refused_by_its_options_name(string verb)
    {
        foreach (Symbol symbol in Symbols(verb).Where(symbol => !IsFlag(symbol)))
        {
            foreach (string empty in new[] { "", " ", "\t" })
                Assert.StartsWith(symbol.Name, (await Try(verb, "tiny", (symbol, empty))).Error, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Verbs))]
    public async Task Whatever_an_options_value_is_the_work_is_done_or_refused(string verb)
    {
        Symbol[] symbols = [.. Symbols(verb)];
        Gen<(Symbol Symbol, string Value)> given = Gen.Select(Gen.OneOf(symbols), Value);
        await Gen.Select(Gen.OneOf("tiny", "condition", "density"), given.Array[1, 3]).SampleAsync(
            async (model, values) => { await Try(verb, model, values); }, iter: Iterations.Usual(verb is "devices" or "tune" or "bench" ? 25 : 90), threads: 1);
    }

    [Fact]
    public async Task Whatever_words_stand_on_the_line_it_is_understood_or_refused()
    {
        string[] words = [.. FlowCommand.Root().Subcommands.Where(verb => verb.Name is not ("bench" or "tune" or "card")).Select(verb => verb.Name), .. Symbols("sample").Select(symbol => symbol.Name), "--help", "--version", "[suggest]", "[suggest:-1]", "[suggest:x]", "[diagram]", "[env:A=b]"];
        await Gen.OneOf(Gen.OneOf(words), Value).Array[0, 6].SampleAsync(async given =>
        {
            string? directive = given.FirstOrDefault(word => word.StartsWith("[suggest", StringComparison.Ordinal)); // a shell gives one
            await Run([.. given.Where(word => !word.StartsWith("[suggest", StringComparison.Ordinal)).Prepend(directive).OfType<string>().Select(word => Filled(word, "tiny"))]);
        }, iter: Iterations.Usual(300), threads: 1);
    }

    [Theory]
    [InlineData("rows.shape", "[]")]
    [InlineData("rows.shape", "[0]")]
    [InlineData("rows.shape", "[-1]")]
    [InlineData("rows.shape", "[65536, 65536]")]
    [InlineData("rows.shape", "[2147483647, 2147483647, 2147483647]")]
    [InlineData("rows.shape", "[3]")]
    [InlineData("rows.columns", "[]")]
    [InlineData("rows.columns", "null")]
    [InlineData("rows.columns", "[\"a\", null]")]
    [InlineData("rows.times", "-1")]
    [InlineData("rows.times", "2147483647")]
    [InlineData("rows.labels", "[]")]
    [InlineData("rows.labels", "[null]")]
    [InlineData("rows.image", "true")]
    [InlineData("rows.first", "-1")]
    [InlineData("rows.grid_columns", "0")]
    [InlineData("report.samples", "-1")]
    [InlineData("report.samples", "9223372036854775807")]
    [InlineData("report", "null")]
    [InlineData("settings.shard", "\"9/2\"")]
    [InlineData("settings", "null")]
    public async Task A_shard_whose_json_tells_of_rows_that_there_cannot_be_is_refused(string field, string value)
    {
        (await ToolRun.InProcess("sample", inputs["tiny.onnx"], "--count", "2", "--shard", "0/1", "--out", _folder["part.npy"])).EnsureSuccess();
        JsonNode made = JsonNode.Parse(await File.ReadAllTextAsync(_folder["part.json"], TestContext.Current.CancellationToken))!;
        string[] names = field.Split('.');
        (names.Length == 1 ? made : made[names[0]]!)[names[^1]] = JsonNode.Parse(value);
        await File.WriteAllTextAsync(_folder["part.json"], made.ToJsonString(), TestContext.Current.CancellationToken);
        foreach (string output in new[] { "out.npy", "out.csv", "out.png" })
        {
            ToolRun run = await ToolRun.InProcess("join", _folder["part.npy"], "--out", _folder[output]);
            Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
            Assert.Matches("^[^\n]*(part\\.|too many)[^\n]*\n$", run.Error);
            Assert.Equal(["part.json", "part.npy"], _folder.Entries);
        }
    }

    private static IEnumerable<Symbol> Symbols(string verb)
    {
        Command command = FlowCommand.Root().Subcommands.Single(command => command.Name == verb);
        return [.. command.Options, .. command.Arguments];
    }

    private static bool IsFlag(Symbol symbol) => symbol is Option { ValueType: var type } && (type == typeof(bool) || type == typeof(bool?));

    /// <summary>Runs a verb as usual but for some of its options and arguments.</summary>
    private async Task<ToolRun> Try(string verb, string model, params (Symbol Symbol, string Value)[] given)
    {
        var line = new List<string> { verb };
        string[] usual = Usual[verb];
        for (int i = 0; i < usual.Length; i++)
        {
            bool option = usual[i].StartsWith("--", StringComparison.Ordinal), flag = option && (i + 1 == usual.Length || usual[i + 1].StartsWith("--", StringComparison.Ordinal));
            bool other = given.Any(value => option ? value.Symbol.Name == usual[i] : value.Symbol is Argument);
            if (!other || flag)
                line.AddRange(option && !flag ? usual[i..(i + 2)] : [usual[i]]);
            i += option && !flag ? 1 : 0;
        }
        foreach ((Symbol symbol, string value) in given)
        {
            if (symbol.Name == "--self-test" || (symbol.Name == "--out" && value.Trim() == "-"))
                continue; // seconds of work; what the tests themselves write to
            string safe = LongWork.Contains(symbol.Name) && double.TryParse(value, CultureInfo.InvariantCulture, out double number) && number is > 50 and < 1e18 ? "3" : value;
            line.AddRange(symbol is Argument ? [safe] : IsFlag(symbol) && safe.Length % 2 == 0 ? [symbol.Name] : [symbol.Name, safe]);
        }
        return await Run([.. line.Select(word => Filled(word, model))]);
    }

    private string Filled(string word, string model) => word
        .Replace("{model}", inputs[$"{model}.onnx"], StringComparison.Ordinal).Replace("{tiny}", _folder["copy.onnx"], StringComparison.Ordinal).Replace("{copy}", _folder["copy.onnx"], StringComparison.Ordinal)
        .Replace("{sampler}", _folder["sampler.onnx"], StringComparison.Ordinal).Replace("{out}", _folder["out.npy"], StringComparison.Ordinal).Replace("{picture}", _folder["out.png"], StringComparison.Ordinal).Replace("{image}", _folder["out/"], StringComparison.Ordinal)
        .Replace("{rows}", inputs["rows.csv"], StringComparison.Ordinal).Replace("{mask}", inputs["mask.csv"], StringComparison.Ordinal).Replace("{times}", inputs["times.csv"], StringComparison.Ordinal)
        .Replace("{text}", inputs["text.txt"], StringComparison.Ordinal).Replace("{file}", _folder["copy.onnx"], StringComparison.Ordinal).Replace("{folder}", _folder["."], StringComparison.Ordinal)
        .Replace("{missing}", _folder["none.npy"], StringComparison.Ordinal).Replace("{noise}", _folder["none.csv"], StringComparison.Ordinal);

    private async Task<ToolRun> Run(string[] line)
    {
        File.Copy(inputs["tiny.onnx"], _folder["copy.onnx"], overwrite: true);
        byte[] model = await File.ReadAllBytesAsync(_folder["copy.onnx"]);
        Dictionary<string, byte[]> before = inputs.Models();
        inputs.WriteData();
        string shown = string.Join(' ', line.Select(word => $"⟨{(word.Length > 200 ? word[..200] + "…" : word)}⟩"));
        Task<ToolRun> work = Task.Run(() => ToolRun.InProcess(line));
        Assert.True(await Task.WhenAny(work, Task.Delay(Patience)) == work, $"It hangs: {shown}");
        ToolRun run = await work;
        try
        {
            Assert.DoesNotContain(_folder.Entries, entry => entry.EndsWith(".partial", StringComparison.Ordinal) || entry.EndsWith(".new", StringComparison.Ordinal) || entry.EndsWith(".partial.json", StringComparison.Ordinal));
            Assert.Equal(before, inputs.Models());
            OnnxFile.ReadMetadata(_folder["copy.onnx"], CardFile.MetadataKey); // it is a model still, also where hints were written into it
            Assert.Contains(run.ExitCode, new[] { CommandHost.Done, CommandHost.FailedAtWork, CommandHost.BadInput });
            if (run.ExitCode == CommandHost.FailedAtWork)
                Assert.Matches("samples failed|No space left|stdout", run.Error);
            if (run.ExitCode == CommandHost.BadInput)
            {
                Assert.Equal("", run.Output);
                Assert.Matches("^[^\n]*[^\n ][^\n]*\n$", run.Error);
                Assert.DoesNotContain(run.Error.TrimEnd('\n'), char.IsControl);
                Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
                Assert.DoesNotContain("Exception", run.Error, StringComparison.Ordinal);
                Assert.DoesNotContain("(Parameter", run.Error, StringComparison.Ordinal);
                Assert.Equal(["copy.onnx"], _folder.Entries.Where(entry => entry != "out")); // a folder that is asked for is made before any work
                Assert.Equal(model, await File.ReadAllBytesAsync(_folder["copy.onnx"]));
            }
        }
        catch (Xunit.Sdk.XunitException e)
        {
            throw new Xunit.Sdk.XunitException($"{shown}\nexit code {run.ExitCode}, stderr: {run.Error}\n{e.Message}");
        }
        finally
        {
            foreach (string entry in _folder.Entries.ToArray())
            {
                if (Directory.Exists(_folder[entry]))
                    Directory.Delete(_folder[entry], recursive: true);
                else
                    File.Delete(_folder[entry]);
            }
        }
        return run;
    }
}
