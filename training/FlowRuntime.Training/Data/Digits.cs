using System.IO.Compression;
using FlowRuntime.Cards;

namespace FlowRuntime.Training.Data;

/// <summary>
/// 1,797 handwritten digits of 8×8 pixels in 17 grey levels, which ship inside this library; in the network's units the
/// paper is −1 and full ink 1.
/// </summary>
/// <remarks>
/// Source: E. Alpaydin and C. Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
/// test part, CC BY 4.0.
/// </remarks>
public static class Digits
{
    private const int Pixels = 64;
    private const int GreyLevels = 16;

    /// <summary>Loads the digits.</summary>
    public static Dataset Load()
    {
        using Stream compressed = typeof(Digits).Assembly.GetManifestResourceStream("optdigits.csv.gz")!;
        using var reader = new StreamReader(new GZipStream(compressed, CompressionMode.Decompress));
        var values = new List<float>();
        var labels = new List<int>();
        while (reader.ReadLine() is { } line)
        {
            string[] cells = line.Split(',');
            values.AddRange(cells[..Pixels].Select(cell => 2f * int.Parse(cell) / GreyLevels - 1));
            labels.Add(int.Parse(cells[Pixels]));
        }
        float[] all = [.. values];
        var card = new DataCard(Image: new ImageCard(-1, 1), Mean: [Statistics.Mean(all)], Scale: [Statistics.StandardDeviation(all)]);
        return new Dataset("digits", [1, 8, 8], all, card, [.. labels], [.. Enumerable.Range(0, 10).Select(digit => $"{digit}")]);
    }
}
