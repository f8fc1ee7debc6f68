namespace FlowRuntime.Training.Couplings;

/// <summary>
/// Chooses which source row x0 goes with which data row x1 in a batch. It gives indices alone, so that rows keep whatever
/// shape they have.
/// </summary>
/// <remarks>Source: Tong et al. 2024, "Improving and generalizing flow-based generative models with minibatch optimal transport".</remarks>
public abstract class Coupling
{
    /// <summary>Pairs a batch.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="seed">Seed of all draws.</param>
    /// <param name="draw">Number of the batch, from 0; the pairing is a function of (batch, seed, draw).</param>
    /// <returns>For each data row the index of its source row, [n].</returns>
    /// <exception cref="ArgumentException">A value is not finite, where distances are needed.</exception>
    public abstract int[] Pair(CouplingBatch batch, ulong seed, long draw);
}

/// <summary>Each data row with the source row of the same index: independent, where the sources are drawn independently.</summary>
public sealed class IndependentCoupling : Coupling
{
    /// <inheritdoc/>
    public override int[] Pair(CouplingBatch batch, ulong seed, long draw) => [.. Enumerable.Range(0, batch.Count)];
}

/// <summary>
/// The exact optimal transport within the batch: the permutation with the smallest sum of squared distances. Labels and
/// conditions are not looked at; a conditional model trained so sees, at each condition, only a part of the source
/// (<see cref="ConditionalOptimalTransportCoupling"/> mends that).
/// </summary>
public sealed class OptimalTransportCoupling : Coupling
{
    /// <inheritdoc/>
    public override int[] Pair(CouplingBatch batch, ulong seed, long draw) =>
        Assignment.Solve(SquaredDistances.Between(batch.Data, batch.Source, batch.Dimension), batch.Count);
}
