using System.Globalization;
using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool;

/// <summary>What <c>--data SPEC</c> may say, and the data set it means.</summary>
internal static class DataSource
{
    private const string Gaussian = "gaussian";

    private static readonly Dictionary<string, Func<Dataset>> Named = new()
    {
        ["moons"] = () => PlaneData.Moons(),
        ["8gaussians"] = () => PlaneData.EightGaussians(),
        ["s-curve"] = () => PlaneData.SCurve(),
        ["checkerboard"] = () => PlaneData.Checkerboard(),
        ["spirals"] = () => PlaneData.Spirals(),
        ["pinwheel"] = () => PlaneData.Pinwheel(),
        ["swiss-roll"] = () => PlaneData.SwissRoll(),
        ["digits"] = Digits.Load,
    };

    private static readonly Dictionary<string, Func<string, string?, Dataset>> Tables = new()
    {
        ["csv"] = TableData.Csv,
        ["npy"] = TableData.Npy,
        ["parquet"] = TableData.Parquet,
    };

    /// <summary>Every form of a SPEC.</summary>
    public static string Forms { get; } = string.Join(", ", [.. Named.Keys, $"{Gaussian}:D", .. Tables.Keys.Select(kind => $"{kind}:FILE")]);

    /// <summary>Checks a SPEC without loading it, and makes its file's path a full one, so that the run can be exported from any folder.</summary>
    /// <exception cref="ArgumentException">There is no such data set, or it takes no label column.</exception>
    public static string Resolve(string spec, string? labelColumn)
    {
        (string kind, string? argument) = Parts(spec);
        bool table = Tables.ContainsKey(kind) && argument is { Length: > 0 };
        if (!table && !(Named.ContainsKey(spec) || (kind == Gaussian && TryDimension(argument, out _))))
            throw new ArgumentException($"There is no data set '{spec}'. Choose one of: {Forms}.");
        if (!table && labelColumn is not null)
            throw new ArgumentException($"The data set '{spec}' takes no label column ('{labelColumn}'); tables do: {string.Join(", ", Tables.Keys.Select(name => $"{name}:FILE"))}.");
        return table ? $"{kind}:{Path.GetFullPath(argument!)}" : spec;
    }

    /// <summary>Loads the data set.</summary>
    /// <exception cref="ArgumentException">There is no such data set, file's label column or dimension.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file holds no table to learn.</exception>
    public static Dataset Load(string spec, string? labelColumn)
    {
        Resolve(spec, labelColumn);
        (string kind, string? argument) = Parts(spec);
        if (Named.TryGetValue(spec, out Func<Dataset>? named))
            return named();
        return TryDimension(argument, out int dimension) && kind == Gaussian ? GaussianData.Load(dimension) : Tables[kind](argument!, labelColumn);
    }

    /// <summary>The licence of a model trained on the data; null where that is the user's to say.</summary>
    public static string? LicenceOf(string spec) =>
        Tables.ContainsKey(Parts(spec).Kind) ? null : spec == "digits" ? "MIT; data CC BY 4.0 (E. Alpaydin, C. Kaynak 1998)" : "MIT";

    private static (string Kind, string? Argument) Parts(string spec) => spec.Split(':', 2) is [var kind, var argument] ? (kind, argument) : (spec, null);

    private static bool TryDimension(string? text, out int dimension) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out dimension) && dimension is >= 1 and <= GaussianData.MostColumns;
}
