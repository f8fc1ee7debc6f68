namespace FlowRuntime.Materials;

/// <summary>Which licences the project takes, and what is known of packages that do not tell theirs.</summary>
internal static class Licences
{
    /// <summary>Public domain is no licence of the SPDX list.</summary>
    public const string PublicDomain = "LicenseRef-public-domain";

    /// <summary>Licences that ask for no more than a notice.</summary>
    private static readonly HashSet<string> Allowed = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MS-PL", "Unlicense", "Zlib", PublicDomain];

    /// <summary>
    /// Read by hand, in these very versions: K4os.Compression.LZ4 has a nuspec that links to the MIT licence of its repository;
    /// StbImageWriteSharp's tells none, its repository and the original stb_image_write are in the public domain.
    /// </summary>
    public static string? Untold(string package, string version) => (package, version) switch
    {
        ("K4os.Compression.LZ4", "1.3.8") => "MIT",
        ("StbImageWriteSharp", "1.16.7") => PublicDomain,
        _ => null,
    };

    /// <summary>
    /// The licence of a native library in a package, where it is not the package's: PyTorch's own is BSD's, as LICENSE-LIBTORCH.txt
    /// says, and the OpenMP library of GCC comes with it on Linux, whose exception lets any program use it.
    /// </summary>
    public static string OfNative(CachedPackage package, string file) => (package.Name.StartsWith("libtorch", StringComparison.Ordinal), file) switch
    {
        (true, _) when file.StartsWith("libgomp", StringComparison.Ordinal) => "GPL-3.0-or-later WITH GCC-exception-3.1",
        (true, _) => "BSD-3-Clause",
        _ => package.Licence!,
    };

    /// <summary>Whether an SPDX expression leaves a choice of allowed licences: one of those at OR, each at AND. Parentheses and exceptions are not taken.</summary>
    public static bool IsAllowed(string? expression) =>
        expression is not null && expression.Split(" OR ").Any(choice => choice.Split(" AND ").All(licence => Allowed.Contains(licence.Trim())));
}
