using FlowRuntime.Cards;

namespace FlowRuntime.Onnx;

/// <summary>Holds the sizes that a tensor of a model's file claims against the bytes it has.</summary>
internal static class TensorCheck
{
    private const int MostDimensions = 32;

    /// <summary>More values than any file holds; larger numbers are all as bad.</summary>
    private static readonly Int128 MostValues = Int128.One << 62;

    /// <summary>No number that is written as one of a list takes more memory than this, for each byte that it takes in the file.</summary>
    private const int MostGrowth = 16;

    private const int Dimensions = 1, ElementType = 2, Segment = 3, Texts = 6, Name = 8, Raw = 9, External = 13, Location = 14;

    /// <summary>Fields that hold values: lists of float, int32, text, int64, double and uint64.</summary>
    private static readonly int[] Lists = [4, 5, Texts, 7, 10, 11];

    /// <summary>Bits of an element of each type, by its number; 0 for those that are none, or texts.</summary>
    private static readonly int[] Bits = [0, 32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64, 128, 16, 8, 8, 8, 8, 4, 4, 4, 8, 2, 2];

    /// <summary>Checks a tensor.</summary>
    /// <param name="file">The file's walk.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="external">Knows the files of the model's folder.</param>
    /// <exception cref="InvalidDataException">It claims other values than it has.</exception>
    public static void Check(GraphCheck file, ProtobufField tensor, ExternalData external)
    {
        (string name, ulong type, long raw, long listed, bool outside) = ("", 0, -1, 0, false);
        var sizes = new List<long>();
        var entries = new List<ProtobufField>();
        foreach (ProtobufField field in file.Fields(tensor))
        {
            switch (field.Number)
            {
                case Dimensions when field.WireType == ProtobufField.Varint:
                    AddSize(sizes, field.Value);
                    break;
                case Dimensions:
                    file.ReadPacked(GraphCheck.Nested(field), size => AddSize(sizes, size));
                    break;
                case ElementType:
                    type = field.Value;
                    break;
                case Segment:
                    throw new InvalidDataException($"the tensor at byte {tensor.Start} is a part of one. Export the model anew");
                case Name:
                    name = file.Name(field);
                    break;
                case Raw:
                    raw = GraphCheck.Nested(field).Length;
                    break;
                case External:
                    entries.Add(GraphCheck.Nested(field));
                    break;
                case Location:
                    outside = field.Value != 0;
                    break;
                default:
                    listed += Lists.Contains(field.Number) ? field.End - field.Start : 0;
                    break;
            }
        }
        string described = name.Length > 0 ? $"the tensor '{name}'" : $"the tensor at byte {tensor.Start}";
        Int128 values = sizes.Aggregate(Int128.One, (product, size) => Int128.Min(product * size, MostValues));
        int bits = type < (ulong)Bits.Length ? Bits[type] : 0;
        Int128 bytes = (values * Math.Max(bits, 1) + 7) / 8;
        if (outside || entries.Count > 0)
            external.Check(file, described, entries, bytes);
        else if (raw >= 0 ? bits > 0 && raw != bytes : bytes > (Int128)MostGrowth * listed)
            throw new InvalidDataException($"{described} claims [{string.Join(", ", sizes)}] values, which take {bytes} bytes, and has {(raw >= 0 ? raw : listed)}. The file is broken; fetch or export it again");
    }

    private static void AddSize(List<long> sizes, ulong size)
    {
        if (sizes.Count == MostDimensions || size > long.MaxValue)
            throw new InvalidDataException($"a tensor has more than {MostDimensions} dimensions, or a negative one");
        sizes.Add((long)size);
    }
}
