using CsCheck;
using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>Files whose protobuf structure is broken on purpose, field by field: each is read or refused, in one line and in little memory, and what is written to is changed whole or not at all.</summary>
public class OnnxFileFuzzTests
{
    private static readonly byte[] Tiny = [.. TinyModel.TimesTimePlusTable(1, 2, 3, 4, 5, 6), .. Entry("other", "x"), .. Entry("key", "value")];

    private static readonly ulong[] Numbers =
        [0, 1, 2, 127, 128, 255, 1 << 14, 1 << 20, int.MaxValue, 1UL + int.MaxValue, uint.MaxValue, 1UL << 32, 1UL << 62, long.MaxValue, 1UL + long.MaxValue, ulong.MaxValue - 1, ulong.MaxValue];

    /// <summary>What can be done to a message: at a place, in one way, with a number.</summary>
    private static readonly Gen<(int Place, int Way, ulong Number)[]> Changes =
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[0, 11], Gen.OneOf(Gen.OneOf(Numbers), Gen.ULong)).Array[1, 4];

    [Fact]
    public void A_small_model_with_any_fields_changed_is_read_or_refused() =>
        Changes.Sample(changes => Check(Changed(Tiny, changes)), iter: Iterations.Usual(1500), threads: 1);

    [Fact]
    public void A_shipped_model_with_any_fields_changed_is_read_or_refused()
    {
        byte[] whole = File.ReadAllBytes(Repository.Model("moons.onnx"));
        Changes.Sample(changes => Check(Changed(whole, changes)), iter: Iterations.Usual(40), threads: 1);
    }

    [Fact]
    public void Any_bytes_are_read_or_refused() =>
        Gen.Byte.Array[0, 200].Sample(Check, iter: Iterations.Usual(1500), threads: 1);

    [Fact]
    public void A_message_nested_without_end_is_read_or_refused()
    {
        byte[] nested = [];
        for (int depth = 0; depth < 3000; depth++)
            nested = Protobuf.Message(depth % 2 == 0 ? 7 : 5, nested);
        Check(nested);
        Check([.. Protobuf.Message(7), .. Protobuf.Message(14, nested)]);
    }

    [Fact]
    public void A_name_with_line_breaks_is_refused_in_one_line()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("none.onnx");
        Assert.DoesNotContain(Assert.Throws<FileNotFoundException>(() => CardFile.Read(path)).Message, char.IsControl);
    }

    /// <summary>Reads and writes a file in every way there is.</summary>
    private static void Check(byte[] content)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.onnx", content);
        bool isModel = Refusal.Reads(content.Length, path, () => OnnxFile.ReadMetadata(path, "key"));
        Refusal.Reads(content.Length, path, () => Assert.Equal(64, OnnxFile.GraphHash(path).Length));
        Refusal.Reads(content.Length, path, () => Assert.InRange(OnnxFile.ParameterCount(path), 0, long.MaxValue));
        Refusal.Reads(content.Length, $"the card of {path}", () => Unless(() => CardFile.Read(path), path));
        bool written = Refusal.Reads(content.Length, path, () => OnnxFile.WriteMetadata(path, "key", "new"));
        Assert.Equal(isModel, written);
        if (written)
            Assert.Equal("new", OnnxFile.ReadMetadata(path, "key"));
        else
            Assert.Equal(content, File.ReadAllBytes(path));
        Assert.Equal(["model.onnx"], folder.Files);
    }

    /// <summary>A file without a card is refused under its own name instead of its card's.</summary>
    private static void Unless(Action read, string path)
    {
        try
        {
            read();
        }
        catch (InvalidDataException e) when (e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            Assert.DoesNotContain(e.Message, char.IsControl);
        }
    }

    private static byte[] Changed(byte[] whole, (int Place, int Way, ulong Number)[] changes)
    {
        WireMessage model = WireMessage.Parse(whole);
        foreach ((int place, int way, ulong number) in changes)
            Change(model, place, way, number, depth: 0);
        byte[] bytes = model.ToBytes();
        (int _, int last, ulong cut) = changes[^1];
        return last == 0 ? bytes[..(int)(cut % (ulong)(bytes.Length + 1))] : bytes;
    }

    /// <summary>Goes down into the message at a place, and changes a field there.</summary>
    private static void Change(WireMessage message, int place, int way, ulong number, int depth)
    {
        if (message.Fields.Count == 0)
            return;
        WireField field = message.Fields[place % message.Fields.Count];
        if (depth < 5 && (place >> depth) % 3 != 0 && field.WireType == WireField.LengthDelimited && WireMessage.TryParse(field.Content) is { Fields.Count: > 0 } inner)
        {
            Change(inner, place / message.Fields.Count, way, number, depth + 1);
            field.Content = inner.ToBytes();
            return;
        }
        int at = message.Fields.IndexOf(field), other = (int)(number % (ulong)message.Fields.Count);
        switch (way)
        {
            case 1:
                field.ClaimedLength = number;
                break;
            case 2:
                field.Value = number;
                break;
            case 3:
                field.Number = (int)(number % 536_870_912);
                break;
            case 4:
                field.WireType = (int)(number % 8);
                break;
            case 5:
                message.Fields.RemoveAt(at);
                break;
            case 6:
                message.Fields.Insert(other, field.Copy());
                break;
            case 7:
                (message.Fields[at], message.Fields[other]) = (message.Fields[other], message.Fields[at]);
                break;
            case 8:
                field.Content = Protobuf.Message(1 + (int)(number % 20), field.Content);
                break;
            case 9 when field.Content.Length > 0:
                field.Content = [.. field.Content];
                field.Content[(int)(number % (ulong)field.Content.Length)] ^= (byte)(1 << (int)(number % 8));
                break;
            case 10:
                field.Content = field.Content[..(int)(number % (ulong)(field.Content.Length + 1))];
                break;
            case 11:
                message.Fields.AddRange(Enumerable.Repeat(field, (int)(number % 2000)));
                break;
        }
    }

    private static byte[] Entry(string key, string value) => Protobuf.Message(14, Protobuf.Text(1, key), Protobuf.Text(2, value));
}
