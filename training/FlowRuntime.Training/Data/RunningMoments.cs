namespace FlowRuntime.Training.Data;

/// <summary>
/// Mean and standard deviation of rows from one pass, in double precision: of each column, or of all values together. The result depends on
/// the rows and their order alone.
/// </summary>
/// <remarks>
/// Source: Welford 1962 for columns; Chan, Golub and LeVeque 1979 for all values together, where the sums of each row are found by two passes over it
/// and joined with those of the rows before. Neither loses digits where the mean is large beside the deviation.
/// </remarks>
/// <param name="values">Number of values of a row.</param>
/// <param name="byColumn">Whether each column has its own mean and scale.</param>
internal sealed class RunningMoments(int values, bool byColumn)
{
    private readonly double[] _mean = new double[byColumn ? values : 1], _squares = new double[byColumn ? values : 1];
    private readonly double[] _lowest = Filled(byColumn ? values : 1, double.PositiveInfinity), _highest = Filled(byColumn ? values : 1, double.NegativeInfinity);
    private long _rows;

    public void Add(ReadOnlySpan<double> row)
    {
        _rows++;
        if (byColumn)
            AddColumns(row);
        else
            AddTogether(row);
    }

    /// <summary>Mean, scale and bounds of each column, or of all values together; values that are all equal have the scale 1, and their mean exactly.</summary>
    public (double Mean, double Scale, double Lowest, double Highest)[] Finish()
    {
        double count = _rows * (double)values / _mean.Length;
        return [.. _mean.Select((mean, i) => Math.Sqrt(_squares[i] / count) is var scale && (scale == 0 || _lowest[i] == _highest[i])
            ? (_lowest[i], 1, _lowest[i], _highest[i]) : (mean, scale, _lowest[i], _highest[i]))];
    }

    private void AddColumns(ReadOnlySpan<double> row)
    {
        for (int i = 0; i < row.Length; i++)
        {
            double before = row[i] - _mean[i];
            _mean[i] += before / _rows;
            _squares[i] += before * (row[i] - _mean[i]);
            (_lowest[i], _highest[i]) = (Math.Min(_lowest[i], row[i]), Math.Max(_highest[i], row[i]));
        }
    }

    private void AddTogether(ReadOnlySpan<double> row)
    {
        double sum = 0, squares = 0;
        foreach (double value in row)
            sum += value;
        double mean = sum / row.Length;
        foreach (double value in row)
        {
            squares += (value - mean) * (value - mean);
            (_lowest[0], _highest[0]) = (Math.Min(_lowest[0], value), Math.Max(_highest[0], value));
        }
        double difference = mean - _mean[0];
        _mean[0] += difference / _rows;
        _squares[0] += squares + difference * difference * row.Length * (_rows - 1) / _rows;
    }

    private static double[] Filled(int length, double value)
    {
        double[] filled = new double[length];
        Array.Fill(filled, value);
        return filled;
    }
}
