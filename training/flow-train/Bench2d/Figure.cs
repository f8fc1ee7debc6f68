using System.Globalization;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>One figure of a benchmark over its seeds.</summary>
/// <param name="Part">The part of the benchmark.</param>
/// <param name="Task">From what to what.</param>
/// <param name="Method">How it was trained.</param>
/// <param name="Name">What is measured.</param>
/// <param name="Values">The value of each seed.</param>
/// <param name="Floor">What true data would give, where it has a floor.</param>
/// <param name="Published">What others published under the protocol, as they printed it.</param>
internal sealed record Figure(string Part, string Task, string Method, string Name, IReadOnlyList<double> Values, double? Floor = null, string? Published = null)
{
    public double Mean => Values.Average();

    public double StandardDeviation => Values.Count < 2 ? 0 : Math.Sqrt(Values.Sum(value => (value - Mean) * (value - Mean)) / (Values.Count - 1));

    public override string ToString()
    {
        string seeds = Values.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" ± {StandardDeviation:G2}") : "";
        string line = string.Create(CultureInfo.InvariantCulture, $"{Task,-22} {Method,-24} {Name,-26} {Mean,9:G4}{seeds,-11}");
        if (Floor is { } floor)
            line += string.Create(CultureInfo.InvariantCulture, $" floor {floor:G3}");
        return Published is null ? line : $"{line}  published {Published}";
    }
}
