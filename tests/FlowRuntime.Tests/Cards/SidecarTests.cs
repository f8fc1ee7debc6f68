using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>A model's card is its metadata, overlaid field by field by the sidecar NAME.flow.json.</summary>
public class SidecarTests
{
    [Fact]
    public void The_sidecar_of_NAME_onnx_is_NAME_flow_json()
    {
        Assert.Equal("digits.flow.json", CardFile.SidecarOf("digits.onnx"));
        Assert.Equal(Path.Combine("a.b", "c.d.flow.json"), CardFile.SidecarOf(Path.Combine("a.b", "c.d.onnx")));
    }

    [Fact]
    public void A_sidecar_alone_is_the_card_of_a_third_partys_file()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.onnx", TinyModel.TimesTime());
        folder.File("model.flow.json", CardFile.ToJson(TinyModel.Card));
        Assert.Equal(CardFile.ToJson(TinyModel.Card), CardFile.ToJson(CardFile.Read(path)));
    }

    [Fact]
    public void A_sidecar_wins_field_by_field_and_leaves_the_others()
    {
        FlowCard card = Overlaid("""{ "time": { "scale": 7 }, "path": { "end": 0.5 }, "sample": { "shape": [1, 2] } }""");
        Assert.Equal(7, card.Time!.Scale);
        Assert.Equal(TimeOrigin.Data, card.Time.From);
        Assert.Equal((PathKind.ConditionalOt, 0.25, 0.5), (card.Path.Kind, card.Path.Start, card.Path.End));
        Assert.Equal([1, 2], card.Sample.Shape); // a list is one value
        Assert.Equal("x", card.Inputs.State);
    }

    [Fact]
    public void A_field_given_as_null_is_taken_away()
    {
        FlowCard card = Overlaid("""{ "time": null, "path": { "start": null }, "prior": null }""");
        Assert.Null(card.Time);
        Assert.Null(card.Prior);
        Assert.Equal(0, card.Path.Start);
    }

    [Fact]
    public void A_section_that_the_metadata_lack_is_added()
    {
        Assert.Equal([0.5], Overlaid("""{ "data": { "mean": [0.5] } }""").Data!.Mean);
    }

    [Theory]
    [InlineData("""{ "tiem": { "scale": 7 } }""", "unknown field 'tiem'")]
    [InlineData("""{ "path": { "strat": 0 } }""", "unknown field 'path.strat'")]
    [InlineData("""{ "path": null }""", "field 'path' is missing")]
    [InlineData("""{ "path": { "start": 2 } }""", "field 'path.start' is 2")]
    [InlineData("""{ "path": 7 }""", "field 'path' has a value of the wrong kind")]
    [InlineData("{ path }", "this is not JSON")]
    [InlineData("[]", "not an object")]
    public void A_mistake_in_a_sidecar_names_its_file(string sidecar, string named)
    {
        string message = Assert.Throws<InvalidDataException>(() => Overlaid(sidecar)).Message;
        Assert.Contains("model.flow.json", message);
        Assert.Contains(named, message);
    }

    [Fact]
    public void Without_card_and_sidecar_the_message_says_which_file_to_write()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.onnx", TinyModel.TimesTime());
        string message = Assert.Throws<InvalidDataException>(() => CardFile.Read(path)).Message;
        Assert.Contains(CardFile.MetadataKey, message);
        Assert.Contains(folder.File("model.flow.json"), message);
    }

    [Fact]
    public void A_wrong_card_is_not_written()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.onnx", TinyModel.TimesTime());
        byte[] before = File.ReadAllBytes(path);
        var error = Assert.Throws<InvalidDataException>(() => CardFile.Write(path, TinyModel.Card with { Sample = new SampleCard([0]) }));
        Assert.Contains("'sample.shape'", error.Message);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    private static FlowCard Overlaid(string sidecar)
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card with
        {
            Time = new TimeCard(TimeOrigin.Data, Scale: 2),
            Path = new PathCard(PathKind.ConditionalOt, Start: 0.25, End: 0.75),
            Prior = new PriorCard(Mean: 1),
        });
        folder.File("model.flow.json", sidecar);
        return CardFile.Read(path);
    }
}
