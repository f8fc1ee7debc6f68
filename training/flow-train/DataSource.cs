using System.Globalization;
using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool;

/// <summary>What <c>--data SPEC</c> may say, and the data set it means.</summary>
internal static class DataSource
{
    private const string Gaussian = "gaussian", Idx = "idx", Images = "images", Npy = "npy";

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

    private static readonly Dictionary<string, Func<string, string?, IReadOnlyList<string>?, Dataset>> Tables = new()
    {
        ["csv"] = TableData.Csv,
        [Npy] = TableData.Npy,
        ["parquet"] = TableData.Parquet,
    };

    /// <summary>Every form of a SPEC.</summary>
    public static string Forms { get; } = string.Join(", ", [.. Named.Keys, $"{Gaussian}:D", .. Tables.Keys.Select(kind => $"{kind}:FILE"), $"{Idx}:FOLDER", $"{Images}:FOLDER"]);

    /// <summary>Checks a SPEC without loading it, and makes the path of its file or folder a full one, so that the run can be exported from any folder.</summary>
    /// <exception cref="ArgumentException">There is no such data set, or it takes no label or condition columns.</exception>
    public static string Resolve(string spec, string? labelColumn, IReadOnlyList<string>? conditionColumns = null)
    {
        (string kind, string? argument) = Parts(spec);
        bool table = Tables.ContainsKey(kind) && argument is { Length: > 0 }, folder = kind is Idx or Images && argument is { Length: > 0 };
        if (!table && !folder && !(Named.ContainsKey(spec) || (kind == Gaussian && TryDimension(argument, out _))))
            throw new ArgumentException($"There is no data set '{spec}'. Choose one of: {Forms}.");
        if (!table && labelColumn is not null)
            throw new ArgumentException($"The data set '{spec}' takes no label column ('{labelColumn}'); tables do: {string.Join(", ", Tables.Keys.Select(name => $"{name}:FILE"))}.");
        if (!table && conditionColumns is { Count: > 0 })
            throw new ArgumentException($"The data set '{spec}' takes no condition columns ('{string.Join(", ", conditionColumns)}'); tables do: {string.Join(", ", Tables.Keys.Select(name => $"{name}:FILE"))}.");
        return table || folder ? $"{kind}:{Path.GetFullPath(argument!)}" : spec;
    }

    /// <summary>A SPEC with the name alone of its file or folder.</summary>
    public static string WithoutFolder(string spec) => Parts(spec) is (var kind, { } argument) ? $"{kind}:{Path.GetFileName(Path.TrimEndingDirectorySeparator(argument))}" : spec;

    /// <summary>Whether a SPEC is made of images by its kind.</summary>
    public static bool IsImages(string spec) => spec == "digits" || Parts(spec).Kind is Idx or Images;

    /// <summary>How images of a SPEC become rows where nothing else is said; null where the files alone say it.</summary>
    public static ImageFolderOptions? ImagesOf(string spec) => Parts(spec).Kind == Images ? new ImageFolderOptions() : null;

    /// <summary>Checks that a run's settings of its data are about data of its kind.</summary>
    /// <exception cref="ArgumentException">One is about another kind.</exception>
    public static void CheckSettings(RunConfiguration run)
    {
        string kind = Parts(run.Data).Kind;
        Require(run.Images is null || kind == Images, "images", $"{Images}:FOLDER");
        Require(run.ClassNames is null || kind == Idx, "class_names", $"{Idx}:FOLDER");
        Require(!run.AsImages || kind == Npy, "as_images", $"{Npy}:FILE");
        Require(run.Conditions is null || kind == Images || run.AsImages, "conditions", $"{Images}:FOLDER and {Npy}:FILE as images");
        if (run.Conditions is { } table && !Tables.ContainsKey(Parts(table).Kind))
            throw new ArgumentException($"The conditions '{table}' are no table. Give {string.Join(", ", Tables.Keys.Select(name => $"{name}:FILE"))}.");
        if (run.AsImages && run.LabelColumn is not null)
            throw new ArgumentException($"Images have no label column ('{run.LabelColumn}'). Leave out the label column, or as_images.");
        if (run.AsImages && run.ConditionColumns is { Count: > 0 })
            throw new ArgumentException($"Images have no condition columns ('{string.Join(", ", run.ConditionColumns)}'). Leave them out, or as_images.");

        void Require(bool fits, string setting, string form)
        {
            if (!fits)
                throw new ArgumentException($"The setting '{setting}' is about {form} alone; the data are '{run.Data}'. Leave it out.");
        }
    }

    /// <summary>Loads a run's data, in rows to train on and rows held out.</summary>
    /// <param name="run">The run.</param>
    /// <param name="report">Told what is worth knowing of the files, in lines.</param>
    /// <exception cref="ArgumentException">There is no such data set, file's label column or dimension, or a setting does not fit it.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There is nothing to learn in the files, or they are broken.</exception>
    public static DataSplit Split(RunConfiguration run, Action<string>? report)
    {
        CheckSettings(run);
        (string kind, string? argument) = Parts(run.Data);
        return kind switch
        {
            Idx => IdxImages.Load(argument!, run.ClassNames),
            Images => DataSplit.Of(Conditioned(ImageFolder.Load(argument!, run.Images, report), run.Conditions)),
            Npy when run.AsImages => DataSplit.Of(Conditioned(NpyImages.Load(argument!), run.Conditions)),
            _ => DataSplit.Of(Load(run.Data, run.LabelColumn, run.ConditionColumns)),
        };
    }

    /// <summary>Images under the rows of a table, in the order of the images.</summary>
    private static Dataset Conditioned(Dataset images, string? table)
    {
        if (table is null)
            return images;
        Dataset rows = Load(table, labelColumn: null);
        if (rows.Shape.Count > 1)
            throw new InvalidDataException($"conditions: {table} has rows of [{string.Join(", ", rows.Shape)}]. Give a table of columns.");
        if (rows.Count != images.Count)
            throw new InvalidDataException($"conditions: {table} has {rows.Count} rows for {images.Count} images of {images.Name}. Give a row an image, in the order of the images; files that are skipped have none.");
        return images.Under(new ConditionVectors(rows.Card.Columns!, rows.Values)); // a table has columns
    }

    /// <summary>Loads a table, or a data set known by its name.</summary>
    /// <exception cref="ArgumentException">There is no such data set, file's label column or dimension.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file holds no table to learn.</exception>
    public static Dataset Load(string spec, string? labelColumn, IReadOnlyList<string>? conditionColumns = null)
    {
        Resolve(spec, labelColumn, conditionColumns);
        (string kind, string? argument) = Parts(spec);
        if (Named.TryGetValue(spec, out Func<Dataset>? named))
            return named();
        return TryDimension(argument, out int dimension) && kind == Gaussian ? GaussianData.Load(dimension) : Tables[kind](argument!, labelColumn, conditionColumns);
    }

    /// <summary>The licence of a model trained on the data; null where that is the user's to say.</summary>
    public static string? LicenceOf(string spec) =>
        Tables.ContainsKey(Parts(spec).Kind) || Parts(spec).Kind is Idx or Images ? null : spec == "digits" ? "MIT; data CC BY 4.0 (E. Alpaydin, C. Kaynak 1998)" : "MIT";

    private static (string Kind, string? Argument) Parts(string spec) => spec.Split(':', 2) is [var kind, var argument] ? (kind, argument) : (spec, null);

    private static bool TryDimension(string? text, out int dimension) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out dimension) && dimension is >= 1 and <= GaussianData.MostColumns;
}
