using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CsCheck;
using FlowRuntime.Training.Checkpoints;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Hostile;

/// <summary>Weights and checkpoints, however broken, are refused by their file's name; a training loses none of them. CsCheck_Iter makes it a longer run of the same.</summary>
public sealed class CheckpointFuzzTests(ITestOutputHelper output) : IDisposable
{
    private readonly HostileFiles _files = new();

    public void Dispose()
    {
        output.WriteLine(_files.ToString());
        _files.Dispose();
    }

    [Fact]
    public void A_broken_file_of_weights_is_read_or_refused() =>
        Mutation.Of(Written(), Foreign("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[2,3],"data_offsets":[12,36]}}""", 36)).Sample(Read);

    [Fact]
    public void A_header_of_any_shapes_and_places_is_read_or_refused()
    {
        Gen<string> number = Gen.OneOf(Gen.OneOf(Mutation.Edges).Select(edge => edge.ToString(CultureInfo.InvariantCulture)), Gen.OneOf("3", "4", "12", "24", "36", "1.0", "1e2", "null", "\"3\"", "[]"));
        Gen<string> list = number.Array[0, 4].Select(items => $"[{string.Join(',', items)}]"), type = Gen.OneOf("\"F32\"", "\"F16\"", "7", "null", "{\"a\":\n1}", "\"\\n\\u001b[31m\"");
        Gen<string> entry = Gen.Select(type, list, list).Select((kind, shape, offsets) => $$"""{"dtype":{{kind}},"shape":{{shape}},"data_offsets":{{offsets}}}""");
        Gen<string> name = Gen.OneOf("a", "b", "__metadata__", "", "\\n", "\\u0000", "c");
        Gen.Select(Gen.Select(name, Gen.OneOf(entry, list, type)).Array[0, 4], Gen.Int[0, 40])
            .Sample((entries, length) => Read(Foreign($"{{{string.Join(',', entries.Select(one => $"\"{one.Item1}\":{one.Item2}"))}}}", length)));
    }

    [Fact]
    public void A_header_of_any_claimed_length_is_read_or_refused() =>
        Gen.OneOf(Mutation.Edges).Sample(length =>
        {
            byte[] bytes = Written();
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(length & ulong.MaxValue));
            Read(bytes);
        });

    [Fact]
    public void A_checkpoint_that_is_damaged_anywhere_is_named_and_the_one_before_is_used() =>
        Gen.Select(Gen.Int[0, 5], Gen.Double[0, 1], Gen.Int[0, 255]).Sample((kind, place, value) =>
        {
            string folder = Checkpoints(), newest = Path.Combine(folder, "step-00000030.safetensors");
            byte[] whole = File.ReadAllBytes(newest);
            Damage(newest, whole, kind, (int)(place * whole.Length), value);
            byte[] damaged = File.ReadAllBytes(newest);
            if (damaged.AsSpan().SequenceEqual(whole))
                return;
            var told = new List<string>();
            Assert.Equal(20, new CheckpointFolder(folder, told.Add).Newest?.Step);
            string line = Assert.Single(told);
            Assert.StartsWith($"{newest} is passed over for the one before: ", line, StringComparison.Ordinal);
            Assert.DoesNotContain(line, char.IsControl);
            Assert.Equal(damaged, File.ReadAllBytes(newest));
            Assert.Equal(3, Directory.GetFiles(folder).Length);
            Directory.Delete(folder, recursive: true);
        });

    [Fact]
    public void Every_bit_of_a_checkpoint_is_watched()
    {
        string folder = Checkpoints(), newest = Path.Combine(folder, "step-00000030.safetensors");
        byte[] whole = File.ReadAllBytes(newest);
        for (int place = 0; place < whole.Length; place++)
        {
            byte[] flipped = [.. whole];
            flipped[place] ^= (byte)(1 << place % 8);
            File.WriteAllBytes(newest, flipped);
            Assert.True(new CheckpointFolder(folder).Newest?.Step == 20, $"bit {place % 8} of byte {place}");
        }
    }

    [Fact]
    public void Where_every_checkpoint_is_damaged_each_is_named_and_none_is_lost()
    {
        string folder = Checkpoints();
        foreach (string file in Directory.GetFiles(folder))
            Damage(file, File.ReadAllBytes(file), kind: 3, place: 100, value: 0);
        var told = new List<string>();
        Assert.Null(new CheckpointFolder(folder, told.Add).Newest);
        Assert.Equal(["step-00000030.safetensors", "step-00000020.safetensors", "step-00000010.safetensors"], told.Select(line => Path.GetFileName(line.Split(' ')[0])));
        Assert.Equal(3, Directory.GetFiles(folder).Length);
    }

    [Fact]
    public void A_checkpoint_of_another_step_than_its_name_says_is_passed_over()
    {
        string folder = Checkpoints();
        File.Move(Path.Combine(folder, "step-00000030.safetensors"), Path.Combine(folder, "step-00000040.safetensors"));
        var told = new List<string>();
        Assert.Equal(20, new CheckpointFolder(folder, told.Add).Newest?.Step);
        Assert.Contains("step-00000040.safetensors is passed over for the one before: it is not of step 40.", Assert.Single(told), StringComparison.Ordinal);
    }

    private static void Damage(string file, byte[] whole, int kind, int place, int value)
    {
        byte[] damaged = [.. whole];
        switch (kind)
        {
            case 0 or 1:
                damaged[Math.Min(place, whole.Length - 1)] ^= (byte)(1 << value % 8);
                break;
            case 2:
                damaged.AsSpan(place).Clear();
                break;
            case 3:
                damaged = whole[..place];
                break;
            case 4:
                damaged = [.. whole, (byte)value];
                break;
            default:
                damaged.AsSpan(place, Math.Min(value, whole.Length - place)).Fill((byte)value);
                break;
        }
        File.WriteAllBytes(file, damaged);
    }

    /// <summary>A folder of three checkpoints.</summary>
    private string Checkpoints()
    {
        string path = Path.Combine(_files.Folder, $"{Guid.NewGuid():N}");
        var folder = new CheckpointFolder(path);
        using Tensor a = tensor(new float[] { 1, -2, 3.5f });
        foreach (int step in new[] { 10, 20, 30 })
            folder.Save(step, new Dictionary<string, Tensor> { ["a"] = a }, new Dictionary<string, string> { ["checkpoint"] = "1", ["step"] = $"{step}" });
        return path;
    }

    private byte[] Written()
    {
        string path = Path.Combine(_files.Folder, $"{Guid.NewGuid():N}.safetensors");
        using Tensor a = tensor(new float[] { 1, -2, 3.5f }), b = zeros(2, 3);
        Safetensors.Write(path, new Dictionary<string, Tensor> { ["a"] = a, ["b"] = b }, new Dictionary<string, string> { ["step"] = "3" });
        return File.ReadAllBytes(path);
    }

    /// <summary>A file as others write it, without a checksum.</summary>
    internal static byte[] Foreign(string header, int length)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[length]];
    }

    private void Read(byte[] bytes)
    {
        using Tensor a = zeros(3), b = zeros(2, 3);
        var tensors = new Dictionary<string, Tensor> { ["a"] = a, ["b"] = b };
        _files.Try(".safetensors", bytes, path => Safetensors.ReadInto(path, tensors));
        _files.Try(".safetensors", bytes, path => Safetensors.ReadFitting(path, tensors));
        _files.Try(".safetensors", bytes, path => Safetensors.ReadMetadata(path));
    }
}
