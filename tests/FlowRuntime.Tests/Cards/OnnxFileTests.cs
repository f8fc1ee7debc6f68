using System.Security.Cryptography;
using CsCheck;
using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>Metadata are read and replaced without touching the graph, and no file, however broken, does more than be refused.</summary>
public class OnnxFileTests
{
    private static readonly byte[] Graph = Protobuf.Message(7, Protobuf.Text(2, "graph"));

    [Theory]
    [InlineData("digits.onnx")]
    [InlineData("moons.onnx")]
    public void Writing_an_entry_appends_it_and_changes_no_other_byte(string model)
    {
        using var folder = new TemporaryFolder();
        string path = folder.CopyOf(Repository.Model(model));
        byte[] before = File.ReadAllBytes(path);
        string hash = OnnxFile.GraphHash(path);

        OnnxFile.WriteMetadata(path, "test.key", "değer");

        Assert.Equal([.. before, .. Entry("test.key", "değer")], File.ReadAllBytes(path));
        Assert.Equal("değer", OnnxFile.ReadMetadata(path, "test.key"));
        Assert.Equal(hash, OnnxFile.GraphHash(path));
        using FlowModel opened = FlowModel.Open(path);
        Assert.Equal(0, opened.Sample(1).Failed);
    }

    [Fact]
    public void Writing_an_entry_again_replaces_it_and_leaves_the_others()
    {
        using var folder = new TemporaryFolder();
        string path = folder.CopyOf(Repository.Model("moons.onnx"));
        byte[] before = File.ReadAllBytes(path);
        string? card = OnnxFile.ReadMetadata(path, CardFile.MetadataKey);

        OnnxFile.WriteMetadata(path, "test.key", new string('a', 1000));
        OnnxFile.WriteMetadata(path, "test.other", "b");
        OnnxFile.WriteMetadata(path, "test.key", "c");

        Assert.Equal([.. before, .. Entry("test.other", "b"), .. Entry("test.key", "c")], File.ReadAllBytes(path));
        Assert.Equal(card, OnnxFile.ReadMetadata(path, CardFile.MetadataKey));
        Assert.Equal(["moons.onnx"], folder.Files);
    }

    [Fact]
    public void Writing_the_card_that_is_there_changes_nothing_but_its_place()
    {
        using var folder = new TemporaryFolder();
        string path = folder.CopyOf(Repository.Model("digits.onnx"));
        byte[] before = File.ReadAllBytes(path);
        string card = CardFile.ToJson(CardFile.Read(path)), hash = OnnxFile.GraphHash(path);
        CardFile.Write(path, CardFile.Read(path));
        byte[] once = File.ReadAllBytes(path);
        CardFile.Write(path, CardFile.Read(path));
        Assert.Equal(once, File.ReadAllBytes(path));
        Assert.Equal((before.Length, card, hash), (once.Length, CardFile.ToJson(CardFile.Read(path)), OnnxFile.GraphHash(path)));
    }

    [Fact]
    public void An_entry_that_is_not_there_is_null()
    {
        Assert.Null(OnnxFile.ReadMetadata(Repository.Model("moons.onnx"), "no.such.key"));
    }

    [Fact]
    public void The_graph_hash_is_the_SHA_256_of_the_graphs_bytes()
    {
        using var folder = new TemporaryFolder();
        byte[] content = Protobuf.Text(2, "graph");
        string expected = Convert.ToHexStringLower(SHA256.HashData(content));
        byte[] graph = Protobuf.Message(7, content);
        Assert.Equal(expected, OnnxFile.GraphHash(folder.File("one.onnx", graph)));
        Assert.Equal(expected, OnnxFile.GraphHash(folder.File("two.onnx", [.. Protobuf.Number(1, 10), .. Entry("a", "b"), .. graph, .. Protobuf.Number(5, 1)])));
    }

    [Fact]
    public void The_parameters_are_the_real_numbers_and_the_bytes_of_weights_among_the_initializers()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(1, OnnxFile.ParameterCount(folder.File("a.onnx", TinyModel.TimesTime())));                 // "two"; "one" is an integer
        Assert.Equal(6, OnnxFile.ParameterCount(folder.File("b.onnx", TinyModel.TimesTimePlusTable(1, 2, 3, 4, 5, 6))));
        byte[] packedHalf = Protobuf.Message(5, Protobuf.Message(1, [3, 5, 7]), Protobuf.Number(2, 10));
        byte[] empty = Protobuf.Message(5, Protobuf.Number(1, 3), Protobuf.Number(1, 0), Protobuf.Number(2, 1));
        byte[] bytes = Protobuf.Message(5, Protobuf.Number(1, 11), Protobuf.Number(2, 3)), indices = Protobuf.Message(5, Protobuf.Number(1, 13), Protobuf.Number(2, 6));
        Assert.Equal(3 * 5 * 7 + 11, OnnxFile.ParameterCount(folder.File("c.onnx", Protobuf.Message(7, packedHalf, empty, bytes, indices))));
    }

    [Fact]
    public void The_parameters_of_a_shipped_model_fill_its_file()
    {
        // Four bytes a parameter, and some kilobytes for the nodes, the names and the card.
        foreach (string model in new[] { "digits.onnx", "moons.onnx" })
        {
            long bytes = 4 * OnnxFile.ParameterCount(Repository.Model(model));
            Assert.InRange(new FileInfo(Repository.Model(model)).Length - bytes, 1000, 40_000);
        }
    }

    public static TheoryData<string, byte[]> BrokenFiles
    {
        get
        {
            byte[] noise = new byte[4096];
            new Random(1).NextBytes(noise);
            return new()
            {
                { "holds 0 graphs", [] },
                { "", "This is a text, and no model at all.\n"u8.ToArray() },
                { "", "{ \"format\": 1 }"u8.ToArray() },
                { "", noise },
                { "holds 2 graphs", [.. Graph, .. Graph] },
                { "claims 1000 bytes where 1 are left", [.. Protobuf.Tag(7, 2), .. Protobuf.Varint(1000), 0] },
                { "claims 18446744073709551615 bytes", [.. Protobuf.Tag(7, 2), .. Protobuf.Varint(ulong.MaxValue)] },
                { "longer than 10 bytes", [.. Graph, .. Protobuf.Tag(1, 0), 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01] },
                { "ends inside a number", [.. Graph, .. Protobuf.Tag(1, 0), 0x80] },
                { "unknown wire type 3", [.. Graph, .. Protobuf.Tag(1, 3)] },
                { "unknown wire type 6", [.. Graph, .. Protobuf.Tag(1, 6)] },
                { "field number 0", [.. Graph, .. Protobuf.Tag(0, 0), 0] },
                { "field 7 at byte 0 has wire type 0", Protobuf.Number(7, 1) },
                { "has wire type 0", [.. Graph, .. Protobuf.Number(14, 1)] },
                { "claims 8 bytes where 7 are left", [.. Graph, .. Protobuf.Tag(1, 1), 1, 2, 3, 4, 5, 6, 7] },
                { "claims 4 bytes where 3 are left", [.. Graph, .. Protobuf.Tag(1, 5), 1, 2, 3] },
                { "claims 99 bytes where 0 are left", [.. Graph, .. Protobuf.Message(14, [.. Protobuf.Tag(1, 2), 99])] },
            };
        }
    }

    [Theory, MemberData(nameof(BrokenFiles))]
    public void A_file_that_is_no_model_is_refused_with_its_path_and_stays_as_it_is(string cause, byte[] content)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("broken.onnx", content);
        foreach (Action use in new Action[]
        {
            () => OnnxFile.ReadMetadata(path, "a"),
            () => OnnxFile.WriteMetadata(path, "a", "b"),
            () => FlowModel.Open(path),
        })
        {
            string message = Assert.Throws<InvalidDataException>(use).Message;
            Assert.StartsWith(path, message);
            Assert.Contains("is not an ONNX model", message);
            Assert.Contains(cause, message);
        }
        Assert.Equal(content, File.ReadAllBytes(path));
        Assert.Equal(["broken.onnx"], folder.Files);
    }

    [Fact]
    public void More_fields_than_any_model_has_are_refused()
    {
        using var folder = new TemporaryFolder();
        byte[] fields = [.. Enumerable.Repeat(Protobuf.Number(1, 1), 100_000).SelectMany(number => number)];
        string path = folder.File("many.onnx", [.. fields, .. Graph]);
        Assert.Contains("more than 100000 fields", Assert.Throws<InvalidDataException>(() => OnnxFile.GraphHash(path)).Message);
        Assert.Equal(64, OnnxFile.GraphHash(folder.File("fewer.onnx", [.. fields[2..], .. Graph])).Length);
    }

    [Fact]
    public void Sizes_of_initializers_that_no_number_can_hold_are_refused()
    {
        using var folder = new TemporaryFolder();
        byte[] Initializer(params long[] sizes) => Protobuf.Message(5, [.. sizes.Select(size => Protobuf.Number(1, size)), Protobuf.Number(2, 1)]);
        byte[][] graphs =
        [
            Protobuf.Message(7, Initializer(long.MaxValue, 2)),
            Protobuf.Message(7, Initializer(-1)),
            Protobuf.Message(7, Initializer(long.MaxValue), Initializer(1)),
        ];
        foreach (byte[] graph in graphs)
        {
            string path = folder.File("large.onnx", graph);
            Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => OnnxFile.ParameterCount(path)).Message);
        }
        Assert.Equal(long.MaxValue, OnnxFile.ParameterCount(folder.File("largest.onnx", Protobuf.Message(7, Initializer(long.MaxValue)))));
    }

    [Theory]
    [InlineData("digits.onnx", 9973)]
    [InlineData("moons.onnx", 997)]
    public void A_model_cut_off_anywhere_is_refused_or_has_no_card(string model, int stride)
    {
        using var folder = new TemporaryFolder();
        string path = folder.CopyOf(Repository.Model(model));
        for (long length = new FileInfo(path).Length - 1; length >= 0; length -= length > 4000 ? stride : 97)
        {
            using (FileStream file = File.OpenWrite(path))
                file.SetLength(length);
            foreach (Func<string?> read in new Func<string?>[]
            {
                () => OnnxFile.ReadMetadata(path, CardFile.MetadataKey),
                () => OnnxFile.ParameterCount(path) < 0 ? "" : null,
            })
            {
                try
                {
                    Assert.Null(read());
                }
                catch (InvalidDataException e)
                {
                    Assert.StartsWith(path, e.Message);
                }
            }
        }
    }

    [Fact]
    public void A_small_model_cut_off_anywhere_stays_as_it_is_when_it_is_written_to()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = [.. TinyModel.TimesTime(), .. Entry("a", "b")];
        for (int length = 0; length < whole.Length; length++)
        {
            string path = folder.File("cut.onnx", whole[..length]);
            try
            {
                OnnxFile.WriteMetadata(path, "c", "d");
                Assert.Equal([.. whole[..length], .. Entry("c", "d")], File.ReadAllBytes(path));
            }
            catch (InvalidDataException)
            {
                Assert.Equal(whole[..length], File.ReadAllBytes(path));
            }
            Assert.Equal(["cut.onnx"], folder.Files);
        }
    }

    [Fact]
    public void Whatever_bytes_are_damaged_a_file_is_read_or_refused()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = [.. TinyModel.TimesTimePlusTable(1, 2, 3, 4, 5, 6), .. Entry("a", "b")];
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, whole.Length - 1], Gen.Byte).Sample((at, value, at2, value2) =>
        {
            byte[] damaged = [.. whole];
            (damaged[at], damaged[at2]) = (value, value2);
            string path = folder.File("damaged.onnx", damaged);
            try
            {
                OnnxFile.ReadMetadata(path, "a");
                OnnxFile.GraphHash(path);
                OnnxFile.ParameterCount(path);
            }
            catch (InvalidDataException e)
            {
                Assert.StartsWith(path, e.Message);
            }
        }, iter: 1000, threads: 1);
    }

    [Fact]
    public void An_entry_beyond_the_limit_is_neither_written_nor_read()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.onnx", Graph);
        string message = Assert.Throws<InvalidDataException>(() => OnnxFile.WriteMetadata(path, "a", new string('x', OnnxFile.MaxEntryLength))).Message;
        Assert.Contains("'a'", message);
        Assert.Equal(Graph, File.ReadAllBytes(path));
        path = folder.File("large.onnx", [.. Graph, .. Entry("a", new string('x', OnnxFile.MaxEntryLength))]);
        Assert.Null(OnnxFile.ReadMetadata(path, "a"));
    }

    [Fact]
    public void A_missing_file_is_told_so_and_not_made()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<FileNotFoundException>(() => OnnxFile.ReadMetadata(folder.File("none.onnx"), "a"));
        Assert.Throws<FileNotFoundException>(() => OnnxFile.WriteMetadata(folder.File("none.onnx"), "a", "b"));
        Assert.Empty(folder.Files);
    }

    private static byte[] Entry(string key, string value) => Protobuf.Message(14, Protobuf.Text(1, key), Protobuf.Text(2, value));
}
