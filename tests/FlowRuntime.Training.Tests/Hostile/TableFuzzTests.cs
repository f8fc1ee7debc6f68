using System.Numerics;
using System.Text;
using CsCheck;
using FlowRuntime.Training.Data;
using Parquet;
using Parquet.Schema;

namespace FlowRuntime.Training.Tests.Hostile;

/// <summary>No table, however broken, does more than be refused. CsCheck_Iter makes it a longer run of the same.</summary>
public sealed class TableFuzzTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Csv =
    [
        "a,b,c\n1,2,3\n4,5,6\n7,8,9\n", "a;b\n1.5;red\n-2e3;blue\n0;red\n", "1\t2\n3\t4\n5\t6\n", "\"a, b\",\"c \"\"d\"\"\"\r\n1,2\r\n3,4\r\n", "\uFEFFgrün,b\n1,2\n3,4\n",
    ];

    private readonly HostileFiles _files = new();

    public void Dispose()
    {
        output.WriteLine(_files.ToString());
        _files.Dispose();
    }

    [Fact]
    public void A_broken_CSV_file_is_read_or_refused() =>
        Mutation.Of([.. Csv.Select(Encoding.UTF8.GetBytes)]).Sample(bytes => ReadEveryWay(".csv", bytes, TableData.Csv));

    [Fact]
    public void A_broken_NumPy_array_is_read_or_refused() =>
        Mutation.Of(Npy("<f4", "False", "(3, 2)", 24), Npy("|u1", "True", "(4, 3,)", 12), Npy("<f8", "False", "(5,)", 40), Npy("<i2", "False", "(2, 2, 3)", 24), Npy("<f4", "False", "(3, 2)", 24, version: 2))
            .Sample(bytes => ReadEveryWay(".npy", bytes, TableData.Npy));

    [Fact]
    public void A_NumPy_array_of_any_shape_is_read_or_refused()
    {
        Gen<BigInteger> small = Gen.Int[0, 6].Select(number => (BigInteger)number);
        Gen<BigInteger[]> sizes = Gen.OneOf(small.Array[1, 4], Gen.OneOf(Gen.OneOf(Mutation.Edges), small).Array[0, 10]);
        Gen.Select(Gen.OneOf("<f4", "|u1", "<f8", "|b1", "<f2", ">f4", "|O", "<c8", "|V2147483647"), Gen.OneOf("True", "False"), sizes, Gen.Int[0, 300], Gen.Int[0, 4]).Sample((type, fortran, shape, some, version) =>
        {
            BigInteger needed = shape.Aggregate(BigInteger.One, (product, size) => product * size) * (type.Length == 3 ? type[2] - '0' : 1);
            int length = some % 3 > 0 && needed >= 0 && needed <= 4096 ? (int)needed : some; // mostly as many bytes as the shape says
            ReadEveryWay(".npy", Npy(type, fortran, $"({string.Join(", ", shape)})", length, version), TableData.Npy);
        });
    }

    [Fact]
    public void A_broken_Parquet_file_is_read_or_refused() =>
        Mutation.Of([.. ParquetFiles()]).Sample(bytes => ReadEveryWay(".parquet", bytes, TableData.Parquet));

    [Fact]
    public void A_Parquet_file_with_a_broken_footer_is_read_or_refused() =>
        Gen.Select(Gen.OneOf([.. ParquetFiles()]), Gen.Int[0, 1000], Gen.Int[0, 255], Gen.Int[0, 1000], Gen.Int[0, 255]).Sample((whole, place, value, secondPlace, secondValue) =>
        {
            byte[] bytes = [.. whole];
            int footer = BitConverter.ToInt32(bytes, bytes.Length - 8), start = bytes.Length - 8 - footer;
            bytes[start + place % footer] = (byte)value;
            bytes[start + secondPlace % footer] ^= (byte)secondValue;
            ReadEveryWay(".parquet", bytes, TableData.Parquet);
        });

    /// <summary>An array's file by what its header says.</summary>
    internal static byte[] Npy(string type, string fortran, string shape, int length, int version = 1)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': {fortran}, 'shape': {shape}, }}";
        header = header.PadRight((header.Length + 64) / 64 * 64 - 1) + "\n";
        byte[] size = version == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes(header.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. size, .. Encoding.UTF8.GetBytes(header), .. Enumerable.Range(0, length).Select(i => (byte)(i % 7 == 0 ? 63 : 0))];
    }

    /// <summary>Small files of every kind of column, in every way to pack them that the library writes.</summary>
    internal static IEnumerable<byte[]> ParquetFiles()
    {
        foreach (CompressionMethod method in (CompressionMethod[])[CompressionMethod.None, CompressionMethod.Snappy, CompressionMethod.Gzip, CompressionMethod.Zstd, CompressionMethod.Brotli])
            yield return Parquet(method, 3, [1.5, -2, 3], [4, 5, 6], ["x", "y", "x"]);
        yield return Parquet(CompressionMethod.None, 200, [.. Enumerable.Range(0, 200).Select(i => i % 3 + 0.5)], [.. Enumerable.Range(0, 200)], [.. Enumerable.Range(0, 200).Select(i => $"{i % 2}")]);
    }

    internal static byte[] Parquet(CompressionMethod method, int rows, double[] numbers, int[] counts, string[] kinds)
    {
        using var stream = new MemoryStream();
        Write().GetAwaiter().GetResult();
        Assert.Equal(rows, numbers.Length);
        return stream.ToArray();

        async Task Write()
        {
            DataField<double> a = new("a");
            DataField<double?> b = new("b");
            DataField<int> n = new("n");
            DataField<string> kind = new("kind");
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(a, b, n, kind), stream, new ParquetOptions { CompressionMethod = method });
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            await group.WriteAsync<double>(a, numbers);
            await group.WriteAsync<double>(b, (double?[])[.. numbers.Select(number => (double?)number)]);
            await group.WriteAsync<int>(n, counts);
            await group.WriteAsync(kind, kinds);
            group.CompleteValidate();
        }
    }

    private void ReadEveryWay(string ending, byte[] bytes, Func<string, string?, IReadOnlyList<string>?, Dataset> read)
    {
        _files.Try(ending, bytes, path => Use(read(path, null, null)));
        _files.Try(ending, bytes, path => Use(read(path, ending == ".parquet" ? "kind" : "b", ["a"])));
        if (ending != ".npy")
            return;
        _files.Try(ending, bytes, path => Use(TableData.Npy(path, null, null, mostInMemory: 1)));
        _files.Try(ending, bytes, path => Use(TableData.Npy(path, "x0", ["x1"], mostInMemory: 1)));
        _files.Try(ending, bytes, path => Use(NpyImages.Load(path, mostInMemory: 1)));
    }

    /// <summary>What was read is finite.</summary>
    private static void Use(Dataset data)
    {
        Assert.True(data.Count >= 2);
        Assert.All(data[data.Count - 1], value => Assert.True(float.IsFinite(value)));
    }
}
