using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FlowRuntime;
using FlowRuntime.Extensions;
using FlowRuntime.Imaging;
using FlowRuntime.Sampling;
using SkiaSharp;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddFlowRuntime().AddModel("digits", builder.Configuration.GetSection("Flow:digits"));
builder.Services.AddHealthChecks().AddFlowModels();
WebApplication app = builder.Build();

// A grid of digits of one class as a picture.
app.MapGet("/digits/{label:int}.png", async (
    int label, int? count, ulong? seed, double? guidance, [FromKeyedServices("digits")] FlowModel model, CancellationToken cancellationToken) =>
{
    try
    {
        SampleBatch batch = await model.SampleAsync(
            count ?? 1, new SamplingOptions { Seed = seed ?? 0, Labels = [label], Guidance = guidance ?? 1 }, cancellationToken: cancellationToken);
        return Results.File(Png(batch.EnsureSuccess()), "image/png");
    }
    catch (ArgumentException e)
    {
        return Results.BadRequest(e.Message);
    }
});

// The indices and sums of digits as they finish, one event each.
app.MapGet("/digits/{label:int}/stream", (
    int label, int? count, ulong? seed, [FromKeyedServices("digits")] FlowModel model, CancellationToken cancellationToken) =>
    TypedResults.ServerSentEvents(Events(model.StreamAsync(count ?? 1, new SamplingOptions { Seed = seed ?? 0, Labels = [label] }, cancellationToken: cancellationToken), cancellationToken)));

app.MapHealthChecks("/health");
app.Run();

static async IAsyncEnumerable<SseItem<string>> Events(IAsyncEnumerable<DrawnSample> samples, [EnumeratorCancellation] CancellationToken cancellationToken)
{
    int finished = 0;
    await foreach (DrawnSample sample in samples.WithCancellation(cancellationToken))
        yield return new SseItem<string>(FormattableString.Invariant($"{++finished} {sample.Index} {sample.Values.Sum():F3}"), "sample");
}

static byte[] Png(SampleBatch batch)
{
    ImageGrid grid = ImageGrid.Arrange(batch.Values, batch.Shape, columns: (int)Math.Ceiling(Math.Sqrt(batch.Count)), ImageGrid.DefaultMagnification(batch.Shape));
    using var bitmap = new SKBitmap(new SKImageInfo(grid.Width, grid.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
    grid.Rgba.CopyTo(bitmap.GetPixelSpan());
    using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
    return png.ToArray();
}
