using System.CommandLine;
using System.Globalization;
using CsCheck;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>
/// Whatever stands after an option, the answer is one line and exit 2, and nothing is left behind. Every command line here has one fault besides, so that none
/// begins to work. CsCheck_Iter makes it a longer run of the same.
/// </summary>
public sealed class HostileOptionsTests : IDisposable
{
    private static readonly string[] Values =
    [
        "", " ", "0", "1", "-1", "3", "0.5", "-0", "NaN", "Infinity", "-Infinity", "1e400", "1e-400", "2147483647", "2147483648", "-2147483648", "99999999999999999999", "0x10", "1,000", "1e2", "true", "null", "[]", "[1,2]", "{}", "{\"a\":1}",
        "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "\"", "\"\\ud800\"", "'", "\\", "\0", "\n", "a\nb", "\r", "\t", "\u001b[31m", "\u202e", "é", "名", "--", "-", "--data", "@x", ".", "..", "/", "/dev/null", "/dev/full", "/proc/self/mem", "/no/such/file", "a=b", "=", "x=", ".=1",
        "moons", "digits", "gaussian:4096", "gaussian:99999", "csv:", "csv:/dev/null", "npy:/dev/zero", "npy:.", "parquet:/proc/self/maps", "idx:/", "images:/proc", "mlp", "unet", "dit", "cpu", "cuda", "float32", "sinkhorn", "uniform", "beta(1,2)", "beta(1e308,1e308)", "logit-normal(0,0)", "mode(-5)", new('9', 400), new('a', 5000), new('(', 500),
    ];

    private static readonly string[] Keys =
    [
        .. Leaves(RunConfiguration.For("digits")), .. Leaves(RunConfiguration.For("images:folder")), .. Leaves(RunConfiguration.For("digits").With(["network.kind=dit"])),
        "label_column", "init", "class_names", "as_images", "condition_columns", "conditions", "images", "augmentation", "augmentation.flip", "pictures", "pictures.every", "network", "network.kind", "training", "training.minutes", "path", "path.alpha_bar", "path.sigma_max",
        "path.beta_min", "path.beta_max", "path.start", "path.end", "path.coupling", "objective", "", "no.such.key", "data.x", "training.steps.x",
    ];

    /// <summary>What the machine says where reading itself fails: a failure at work, as with a broken disk.</summary>
    private const string ReadError = "Input/output error";

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-hostile").FullName;

    public HostileOptionsTests() => File.WriteAllText(Path.Combine(_folder, "file"), "");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Every verb with what makes it refuse to work: a folder inside a file, or a run that is not there.</summary>
    public static TheoryData<string, string> Verbs => new()
    {
        { "run", "--data moons --out {0}/file/r" }, { "demo", "--out {0}/file/r" }, { "resume", "{0}/none" }, { "report", "{0}/none" }, { "export", "{0}/none --out {0}/m.onnx" }, { "evaluate", "{0}/none" },
        { "bench", "--network chess" }, { "bench-2d", "--part chess" },
    };

    [Fact]
    public void Every_verb_is_among_those_tried() => // soak starts processes, and is for the trainer's developers
        Assert.Equal(TrainCommand.Root().Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name).Order(StringComparer.Ordinal), Verbs.Select(verb => verb.Data.Item1).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Verbs))]
    public void Any_value_of_any_option_ends_in_one_line(string verb, string refused)
    {
        Option[] options = [.. TrainCommand.Root().Subcommands.Single(command => command.Name == verb).Options.Where(option => option.Name is not ("--help" or "--version"))];
        if (options.Length == 0)
            return;
        Gen.Select(Gen.OneOf(options), Gen.OneOf(Values)).Array[1, 3].Sample(given =>
            Refuse([verb, .. refused.Split(' ').Select(InFolder), .. given.SelectMany(one => one.Item1.ValueType == typeof(bool) && one.Item2.Length % 2 == 0 ? (string[])[one.Item1.Name] : [one.Item1.Name, one.Item2])]));
    }

    [Fact]
    public void Any_value_of_any_setting_ends_in_one_line() =>
        Gen.Select(Gen.OneOf("moons", "digits", "gaussian:1"), Gen.Select(Gen.OneOf(Keys), Gen.OneOf(Values)).Array[1, 3]).Sample((data, settings) =>
            Refuse(["run", "--data", data, "--out", InFolder("{0}/file/r"), .. settings.SelectMany(setting => (string[])["--set", $"{setting.Item1}={setting.Item2}"])]));

    [Fact]
    public void Any_configuration_of_a_run_is_read_or_refused_by_its_name()
    {
        string run = Path.Combine(_folder, "run"), config = Path.Combine(run, "config.json"), whole = RunConfiguration.For("digits").ToJson();
        Directory.CreateDirectory(Path.Combine(run, "checkpoints"));
        Gen.Select(Gen.Double[0, 1], Gen.Int[0, 20], Gen.OneOf([.. Values, ",", ":", "}", "\"data\":"])).Array[1, 3].Sample(changes =>
        {
            string file = $"{config}.{Guid.NewGuid():N}", text = changes.Aggregate(whole, (json, change) =>
            {
                int at = (int)(change.Item1 * json.Length);
                return string.Concat(json.AsSpan(0, at), change.Item3, json.AsSpan(Math.Min(json.Length, at + change.Item2)));
            });
            File.WriteAllText(file, text);
            try
            {
                RunConfiguration.Read(file);
            }
            catch (InvalidDataException e)
            {
                Assert.StartsWith(file, e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(e.Message, char.IsControl);
            }
            File.Delete(file);
        });
    }

    [Theory, InlineData("network=5"), InlineData("objective.times=\"\\ud800\""), InlineData("training={\"a\":1,\"a\":2}"), InlineData("a\nb=1"), InlineData("\u001b[31m=1")]
    public void A_setting_of_the_wrong_kind_is_bad_input(string setting) => Refuse(["run", "--data", "moons", "--out", InFolder("{0}/file/r"), "--set", setting]); // each was once another exception or another line

    [Fact]
    public void A_configuration_without_an_end_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads a device of Linux.");
        Refuse(["run", "--data", "moons", "--out", InFolder("{0}/file/r"), "--config", "/dev/zero"]);
    }

    [Theory, InlineData("--config", "json"), InlineData("--data", "csv"), InlineData("--data", "npy")]
    public async Task A_file_the_machine_fails_to_read_is_a_failure_at_work(string option, string form)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads a device of Linux.");
        string file = InFolder($"{{0}}/broken.{form}");
        File.CreateSymbolicLink(file, "/proc/self/mem");
        TrainRun run = await TrainRun.Of("run", option, option == "--data" ? $"{form}:{file}" : file, "--out", InFolder("{0}/r"));
        Assert.Equal((CommandHost.FailedAtWork, ""), (run.ExitCode, run.Output));
        string line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith(ReadError, line, StringComparison.Ordinal);
        Assert.Contains(file, line, StringComparison.Ordinal);
        Assert.False(Directory.Exists(InFolder("{0}/r")));
    }

    private static string[] Leaves(RunConfiguration run)
    {
        return [.. Walk(System.Text.Json.Nodes.JsonNode.Parse(run.ToJson())!, "")];

        static IEnumerable<string> Walk(System.Text.Json.Nodes.JsonNode? node, string name) => node is System.Text.Json.Nodes.JsonObject fields
            ? fields.SelectMany(field => Walk(field.Value, name.Length == 0 ? field.Key : $"{name}.{field.Key}")) : [name];
    }

    private string InFolder(string word) => string.Format(CultureInfo.InvariantCulture, word, _folder);

    private void Refuse(string[] arguments)
    {
        TrainRun run = TrainRun.Of(arguments).GetAwaiter().GetResult();
        string given = string.Join(' ', arguments);
        Assert.True(run.ExitCode == (run.Error.StartsWith(ReadError, StringComparison.Ordinal) ? CommandHost.FailedAtWork : CommandHost.BadInput), $"exit {run.ExitCode}: {given}: {run.Error}");
        Assert.Equal("", run.Output);
        string line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.True(!line.Any(char.IsControl) && !line.Contains("   at ", StringComparison.Ordinal) && line.Length < 2_000 + given.Length, $"{given}: {line}");
        Assert.Equal(["file"], Directory.GetFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }
}
