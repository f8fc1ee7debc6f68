using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Tests;
using FlowRuntime.Tool.Serving;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow play</c> offers a model to the page, and leaves nothing behind.</summary>
public sealed class PlayTests : IDisposable
{
    private readonly TemporaryFolder _models = new();
    private readonly WorkFolder _folder = new();

    public void Dispose()
    {
        _models.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("TERM", "--sandbox")]
    public async Task It_serves_until_a_signal_ends_it_and_its_files_are_gone(string signal, params string[] options)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are Linux's.");
        Directory.CreateDirectory(_folder["tmp"]);
        // A shell begins what is in the background with SIGINT ignored, which .NET leaves so; another shell's foreground does not.
        string script = $"""
            export TMPDIR={_folder["tmp"]}
            (for i in $(seq 500); do [ -s {_folder["out"]} ] && break; sleep 0.1; done; ls $TMPDIR/flow-play-*/models; kill -{signal} $(cat {_folder["id"]})) &
            sh -c 'echo $$ > {_folder["id"]}; exec "$0" "$@"' "$0" "$@" > {_folder["out"]}
            code=$?
            wait
            ls $TMPDIR
            exit $code
            """;
        ToolRun run = (await ToolRun.InShell(script, ["play", Models.Moons, "--page", Page(), .. options])).EnsureSuccess();

        Assert.Equal("list.js\nown-dopri5.onnx\nown-heun.onnx\n", run.Output);
        Assert.Matches(@"^moons\.onnx is at http://127\.0\.0\.1:[0-9]+/ \(Ctrl\+C ends it\)\n$", await File.ReadAllTextAsync(_folder["out"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_model_is_offered_before_the_pages_own()
    {
        string page = Page();
        string folder;
        using (FlowModel model = FlowModel.Open(Models.Digits))
        using (var played = new PlayedModel())
        {
            played.Add(model, page);
            folder = played.Folder;
            Assert.Equal(
                ["Models.offer({ name: \"digits.onnx\", heun: 'models/own-heun.onnx', dopri5: 'models/own-dopri5.onnx' });", "Models.offer({ name: 'moons' });"],
                File.ReadAllLines(Path.Combine(folder, PlayedModel.List)));
            foreach ((string solver, string inputs) in new[] { ("heun", "guidance,label,noise,steps"), ("dopri5", "atol,guidance,label,noise,rtol") })
            {
                using var sampler = new InferenceSession(Path.Combine(folder, "models", $"own-{solver}.onnx"));
                Assert.Equal(inputs.Split(','), sampler.InputMetadata.Keys.Order());
                Assert.Contains("trajectory_t", sampler.OutputMetadata.Keys);
                Assert.Contains(CardFile.MetadataKey, sampler.ModelMetadata.CustomMetadataMap.Keys);
            }
        }
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void A_network_of_whole_time_steps_is_offered_with_fixed_steps_alone()
    {
        FlowCard card = TinyModel.Card with { Time = new TimeCard(Steps: 100) };
        using FlowModel model = FlowModel.Open(TinyModel.Write(_models, "a \"b\".onnx", TinyModel.TimesTime(), card));
        using var played = new PlayedModel();
        played.Add(model, Page(list: false));
        Assert.Equal("Models.offer({ name: \"a \\u0022b\\u0022.onnx\", heun: 'models/own-heun.onnx' });\n", File.ReadAllText(Path.Combine(played.Folder, PlayedModel.List)));
    }

    [Theory]
    [InlineData("There is no page in ", "{moons}")]
    [InlineData("--page: there is no index.html in ", "{moons}", "--page", "{nowhere}")]
    [InlineData("--port: 65536 is none", "{moons}", "--page", "{page}", "--port", "65536")]
    [InlineData("--port: -1 is none", "{moons}", "--page", "{page}", "--port", "-1")]
    [InlineData("There is no digits.onnx beside the program", "--page", "{bare}")]
    [InlineData("get-runtime.sh", "{moons}", "--page", "{no runtime}")]
    [InlineData("takes conditions other than a class", "{condition}", "--page", "{page}")]
    [InlineData("is of shape [3]. The page draws points", "{wide}", "--page", "{page}")]
    public async Task What_cannot_be_played_is_refused_in_a_line(string says, params string[] arguments)
    {
        TinyModel.Write(_models, "condition.onnx", TinyModel.TimesTimePlusCondition(), TinyModel.ConditionCard);
        TinyValue wide = new("x", TinyModel.State.Type, -1, 3);
        TinyModel.Write(_models, "wide.onnx", TinyModel.TimesTime(state: wide, velocity: wide with { Name = "v" }), TinyModel.Card with { Sample = new SampleCard([3]) });
        ToolRun run = await ToolRun.InProcess(["play", .. arguments.Select(word => word switch
        {
            "{moons}" => Models.Moons,
            "{condition}" => _models.File("condition.onnx"),
            "{wide}" => _models.File("wide.onnx"),
            "{nowhere}" => _folder["nowhere"],
            "{page}" => Page(),
            "{bare}" => Page(list: false),
            "{no runtime}" => Page(runtime: false),
            _ => word,
        })]);
        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }

    /// <summary>A page of a few letters.</summary>
    private string Page(bool runtime = true, bool list = true)
    {
        string page = _folder[$"page-{runtime}-{list}"];
        Directory.CreateDirectory(Path.Combine(page, "runtime"));
        Directory.CreateDirectory(Path.Combine(page, "models"));
        File.WriteAllText(Path.Combine(page, "index.html"), "<p></p>");
        if (runtime)
            File.WriteAllText(Path.Combine(page, "runtime", "runtime.js"), "");
        if (list)
            File.WriteAllText(Path.Combine(page, PlayedModel.List), "Models.offer({ name: 'moons' });\n");
        return page;
    }
}
