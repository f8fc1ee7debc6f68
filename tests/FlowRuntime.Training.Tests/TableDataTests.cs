using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using FlowRuntime.Fields;
using FlowRuntime.Training.Data;
using Parquet;
using Parquet.Schema;

namespace FlowRuntime.Training.Tests;

/// <summary>Tables as data sets: what is written comes back, and what cannot be learnt is refused by its place.</summary>
public sealed class TableDataTests : IDisposable
{
    private static readonly double[] OneTwoThree = [1, 2, 3];

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-tables").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(","), InlineData(";"), InlineData("\t")]
    public void A_csv_comes_back_in_its_own_units_whatever_separates_its_cells(string separator)
    {
        string text = "a|\"b, \"\"the; second\"\"\"|kind\n1|-2.5|10\n\n 3 |1e3|9\n5|\"0.25\"|10\n".Replace("|", separator, StringComparison.Ordinal);
        Dataset data = TableData.Csv(Write("t.csv", text), "kind");
        Assert.Equal(("t.csv", 3, 2), (data.Name, data.Count, data.Dimension));
        Assert.Equal(["a", "b, \"the; second\""], data.Card.Columns!.Names);
        Same([1, -2.5, 3, 1000, 5, 0.25], data.InDataUnits());
        Assert.Equal(["9", "10"], data.ClassNames!); // by value, not by text
        Assert.Equal([1, 0, 1], data.Labels!);
    }

    [Fact]
    public void Condition_columns_are_taken_out_standardised_and_in_the_order_asked_for()
    {
        Dataset data = TableData.Csv(Write("t.csv", "a,b,kind,c\n1,10,u,100\n2,30,v,100\n6,20,u,400\n"), "kind", ["c", "a"]);
        Assert.Equal(["b"], data.Card.Columns!.Names);
        Same([10, 30, 20], data.InDataUnits());
        Assert.Equal([0, 1, 0], data.Labels!);
        Assert.Equal(["c", "a"], data.Vectors!.Columns.Names);
        Assert.Equal([200, 3], data.Vectors.Columns.Mean, (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(-100 / Math.Sqrt(20_000), data.Vectors[0][0], 1e-6);
        Assert.Equal(3 / Math.Sqrt(14.0 / 3), data.Vectors[2][1], 1e-6);
        Condition last = data.Select([2, 0]).Conditions(1).Single();
        Assert.Equal(0, last.Label);
        Same([400, 6], last.Vectors["condition"]);
    }

    public static TheoryData<string[], string?, string> BadConditions => new()
    {
        { ["d"], null, "there is no column 'd' for the conditions. Choose one of: a, b, c." },
        { ["a", "a"], null, "the condition column 'a' is named twice" },
        { ["b"], "b", "the column 'b' is the label column" },
        { ["a", "b", "c"], null, "all columns are conditions" },
        { ["a", "b"], "c", "all columns are conditions" },
    };

    [Theory, MemberData(nameof(BadConditions))]
    public void Condition_columns_that_are_none_are_refused(string[] columns, string? label, string expected) =>
        Refused(expected, Write("t.csv", "a,b,c\n1,2,3\n4,5,6\n"), path => TableData.Csv(path, label, columns));

    [Fact]
    public void A_condition_hundreds_of_deviations_from_the_mean_is_refused_by_its_row()
    {
        string rows = string.Concat(Enumerable.Range(0, 300_000).Select(i => i == 12 ? "1,1e6\n" : "1,0\n"));
        Refused("Row 12 has the condition 'c' 547", Write("t.csv", "a,c\n" + rows), path => TableData.Csv(path, null, ["c"]));
    }

    [Fact]
    public void Columns_are_standardised_by_mean_and_population_deviation()
    {
        Dataset data = TableData.Csv(Write("t.csv", "x,y\n1,100\n2,100\n6,400\n"));
        Assert.Equal([3, 200], data.Card.Columns!.Mean, (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal([Math.Sqrt(14.0 / 3), Math.Sqrt(20_000)], data.Card.Columns.Scale, (a, b) => Math.Abs(a - b) < 1e-9); // deviations −2 −1 3 and −100 −100 200
        for (int column = 0; column < 2; column++)
        {
            float[] values = Statistics.Column(data.Values, 2, column);
            Assert.Equal(0, values.Average(), 1e-6f);
            Assert.Equal(1, values.Average(v => v * v), 1e-6f);
        }
    }

    [Fact]
    public void A_csv_without_a_header_has_numbered_columns_and_text_labels_in_ordinal_order()
    {
        Dataset data = TableData.Csv(Write("t.csv", "1.5,setosa,2\r\n2.5,Virginica,4\r\n3.5,setosa,6"), "x1");
        Assert.Equal(["x0", "x2"], data.Card.Columns!.Names);
        Same([1.5, 2, 2.5, 4, 3.5, 6], data.InDataUnits());
        Assert.Equal(["Virginica", "setosa"], data.ClassNames!);
        Assert.Equal([1, 0, 1], data.Labels!);
        Assert.Null(TableData.Csv(Write("u.csv", "1,2\n3,4\n")).Labels);
    }

    [Fact]
    public void A_constant_column_keeps_scale_one_and_huge_and_offset_values_stay_finite()
    {
        // The mean of ten times 0.1 is not 0.1 in double precision.
        string rows = string.Concat(Enumerable.Range(0, 10).Select(i => FormattableString.Invariant($"0.1,{(i % 2 == 0 ? 3e38 : -3e38)},{1.7e9 + i},{i * 1e-300}\n")));
        Dataset data = TableData.Csv(Write("t.csv", rows));
        Assert.Equal((0.1, 1.0), (data.Card.Columns!.Mean[0], data.Card.Columns.Scale[0]));
        Assert.All(Statistics.Column(data.Values, 4, 0), value => Assert.Equal(0, value));
        Assert.All(Statistics.Column(data.Values, 4, 1), value => Assert.Equal(1, Math.Abs(value), 1e-6f));
        float[] seconds = Statistics.Column(data.Values, 4, 2); // a float32 near 1.7e9 counts by 128; the statistics do not
        Assert.All(seconds.Zip(seconds.Skip(1), (a, b) => b - a), step => Assert.Equal(1 / Math.Sqrt(8.25), step, 1e-6));
        Assert.All(data.Values, value => Assert.True(float.IsFinite(value)));
    }

    /// <summary>A file's text, the label column, and what its one line of error must hold after the path.</summary>
    public static TheoryData<string, string?, string> BadCsv => new()
    {
        { "a,b\n1,2\n3,\n", null, "line 3, column 'b': the cell is empty. Make it a number, take it out, or name its column as the label column (--label-column)." },
        { "a,b\n\n1,2\n3,NaN\n", null, "line 4, column 'b': 'NaN' is no finite number" },
        { "a,b\n1,2\n3,inf\n", null, "line 3, column 'b': 'inf' is no finite number" },
        { "a,b\n1,2\n3,1e39\n", null, "line 3, column 'b': '1e39' is no finite number" },
        { "a,b\n1,2\n3,red\n", null, "line 3, column 'b': 'red' is no finite number" },
        { "a;b\n1;2\n3;4,5\n", null, "line 3, column 'b': '4,5' is no finite number" },
        { "1,2,red\n3,4,blue\n", null, "line 1, column 'x2': 'red'" },
        { "a,b\n1,2\n3\n", null, "line 3: 1 cells, where the first line has 2" },
        { "a,b\n1,2\n3,4,5\n", null, "line 3: 3 cells, where the first line has 2" },
        { "a,b\n1,2\n\"3,4\n5,6\n", null, "line 3: the quotes are not closed" },
        { "a,b\n1,2\n3,4\"5\n", null, "line 3: the quotes are not closed, or stand inside a cell" },
        { ",a\n0,1\n1,2\n", null, "line 1: column 1 has no name in the header" },
        { "a,a\n0,1\n1,2\n", null, "two columns are named 'a'" },
        { "a,b\n1,2\n", null, "has 1 rows of 2 values. Give at least 2 rows" },
        { "a,b\n", null, "has 0 rows" },
        { "\n\n", null, "is empty" },
        { "", null, "is empty" },
        { "a,b\n1,2\n3,4\n", "c", "there is no column 'c' for the labels. Choose one of: a, b." },
        { "1,2\n3,4\n", "2", "there is no column '2' for the labels. Choose one of: x0, x1." },
        { "a\n1\n2\n", "a", "'a' is the only column" },
        { "a,b\n1,2\n3,\n", "b", "line 3, column 'b': the cell is empty. Give every row its label." },
    };

    [Theory, MemberData(nameof(BadCsv))]
    public void A_csv_that_cannot_be_learnt_is_refused_in_one_line_by_its_place(string text, string? label, string expected) =>
        Refused(expected, Write("t.csv", text), path => TableData.Csv(path, label));

    [Fact]
    public void Too_many_classes_a_folder_and_no_file_are_refused()
    {
        string many = "a,b\n" + string.Concat(Enumerable.Range(0, 1001).Select(i => $"1,{i}\n"));
        Refused("the label column 'b' holds 1001 different values; at most 1000 classes", Write("t.csv", many), path => TableData.Csv(path, "b"));
        Refused("is a folder. Name a file", _folder, path => TableData.Csv(path));
        Assert.Contains("There is no file", Assert.Throws<FileNotFoundException>(() => TableData.Npy(Path.Combine(_folder, "none.npy"))).Message, StringComparison.Ordinal);
    }

    /// <summary>A type of NumPy, and how its values 0, 1, 2 … are written.</summary>
    public static TheoryData<string> NpyTypes => ["<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1"];

    [Theory, MemberData(nameof(NpyTypes))]
    public void An_array_of_any_number_type_comes_back(string type)
    {
        int first = type[1] == 'u' ? 0 : -3;
        double[] values = [.. Enumerable.Range(first, 12).Select(i => (double)i)];
        Dataset data = TableData.Npy(WriteNpy(type, [4, 3], [.. values.SelectMany(value => Bytes(type, value))]));
        Assert.Equal([3], data.Shape);
        Assert.Equal(["x0", "x1", "x2"], data.Card.Columns!.Names);
        Same(values, data.InDataUnits());
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Every_version_of_the_format_is_read_and_booleans_are_0_and_1(byte version)
    {
        Dataset data = TableData.Npy(WriteNpy("|b1", [4], [0, 1, 1, 0], version: version));
        Assert.Equal([1], data.Shape);
        Same([0, 1, 1, 0], data.InDataUnits());
    }

    [Fact]
    public void Rows_of_many_dimensions_keep_their_shape_under_one_mean_and_scale()
    {
        double[] values = [.. Enumerable.Range(0, 4 * 2 * 3).Select(i => (double)(i * i % 17))];
        Dataset data = TableData.Npy(WriteNpy("<f8", [4, 2, 3], [.. values.SelectMany(BitConverter.GetBytes)]));
        Assert.Equal([2, 3], data.Shape);
        Assert.Equal(["x0_0", "x0_1", "x0_2", "x1_0", "x1_1", "x1_2"], data.Card.Columns!.Names);
        Assert.Single(data.Card.Columns.Mean.Distinct());
        Assert.Single(data.Card.Columns.Scale.Distinct());
        Same(values, data.InDataUnits());
        Assert.Equal(1, data.Values.Average(v => v * v), 1e-5f);
    }

    [Theory, InlineData(5, 3), InlineData(3, 2, 4), InlineData(2, 3, 1, 5)]
    public void Fortran_order_is_the_same_array(params int[] shape)
    {
        int count = shape.Aggregate(1, (a, b) => a * b);
        double[] rowMajor = [.. Enumerable.Range(0, count).Select(i => (double)i)], columnMajor = new double[count];
        for (int i = 0; i < count; i++)
        {
            int rest = i, place = 0;
            int[] index = new int[shape.Length];
            for (int axis = shape.Length - 1; axis >= 0; axis--)
                (rest, index[axis]) = Math.DivRem(rest, shape[axis]);
            for (int axis = shape.Length - 1; axis >= 0; axis--)
                place = place * shape[axis] + index[axis];
            columnMajor[place] = rowMajor[i];
        }
        string c = WriteNpy("<f8", shape, [.. rowMajor.SelectMany(BitConverter.GetBytes)]);
        string fortran = WriteNpy("<f8", shape, [.. columnMajor.SelectMany(BitConverter.GetBytes)], fortran: true);
        Same(rowMajor, TableData.Npy(fortran).InDataUnits());
        Assert.Equal(TableData.Npy(c).Values, TableData.Npy(fortran).Values);
    }

    [Fact]
    public void An_array_longer_than_the_buffer_is_read_whole()
    {
        double[] values = [.. Enumerable.Range(0, 30_000).Select(i => (double)(i % 97))];
        Same(values, TableData.Npy(WriteNpy("<f8", [15_000, 2], [.. values.SelectMany(BitConverter.GetBytes)])).InDataUnits());
    }

    [Fact]
    public void A_column_of_an_array_may_be_the_labels()
    {
        Dataset data = TableData.Npy(WriteNpy("<f8", [3, 3], [.. new double[] { 1, 12, 3, 4, 5, 6, 7, 12, 9 }.SelectMany(BitConverter.GetBytes)]), "x1");
        Same([1, 3, 4, 6, 7, 9], data.InDataUnits());
        Assert.Equal(["x0", "x2"], data.Card.Columns!.Names);
        Assert.Equal(["5", "12"], data.ClassNames!);
        Assert.Equal([1, 0, 1], data.Labels!);
    }

    [Fact]
    public void An_array_that_cannot_be_read_is_refused_in_one_line()
    {
        byte[] six = [.. new float[] { 1, 2, 3, 4, 5, 6 }.SelectMany(BitConverter.GetBytes)];
        string good = WriteNpy("<f4", [3, 2], six);
        byte[] whole = File.ReadAllBytes(good);
        foreach (int length in new[] { 3, 8, 10, 11, 40, whole.Length - 1 })
            Refused("", Write($"cut{length}.npy", whole[..length]), path => TableData.Npy(path));
        Refused("its shape (3, 2) of <f4 needs 24 bytes, and 23 follow the header. The file was cut off", Write("cut.npy", whole[..^1]), path => TableData.Npy(path));
        Refused("and 25 follow", Write("long.npy", [.. whole, 0]), path => TableData.Npy(path));
        Refused("is no NumPy array. Write one with numpy.save", Write("text.npy", "a,b\n1,2\n3,4\n5,6"), path => TableData.Npy(path));
        Refused("version 9 is not known", WriteNpy("<f4", [3, 2], six, version: 9), path => TableData.Npy(path));
        Refused("values of type '>f4' are not read. Save little-endian numbers", WriteNpy(">f4", [3, 2], six), path => TableData.Npy(path));
        Refused("values of type '|O' are not read", WriteNpy("|O", [3, 2], six), path => TableData.Npy(path));
        Refused("1 rows of 6 values. Give at least 2", WriteNpy("<f4", [1, 6], six), path => TableData.Npy(path));
        Refused("0 rows of 6 values", WriteNpy("<f4", [0, 6], []), path => TableData.Npy(path));
        Refused("6 rows of 0 values", WriteNpy("<f4", [6, 0], []), path => TableData.Npy(path));
        Refused("an array of 0 dimensions", WriteNpy("<f4", [], six[..4]), path => TableData.Npy(path));
        Refused("needs 4294967296 bytes, and 0 follow", WriteNpy("<f4", [1 << 20, 1 << 10], []), path => TableData.Npy(path));
        Refused("are too many", WriteNpy("<f4", [2, int.MaxValue, int.MaxValue, int.MaxValue], []), path => TableData.Npy(path));
        Refused("row 1 (from 0), column 'x0': NaN is no finite float32", WriteNpy("<f4", [2, 1], [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(float.NaN)]), path => TableData.Npy(path));
        Refused("have no label column", WriteNpy("<f4", [3, 1, 2], six), path => TableData.Npy(path, "x0"));
        Refused("there is no column 'a'", good, path => TableData.Npy(path, "a"));
    }

    [Fact]
    public void A_parquet_file_of_every_kind_of_number_comes_back()
    {
        string path = WriteParquet(
            rows: 3, groups: 2,
            Column<double>("f64", 1.5, -2, 3), Column<float>("f32", 1, 2, 4.5f), Column<long>("i64", 7, 8, 10), Column<int>("i32", -1, 0, 2),
            Column<short>("i16", 3, 4, 6), Column<byte>("u8", 1, 0, 255), Column<bool>("flag", true, false, true),
            Column<double?>("some", 0.5, 1, 2), Column<decimal>("money", 1, 2.25m, 4), Column<string>("kind", "b", "a", "b"));
        Dataset data = TableData.Parquet(path, "kind");
        double[] rows = [1.5, 1, 7, -1, 3, 1, 1, 0.5, 1, -2, 2, 8, 0, 4, 0, 0, 1, 2.25, 3, 4.5, 10, 2, 6, 255, 1, 2, 4];
        Same([.. rows, .. rows], data.InDataUnits());
        Assert.Equal(["f64", "f32", "i64", "i32", "i16", "u8", "flag", "some", "money"], data.Card.Columns!.Names);
        Assert.Equal(["a", "b"], data.ClassNames!);
        Assert.Equal([1, 0, 1, 1, 0, 1], data.Labels!);

        Dataset byNumber = TableData.Parquet(WriteParquet(3, 1, ("x", OneTwoThree), Column<int>("n", 10, 9, 10)), "n");
        Assert.Equal(["9", "10"], byNumber.ClassNames!);
        Assert.Equal([1, 0, 1], byNumber.Labels!);
    }

    [Fact]
    public void A_parquet_file_that_cannot_be_learnt_is_refused_in_one_line()
    {
        Refused("row 1 (from 0), column 'b' is null or empty", WriteParquet(3, 2, ("a", OneTwoThree), Column<double?>("b", 1, null, 3)), path => TableData.Parquet(path));
        Refused("column 't' holds text, no numbers. Make it a number, take it out, or name its column as the label column", WriteParquet(3, 1, ("a", OneTwoThree), Column<string>("t", "a", "b", "c")), path => TableData.Parquet(path));
        Refused("row 1 (from 0), column 't' is null or empty", WriteParquet(3, 1, ("a", OneTwoThree), Column<string>("t", "a", "", "c")), path => TableData.Parquet(path, "t"));
        Refused("row 2 (from 0), column 'a': Infinity is no finite float32", WriteParquet(3, 1, Column<double>("a", 1.0, 2, double.PositiveInfinity)), path => TableData.Parquet(path));
        Refused("there is no column 'z' for the labels", WriteParquet(3, 1, ("a", OneTwoThree)), path => TableData.Parquet(path, "z"));
        Refused("Give at least 2 rows", WriteParquet(1, 1, Column<double>("a", 1.0)), path => TableData.Parquet(path));
        byte[] whole = File.ReadAllBytes(WriteParquet(3, 1, ("a", OneTwoThree)));
        Refused("cannot be read as Parquet", Write("cut.parquet", whole[..^20]), path => TableData.Parquet(path));
        Refused("cannot be read as Parquet", Write("text.parquet", "a,b\n1,2\n"), path => TableData.Parquet(path));
        for (int place = 0; place < whole.Length; place += 7) // garbled anywhere: read, or refused in one line
        {
            byte[] garbled = [.. whole];
            garbled[place] ^= 0x55;
            string path = Write("garbled.parquet", garbled);
            if (Record.Exception(() => TableData.Parquet(path)) is { } error)
                Assert.DoesNotContain("\n", Assert.IsType<InvalidDataException>(error).Message, StringComparison.Ordinal);
        }
    }

    private static void Same(double[] expected, float[] actual)
    {
        double reach = expected.Max(Math.Abs);
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-6 * reach));
    }

    private static void Refused(string expected, string path, Action<string> read)
    {
        Exception error = Record.Exception(() => read(path))!;
        Assert.True(error is InvalidDataException or ArgumentException, $"{error}");
        string message = error.Message.Split(" (Parameter")[0];
        Assert.DoesNotContain("\n", message, StringComparison.Ordinal);
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    private string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    private string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private string WriteNpy(string type, int[] shape, byte[] values, bool fortran = false, byte version = 1)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': ({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}\n";
        byte[] length = new byte[version == 1 ? 2 : 4];
        length[0] = (byte)header.Length;
        return Write($"{Guid.NewGuid()}.npy", [0x93, .. "NUMPY"u8, version, 0, .. length, .. Encoding.ASCII.GetBytes(header), .. values]);
    }

    private static byte[] Bytes(string type, double value)
    {
        byte[] bytes = new byte[8];
        switch (type[1..])
        {
            case "f8": BinaryPrimitives.WriteDoubleLittleEndian(bytes, value); break;
            case "f4": BinaryPrimitives.WriteSingleLittleEndian(bytes, (float)value); break;
            case "f2": BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)value); break;
            default: BinaryPrimitives.WriteInt64LittleEndian(bytes, (long)value); break; // two's complement: the low bytes are the narrow number
        }
        return bytes[..int.Parse(type[2..], CultureInfo.InvariantCulture)];
    }

    private static (string Name, Array Values) Column<T>(string name, params T[] values) => (name, values);

    /// <summary>Writes the same rows into each of some row groups.</summary>
    private string WriteParquet(int rows, int groups, params (string Name, Array Values)[] columns)
    {
        string path = Path.Combine(_folder, $"{Guid.NewGuid()}.parquet");
        DataField[] fields = [.. columns.Select(column => new DataField(column.Name, column.Values.GetType().GetElementType()!))];
        Run().GetAwaiter().GetResult();
        return path;

        async Task Run()
        {
            await using FileStream stream = File.Create(path);
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream);
            for (int group = 0; group < groups; group++)
            {
                using ParquetRowGroupWriter part = writer.CreateRowGroup();
                for (int i = 0; i < columns.Length; i++)
                {
                    Assert.Equal(rows, columns[i].Values.Length);
                    await (columns[i].Values switch
                    {
                        string[] text => part.WriteAsync(fields[i], text),
                        double?[] some => part.WriteAsync<double>(fields[i], some),
                        double[] values => part.WriteAsync<double>(fields[i], values),
                        float[] values => part.WriteAsync<float>(fields[i], values),
                        decimal[] values => part.WriteAsync<decimal>(fields[i], values),
                        long[] values => part.WriteAsync<long>(fields[i], values),
                        int[] values => part.WriteAsync<int>(fields[i], values),
                        short[] values => part.WriteAsync<short>(fields[i], values),
                        byte[] values => part.WriteAsync<byte>(fields[i], values),
                        bool[] values => part.WriteAsync<bool>(fields[i], values),
                        _ => throw new ArgumentException(columns[i].Name),
                    });
                }
                part.CompleteValidate();
            }
        }
    }
}
