using System.Globalization;

namespace FlowRuntime.Tests;

/// <summary>
/// 256 starting points in the plane and where an exact flow carries them, from Reference/NAME.csv: computed by DOP853
/// in float64 at tolerances of 1e-13.
/// </summary>
internal sealed record ReferenceFlow(GaussianFlow Flow, double[] Starts, double[] Ends)
{
    public int Count => Starts.Length / 2;

    public static ReferenceFlow Named(string name) => Read(name, name switch
    {
        "gauss" => GaussianFlow.One,
        "mix8" => GaussianFlow.Eight,
        "mix8_stiff" => GaussianFlow.EightStiff,
        _ => throw new ArgumentException($"There is no reference '{name}'."),
    });

    private static ReferenceFlow Read(string name, GaussianFlow flow)
    {
        double[][] rows =
        [
            .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Reference", $"{name}.csv")).Skip(1)
                .Select(line => line.Split(',').Select(value => double.Parse(value, CultureInfo.InvariantCulture)).ToArray()),
        ];
        return new ReferenceFlow(flow, [.. rows.SelectMany(row => row[..2])], [.. rows.SelectMany(row => row[2..])]);
    }
}
