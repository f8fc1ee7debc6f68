using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace FlowRuntime.Training.Data;

/// <summary>
/// What a Parquet file says of its own sizes, held against its true size before a reader believes it: Parquet.Net takes the memory that a footer or
/// the head of a page claims, follows structures however deep they are nested, and waits for pages that lie behind the file's end.
/// </summary>
/// <remarks>
/// A file may claim 2²² values and 64 MiB of pages, and 1032 more of each for each of its bytes, which is how tightly zlib packs at the most; a table that a
/// cleverer code packed more tightly has nothing in it to learn. Source: apache/parquet-format, parquet.thrift.
/// </remarks>
internal static class ParquetClaims
{
    private const long FreeValues = 1L << 22, FreePages = 1L << 26, ForEachByte = 1032;
    private const int FooterLength = 8; // its length, and the mark
    private const int LongestHead = 1 << 16; // of a page
    private const int MostNested = 64;
    private const int DataPage = 0, DictionaryPage = 2, DataPageV2 = 3;

    /// <summary>The structures of the format: each field's number and type, as <see cref="ThriftReader"/> writes them.</summary>
    private static readonly Dictionary<string, Dictionary<int, string>> Structures = new Dictionary<string, string>
    {
        ["File"] = "1i 2[Schema 3i 4[Group 5[Pair 6b 7[Order",
        ["Schema"] = "1i 2i 3i 4b 5i 6i 7i 8i 9i 10Logical",
        ["Logical"] = "1Empty 2Empty 3Empty 4Empty 5Decimal 6Empty 7Time 8Time 10Integer 11Empty 12Empty 13Empty 14Empty 15Empty 16Variant 17Geometry 18Geography",
        ["Empty"] = "",
        ["Decimal"] = "1i 2i",
        ["Time"] = "1? 2Unit",
        ["Unit"] = "1Empty 2Empty 3Empty",
        ["Integer"] = "1y 2?",
        ["Variant"] = "1y",
        ["Geometry"] = "1b",
        ["Geography"] = "1b 2i",
        ["Order"] = "1Empty",
        ["Pair"] = "1b 2b",
        ["Group"] = "1[Chunk 2i 3i 4[Sorting 5i 6i 7i",
        ["Sorting"] = "1i 2? 3?",
        ["Chunk"] = "1b 2i 3Column 4i 5i 6i 7i",
        ["Column"] = "1i 2[i 3[b 4i 5i 6i 7i 8[Pair 9i 10i 11i 12Statistics 13[Encoding 14i 15i 16Sizes 17Places",
        ["Statistics"] = "1b 2b 3i 4i 5b 6b 7? 8?",
        ["Encoding"] = "1i 2i 3i",
        ["Sizes"] = "1i 2[i 3[i",
        ["Places"] = "1Box 2[i",
        ["Box"] = "1d 2d 3d 4d 5d 6d 7d 8d",
        ["Page"] = "1i 2i 3i 4i 5Data 6Empty 7Words 8DataV2",
        ["Data"] = "1i 2i 3i 4i 5Statistics",
        ["Words"] = "1i 2i 3?",
        ["DataV2"] = "1i 2i 3i 4i 5i 6i 7? 8Statistics",
    }.ToDictionary(structure => structure.Key, structure => structure.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToDictionary(
        field => int.Parse(field.AsSpan(0, Digits(field)), CultureInfo.InvariantCulture), field => field[Digits(field)..]));

    /// <summary>Checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FormatException">It is no Parquet file, or claims what it cannot hold; the message is without the file's name.</exception>
    public static void Check(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        long length = RandomAccess.GetLength(file);
        Span<byte> end = stackalloc byte[FooterLength];
        if (length < 4 + FooterLength || RandomAccess.Read(file, end, length - FooterLength) < FooterLength || !end[4..].SequenceEqual("PAR1"u8))
            throw new FormatException("it does not end in PAR1");
        uint footer = BinaryPrimitives.ReadUInt32LittleEndian(end);
        if (footer > length - 4 - FooterLength || footer > Array.MaxLength)
            throw new FormatException($"its footer of {footer} bytes is longer than the file");
        byte[] bytes = Read(file, length - FooterLength - footer, (int)footer);
        Dictionary<int, object> claims = new ThriftReader(bytes, Structures).Struct("File");
        int columns = Columns(Items(claims, 2));
        long values = 0, pages = 0, mostValues = FreeValues + ForEachByte * length, mostPages = FreePages + ForEachByte * length;
        foreach (Dictionary<int, object> group in Items(claims, 4))
        {
            long rows = Number(group, 3);
            Dictionary<int, object>[] chunks = [.. Items(group, 1)];
            if (chunks.Length != columns || columns == 0)
                throw new FormatException($"a group has {chunks.Length} of {columns} columns");
            foreach (Dictionary<int, object> chunk in chunks)
            {
                if (chunk.ContainsKey(1))
                    throw new FormatException("its columns lie in another file");
                var column = chunk.GetValueOrDefault(3) as Dictionary<int, object> ?? throw new FormatException("a column has no description");
                long held = Number(column, 5);
                bool flat = column.GetValueOrDefault(3) is List<object> { Count: 1 };
                if (rows < 0 || held < 0 || (flat && held != rows))
                    throw new FormatException($"a column of {held} values is in a group of {rows} rows");
                values += held;
                if (held > mostValues || values > mostValues)
                    throw new FormatException($"it claims {values} values in {length} bytes");
                pages += Pages(file, length - FooterLength - footer, column, held, mostPages - pages);
            }
        }
    }

    /// <summary>Walks through the pages of a column.</summary>
    /// <returns>The bytes they claim to have once they are inflated.</returns>
    private static long Pages(SafeFileHandle file, long end, Dictionary<int, object> column, long values, long most)
    {
        long[] starts = [.. new[] { Number(column, 9), Number(column, 11) }.Where(start => start != 0)];
        if (starts.Length == 0 || starts.Any(start => start < 4))
            throw new FormatException("a column has no pages");
        long at = starts.Min(), inflated = 0;
        for (long read = 0; read < values;)
        {
            if (at >= end)
                throw new FormatException("a page lies behind the file's end");
            var reader = new ThriftReader(Read(file, at, (int)Math.Min(LongestHead, end - at)), Structures);
            Dictionary<int, object> page = reader.Struct("Page");
            (long kind, long size, long stored) = (Number(page, 1), Number(page, 2), Number(page, 3));
            (int place, int first, int second) = kind switch
            {
                DataPage => (5, 0, 0),
                DictionaryPage => (7, 0, 0),
                DataPageV2 => (8, 5, 6),
                _ => throw new FormatException($"there is a page of kind {kind}"),
            };
            var head = page.GetValueOrDefault(place) as Dictionary<int, object> ?? throw new FormatException("a page has no head");
            long count = Number(head, 1), levels = Number(head, first) + Number(head, second);
            at += reader.Position + stored;
            if (stored < 0 || size < 0 || at > end)
                throw new FormatException($"a page of {stored} bytes is longer than the file");
            if (kind == DataPageV2 && (Number(head, first) < 0 || Number(head, second) < 0 || levels > Math.Min(stored, size)))
                throw new FormatException($"a page has {levels} bytes of levels");
            inflated += size;
            if (inflated > most)
                throw new FormatException($"its pages claim {inflated} bytes");
            if (count < 0 || (kind == DictionaryPage ? count > 8 * size : count > values - read))
                throw new FormatException($"a page claims {count} values");
            if (kind != DictionaryPage)
                read += count > 0 ? count : throw new FormatException("a page is empty");
        }
        return inflated;
    }

    /// <summary>Counts the columns of a schema, which is a tree in the order of a walk through it: each element tells how many follow as its own.</summary>
    private static int Columns(IEnumerable<Dictionary<int, object>> schema)
    {
        var left = new Stack<long>();
        int columns = 0;
        foreach (Dictionary<int, object> element in schema)
        {
            columns += left.Count > 0 && Number(element, 5) == 0 ? 1 : 0;
            while (left.Count > 0 && left.Peek() == 0)
                left.Pop();
            if (left.Count > 0)
                left.Push(left.Pop() - 1);
            left.Push(Number(element, 5));
            if (left.Count > MostNested)
                throw new FormatException("its columns are nested too deeply");
        }
        return columns;
    }

    private static int Digits(string field) => field.TakeWhile(char.IsAsciiDigit).Count();

    private static long Number(Dictionary<int, object> fields, int field) => fields.GetValueOrDefault(field) is long number ? number : 0;

    private static IEnumerable<Dictionary<int, object>> Items(Dictionary<int, object> fields, int field) =>
        (fields.GetValueOrDefault(field) as List<object> ?? []).Cast<Dictionary<int, object>>();

    private static byte[] Read(SafeFileHandle file, long at, int count)
    {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count;)
        {
            int read = RandomAccess.Read(file, bytes.AsSpan(done), at + done);
            done += read > 0 ? read : throw new FormatException("it ends too early");
        }
        return bytes;
    }
}
