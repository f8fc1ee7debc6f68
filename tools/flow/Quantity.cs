using System.Globalization;

namespace FlowRuntime.Tool;

/// <summary>Numbers with units, as people read them.</summary>
internal static class Quantity
{
    private static readonly string[] Sizes = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>A size with the unit that fits it: 512 bytes, 4.1 kB, 1.2 GB; a kilobyte is 1,000 bytes.</summary>
    public static string Bytes(double bytes)
    {
        int unit = 0;
        for (; Math.Abs(bytes) >= 999.5 && unit < Sizes.Length - 1; unit++)
            bytes /= 1000;
        return $"{Digits(bytes, whole: unit == 0)} {Sizes[unit]}";
    }

    /// <summary>A time with the units that fit it: 3.2 ms, 12 s, 4 min 10 s, 3 h 20 min, 2 days 5 h.</summary>
    public static string Time(double seconds) => seconds switch
    {
        < 0.9995e-3 => $"{Digits(seconds * 1e6)} µs",
        < 0.9995 => $"{Digits(seconds * 1e3)} ms",
        < 99.5 => $"{Digits(seconds)} s",
        < 3600 => Two(seconds, 60, "min", 1, "s"),
        < 86_400 => Two(seconds, 3600, "h", 60, "min"),
        _ => Two(seconds, 86_400, "days", 3600, "h"),
    };

    /// <summary>A rate: 0.31/s, 46/s, 29,211/s.</summary>
    public static string Rate(double perSecond) => $"{Digits(perSecond)}/s";

    private static string Two(double seconds, int large, string largeUnit, int small, string smallUnit)
    {
        long whole = (long)Math.Round(seconds / small) * small;
        return whole % large / small is var rest and > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{whole / large:N0} {largeUnit} {rest} {smallUnit}")
            : string.Create(CultureInfo.InvariantCulture, $"{whole / large:N0} {largeUnit}");
    }

    /// <summary>Two digits at least, and the whole number from 10 on.</summary>
    private static string Digits(double value, bool whole = false) =>
        value.ToString(whole || Math.Abs(value) >= 9.95 ? "N0" : Math.Abs(value) >= 0.995 || value == 0 ? "0.#" : "0.##", CultureInfo.InvariantCulture);
}
