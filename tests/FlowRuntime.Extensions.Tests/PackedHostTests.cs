using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using FlowRuntime.Tests;
using SkiaSharp;

namespace FlowRuntime.Extensions.Tests;

/// <summary>What others take: the packages, and a web API that is built from them.</summary>
public sealed class PackedHostTests(PackedHost host) : IClassFixture<PackedHost>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Digits_are_drawn_as_a_picture()
    {
        HttpResponseMessage response = await host.Client.GetAsync("/digits/3.png?count=4&seed=7&guidance=1.5", Token);
        Assert.Equal((HttpStatusCode.OK, "image/png"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        using SKBitmap picture = SKBitmap.Decode(await response.Content.ReadAsByteArrayAsync(Token));

        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        Sampling.SampleBatch batch = model.Sample(4, new SamplingOptions { Seed = 7, Labels = [3], Guidance = 1.5 }, cancellationToken: Token);
        Imaging.ImageGrid grid = Imaging.ImageGrid.Arrange(batch.Values, batch.Shape, columns: 2, Imaging.ImageGrid.DefaultMagnification(batch.Shape));
        Assert.Equal((grid.Width, grid.Height), (picture.Width, picture.Height));
        for (int y = 0; y < grid.Height; y++)
        {
            for (int x = 0; x < grid.Width; x++)
                Assert.Equal(grid.Rgba[4 * (y * grid.Width + x)], picture.GetPixel(x, y).Red);
        }
    }

    [Fact]
    public async Task Samples_come_as_events_as_they_finish()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        Sampling.SampleBatch expected = model.Sample(20, new SamplingOptions { Seed = 5, Labels = [8] }, cancellationToken: Token);
        HttpResponseMessage response = await host.Client.GetAsync("/digits/8/stream?count=20&seed=5", HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        string[] events = [.. (await response.Content.ReadAsStringAsync(Token)).Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => line[6..])];
        Assert.Equal(Enumerable.Range(1, 20), events.Select(line => int.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture)));
        Assert.Equal(Enumerable.Range(0, 20), events.Select(line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).Order());
        foreach (string[] words in events.Select(line => line.Split(' ')))
            Assert.Equal(expected[int.Parse(words[1], CultureInfo.InvariantCulture)].ToArray().Sum(), double.Parse(words[2], CultureInfo.InvariantCulture), 2e-3);
    }

    [Fact]
    public async Task A_client_that_leaves_ends_its_solve()
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        // Both solves that may be under way at once belong to clients that leave; then another one is served.
        Task<HttpResponseMessage>[] endless = [.. Enumerable.Range(0, 2).Select(_ => host.Client.GetAsync("/digits/8/stream?count=1000000000", HttpCompletionOption.ResponseHeadersRead, leave.Token))];
        HttpResponseMessage[] responses = await Task.WhenAll(endless);
        foreach (HttpResponseMessage response in responses)
            response.Dispose();
        await leave.CancelAsync();
        Assert.Equal(HttpStatusCode.OK, (await host.Client.GetAsync("/digits/1.png", Token)).StatusCode);
    }

    [Fact]
    public async Task A_wrong_request_is_told_what_is_wrong()
    {
        HttpResponseMessage response = await host.Client.GetAsync("/digits/12.png", Token);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("There is no label 12", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_hosts_health_is_its_models()
    {
        Assert.Equal("Healthy", await host.Client.GetStringAsync("/health", Token));
    }

    [Theory, InlineData("FlowRuntime"), InlineData("FlowRuntime.Extensions")]
    public void A_package_holds_what_a_package_should(string name)
    {
        using ZipArchive package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(host.Feed, $"{name}.0.*.nupkg")));
        Assert.Contains(package.Entries, entry => entry.FullName == "README.md");
        Assert.Contains(package.Entries, entry => entry.FullName == $"lib/net10.0/{name}.xml");
        XDocument nuspec = XDocument.Load(package.GetEntry($"{name}.nuspec")!.Open());
        string Field(string field) => nuspec.Descendants().Single(element => element.Name.LocalName == field).Value;
        Assert.Equal(("MIT", "README.md"), (Field("license"), Field("readme")));
        Assert.Equal(40, nuspec.Descendants().Single(element => element.Name.LocalName == "repository").Attribute("commit")!.Value.Length);

        using ZipArchive symbols = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(host.Feed, $"{name}.0.*.snupkg")));
        Assert.Contains(symbols.Entries, entry => entry.FullName == $"lib/net10.0/{name}.pdb");

        using var assembly = new MemoryStream();
        using (Stream stream = package.GetEntry($"lib/net10.0/{name}.dll")!.Open())
            stream.CopyTo(assembly);
        assembly.Position = 0;
        using var reader = new PEReader(assembly);
        Assert.Contains(reader.ReadDebugDirectory(), entry => entry.Type == DebugDirectoryEntryType.Reproducible);
    }

    [Fact]
    public void The_core_package_takes_two_packages_and_its_extensions_those_of_hosts()
    {
        string[] core = Dependencies("FlowRuntime");
        Assert.Equal(["Microsoft.ML.OnnxRuntime.Managed", "System.Numerics.Tensors"], core);
        Assert.All(Dependencies("FlowRuntime.Extensions").Except(core), package => Assert.True(package == "FlowRuntime" || package.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal), package));
    }

    private string[] Dependencies(string name)
    {
        using ZipArchive package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(host.Feed, $"{name}.0.*.nupkg")));
        return [.. XDocument.Load(package.GetEntry($"{name}.nuspec")!.Open()).Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value)];
    }
}
