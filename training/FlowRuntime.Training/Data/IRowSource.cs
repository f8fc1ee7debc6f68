namespace FlowRuntime.Training.Data;

/// <summary>Where the rows of a data set are: in memory, or somewhere that gives them one at a time.</summary>
public interface IRowSource
{
    /// <summary>Number of rows.</summary>
    int Count { get; }

    /// <summary>Number of values of one row.</summary>
    int Dimension { get; }

    /// <summary>Reads one row. Safe under concurrent use.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="destination">Its values in the network's units, [dimension]; finite.</param>
    void Read(int row, Span<float> destination);
}
