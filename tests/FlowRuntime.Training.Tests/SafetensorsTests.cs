using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using FlowRuntime.Training.Checkpoints;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-safetensors").FullName;

    private string File => Path.Combine(_folder, "w.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back()
    {
        Dictionary<string, Tensor> written = Tensors(), read = Zeros();
        Safetensors.Write(File, written);
        Safetensors.ReadInto(File, read);
        foreach (string name in written.Keys)
            Assert.Equal(written[name].data<float>().ToArray(), read[name].data<float>().ToArray());
    }

    [Fact]
    public void The_file_is_laid_out_as_the_format_says()
    {
        Safetensors.Write(File, Tensors());
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        Assert.Equal(0ul, length % 8);
        using JsonDocument header = JsonDocument.Parse(Encoding.UTF8.GetString(bytes, 8, (int)length));
        JsonElement b = header.RootElement.GetProperty("b");
        Assert.Equal("F32", b.GetProperty("dtype").GetString());
        Assert.Equal([2, 3], b.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        int start = b.GetProperty("data_offsets")[0].GetInt32(), end = b.GetProperty("data_offsets")[1].GetInt32();
        Assert.Equal(24, end - start);
        Assert.Equal(5f, BitConverter.ToSingle(bytes, 8 + (int)length + start + 5 * sizeof(float)));
        Assert.Equal(bytes.Length, 8 + (int)length + 3 * 4 + 6 * 4);
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_refused_and_named()
    {
        Safetensors.Write(File, Tensors());
        byte[] whole = System.IO.File.ReadAllBytes(File);
        for (int length = 0; length < whole.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, whole[..length]);
            Assert.Contains(File, Assert.Throws<InvalidDataException>(() => Safetensors.ReadInto(File, Zeros())).Message);
        }
    }

    [Fact]
    public void Weights_of_another_network_are_refused_by_the_tensors_name()
    {
        Safetensors.Write(File, Tensors());
        Dictionary<string, Tensor> renamed = new() { ["c"] = zeros(3) }, reshaped = new() { ["b"] = zeros(3, 2) };
        Assert.Contains("'c'", Assert.Throws<InvalidDataException>(() => Safetensors.ReadInto(File, renamed)).Message);
        Assert.Contains("'b' is F32 [2, 3], not F32 [3, 2]", Assert.Throws<InvalidDataException>(() => Safetensors.ReadInto(File, reshaped)).Message);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,1000]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[-4,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":["x"],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":7,"shape":[3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":7}""")]
    [InlineData("""[]""")]
    [InlineData("""{"a":""")]
    public void A_broken_header_is_refused(string header)
    {
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        System.IO.File.WriteAllBytes(File, [.. length, .. Encoding.UTF8.GetBytes(header), .. new byte[12]]);
        Assert.Throws<InvalidDataException>(() => Safetensors.ReadInto(File, new Dictionary<string, Tensor> { ["a"] = zeros(3) }));
    }

    private static Dictionary<string, Tensor> Tensors() => new() { ["a"] = tensor(new float[] { 1, -2, 3.5f }), ["b"] = tensor(new float[] { 0, 1, 2, 3, 4, 5 }).reshape(2, 3) };

    private static Dictionary<string, Tensor> Zeros() => new() { ["a"] = zeros(3), ["b"] = zeros(2, 3) };
}
