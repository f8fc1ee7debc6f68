using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tool.Tests;

/// <summary>What <c>flow sample</c> says of its work: on stdout, and in the file beside the output.</summary>
public sealed class SampleReportTests : IDisposable
{
    private static readonly string[] Fields =
    [
        "samples", "failed", "evaluations", "accepted", "rejected", "seconds", "samples_per_second", "method", "provider", "seed", "first", "out",
    ];

    private static readonly string[] Totalled = ["evaluations", "accepted", "rejected"];

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Json_is_one_object_with_the_fields_of_the_contract_and_the_counts_of_the_runtime()
    {
        string path = _folder["a.npy"];
        ToolRun run = await ToolRun.InProcess("sample", Models.Digits, "--label", "all", "--count", "40", "--seed", "5", "--first", "8", "--out", path, "--json");

        using JsonDocument document = JsonDocument.Parse(run.EnsureSuccess().Output); // refuses anything behind the object
        JsonElement report = document.RootElement;
        Assert.Equal(Fields, report.EnumerateObject().Select(field => field.Name));
        using FlowModel model = FlowModel.Open(Models.Digits);
        SamplingStatistics statistics = model.Sample(
            40, new SamplingOptions { Labels = [.. Enumerable.Range(0, 10)], Seed = 5, First = 8 }, cancellationToken: TestContext.Current.CancellationToken).Statistics;
        Assert.Equal(40, report.GetProperty("samples").GetInt64());
        Assert.Equal(0, report.GetProperty("failed").GetInt64());
        Assert.Equal(statistics.Evaluations, report.GetProperty("evaluations").GetInt64());
        Assert.Equal(statistics.Accepted, report.GetProperty("accepted").GetInt64());
        Assert.Equal(statistics.Rejected, report.GetProperty("rejected").GetInt64());
        Assert.True(report.GetProperty("seconds").GetDouble() > 0);
        Assert.True(report.GetProperty("samples_per_second").GetDouble() > 0);
        Assert.Equal("bosh3", report.GetProperty("method").GetString());
        Assert.Equal(model.ProviderReport.Chosen, report.GetProperty("provider").GetString());
        Assert.Equal(5, report.GetProperty("seed").GetInt64());
        Assert.Equal(8, report.GetProperty("first").GetInt64());
        Assert.Equal(path, report.GetProperty("out").GetString());
    }

    [Fact]
    public async Task The_totals_of_two_halves_add_up_to_those_of_the_whole()
    {
        async Task<long[]> Totals(int first, int count)
        {
            ToolRun run = await ToolRun.InProcess("sample", Models.Moons, "--first", $"{first}", "--count", $"{count}", "--out", _folder["a.npy"], "--json");
            using JsonDocument report = JsonDocument.Parse(run.EnsureSuccess().Output);
            return [.. Totalled.Select(name => report.RootElement.GetProperty(name).GetInt64())];
        }

        long[] whole = await Totals(0, 60), first = await Totals(0, 25), second = await Totals(25, 35);

        Assert.Equal(whole, first.Zip(second, (a, b) => a + b));
    }

    [Fact]
    public async Task Without_json_one_line_tells_the_samples_the_method_the_provider_and_the_file()
    {
        string path = _folder["a.npy"];
        ToolRun run = await ToolRun.InProcess("sample", Models.Moons, "--count", "17", "--method", "rk4", "--steps", "6", "--provider", "cpu", "--out", path);

        string line = Assert.Single(run.EnsureSuccess().Output.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("17 samples ", line, StringComparison.Ordinal);
        Assert.Contains("24.0 evaluations each", line, StringComparison.Ordinal);
        Assert.Contains("rk4 on cpu", line, StringComparison.Ordinal);
        Assert.EndsWith(path, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beside_the_output_a_file_says_from_which_graph_and_how_it_was_made()
    {
        string[] arguments = ["sample", Models.Digits, "--label", "3,7", "--count", "6", "--seed", "11", "--steps", "4", "--out", _folder["a.npy"], "--json"];
        ToolRun run = (await ToolRun.AsProcess(arguments)).EnsureSuccess();

        Assert.Equal(["a.json", "a.npy"], _folder.Entries);
        using JsonDocument beside = JsonDocument.Parse(await File.ReadAllTextAsync(_folder["a.json"], TestContext.Current.CancellationToken));
        using JsonDocument printed = JsonDocument.Parse(run.Output);
        JsonElement made = beside.RootElement;
        Assert.Equal(Models.Digits, made.GetProperty("model").GetString());
        Assert.Equal(OnnxFile.GraphHash(Models.Digits), made.GetProperty("graph").GetString());
        Assert.Equal(arguments, made.GetProperty("arguments").EnumerateArray().Select(argument => argument.GetString()));
        Assert.StartsWith("FlowRuntime ", made.GetProperty("software").GetString(), StringComparison.Ordinal);
        Assert.InRange(made.GetProperty("date").GetDateTime(), DateTime.UtcNow.AddMinutes(-10), DateTime.UtcNow);
        Assert.True(JsonElement.DeepEquals(printed.RootElement, made.GetProperty("report")));
    }
}
