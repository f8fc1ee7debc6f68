namespace FlowRuntime.Tests;

/// <summary>A field of a protobuf message that is being changed: a number, or bytes that may be a message.</summary>
/// <param name="number">Field number.</param>
/// <param name="wireType">Wire type: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.</param>
internal sealed class WireField(int number, int wireType)
{
    public const int Varint = 0;
    public const int EightBytes = 1;
    public const int LengthDelimited = 2;
    public const int FourBytes = 5;

    public int Number { get; set; } = number;

    public int WireType { get; set; } = wireType;

    /// <summary>The number of a varint.</summary>
    public ulong Value { get; set; }

    /// <summary>The bytes of any other field.</summary>
    public byte[] Content { get; set; } = [];

    /// <summary>The length that is written before the content where it is not the content's own; null where it is.</summary>
    public ulong? ClaimedLength { get; set; }

    public WireField Copy() => new(Number, WireType) { Value = Value, Content = Content, ClaimedLength = ClaimedLength };

    public byte[] ToBytes() => WireType switch
    {
        Varint => [.. Protobuf.Tag(Number, WireType), .. Protobuf.Varint(Value)],
        LengthDelimited => [.. Protobuf.Tag(Number, WireType), .. Protobuf.Varint(ClaimedLength ?? (ulong)Content.Length), .. Content],
        _ => [.. Protobuf.Tag(Number, WireType), .. Content],
    };
}

/// <summary>A protobuf message as a list of fields that may be changed, added and taken away; written again, it is the same bytes.</summary>
internal sealed class WireMessage
{
    public List<WireField> Fields { get; } = [];

    /// <summary>Reads a well-formed message.</summary>
    public static WireMessage Parse(byte[] bytes)
    {
        var message = new WireMessage();
        using var stream = new MemoryStream(bytes);
        foreach (Cards.ProtobufField field in Cards.ProtobufField.Read(stream, 0, bytes.Length))
            message.Fields.Add(new WireField(field.Number, field.WireType) { Value = field.Value, Content = bytes[(int)field.Content..(int)field.End] });
        return message;
    }

    /// <summary>Reads bytes as a message; null where they are none, such as a text.</summary>
    public static WireMessage? TryParse(byte[] bytes)
    {
        try
        {
            return Parse(bytes);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>The fields of a number.</summary>
    public List<WireField> All(int number) => Fields.FindAll(field => field.Number == number);

    public byte[] ToBytes() => [.. Fields.SelectMany(field => field.ToBytes())];
}
