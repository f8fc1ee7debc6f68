namespace FlowRuntime.Bench;

/// <summary>Evaluations against error: the points of one method at several tolerances or step counts.</summary>
/// <param name="Name">The method.</param>
/// <param name="Points">Mean evaluations per sample, and the error they bought.</param>
internal sealed record WorkPrecision(string Name, IReadOnlyList<(double Evaluations, double Error)> Points)
{
    /// <summary>
    /// Evaluations to reach an error: between neighbouring points interpolated in the logarithms of both; null where no point gets there.
    /// A curve whose first point is better already needs what that point needs.
    /// </summary>
    public double? EvaluationsFor(double error)
    {
        double? best = null;
        for (int i = 0; i < Points.Count; i++)
        {
            (double evaluations, double reached) = Points[i];
            if (reached > error)
                continue;
            double needed = evaluations;
            if (i > 0 && Points[i - 1].Error > error)
            {
                double share = Math.Log(Points[i - 1].Error / error) / Math.Log(Points[i - 1].Error / reached);
                needed = Math.Exp(Math.Log(Points[i - 1].Evaluations) + share * Math.Log(evaluations / Points[i - 1].Evaluations));
            }
            best = Math.Min(best ?? double.PositiveInfinity, needed);
        }
        return best;
    }
}
