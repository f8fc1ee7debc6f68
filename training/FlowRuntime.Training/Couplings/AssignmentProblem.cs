using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FlowRuntime.Training.Couplings;

/// <summary>
/// An assignment problem under way. Column j has a price v_j, in double; the reduced cost of (i, j) is c_ij − v_j. A row
/// that has a column has it at its smallest reduced cost: with all rows so, the assignment is the best one.
/// </summary>
internal sealed class AssignmentProblem
{
    private const int None = -1;
    private const double FirstBid = 0.05, LastBid = 0.05, BidRatio = 1.0 / 6; // the fastest of those tried on points of the plane
    private const int Lanes = 16;           // floats in a vector

    private readonly CostRows _costs;
    private readonly int _n;
    private readonly double[] _prices;      // v, [width]
    private readonly int[] _columnOf;       // by row
    private readonly int[] _rowOf;          // by column

    public AssignmentProblem(CostRows costs)
    {
        (_costs, _n) = (costs, costs.Count);
        _prices = new double[costs.Width];
        _columnOf = new int[_n];
        _rowOf = new int[_n];
        Clear();
    }

    /// <summary>The column of each row, [n].</summary>
    public int[] Solve()
    {
        double spread = Start();
        for (double bid = FirstBid * spread; bid > LastBid * spread / _n; bid *= BidRatio)
            Auction(bid);
        int[] free = [.. Enumerable.Range(0, _n)];
        for (int pass = 0; pass < 2 && free.Length > 0; pass++)
            free = ReduceRows(free);
        Augment(free);
        return _columnOf;
    }

    private static Vector512<double> Infinity => Vector512.Create(double.PositiveInfinity);

    private void Clear()
    {
        _columnOf.AsSpan().Fill(None);
        _rowOf.AsSpan().Fill(None);
    }

    /// <summary>The first price of a column is its smallest cost.</summary>
    /// <returns>The largest less the smallest cost of a row, on average.</returns>
    private double Start()
    {
        float[] least = _costs.Row(0).ToArray();
        double spread = 0;
        for (int row = 0; row < _n; row++)
        {
            ReadOnlySpan<float> costs = _costs.Row(row);
            TensorPrimitives.Min(least, costs, least);
            spread += ((double)TensorPrimitives.Max(costs[.._n]) - TensorPrimitives.Min(costs)) / _n;
        }
        for (int column = 0; column < _n; column++)
            _prices[column] = least[column];
        return spread;
    }

    /// <summary>
    /// An auction for prices alone: a free row takes its best column and lowers the price to what its second best
    /// would cost, and by the bid besides, so that rows that want the same columns do not outbid one another for ever.
    /// </summary>
    private void Auction(double bid)
    {
        var free = new Queue<int>(Enumerable.Range(0, _n));
        int tries = 20 * _n; // what is not settled then is left to what follows
        while (tries-- > 0 && free.TryDequeue(out int row))
        {
            (double first, int column, double second) = TwoBest(_costs.Row(row));
            _prices[column] -= second - first + bid;
            int former = _rowOf[column];
            _rowOf[column] = row;
            if (former != None)
                free.Enqueue(former);
        }
        Clear();
    }

    /// <summary>
    /// Augmenting row reduction: a free row takes the column of its smallest reduced cost and lowers the price until
    /// its second best is as good; the row that had the column is free, and tries at once if the price moved.
    /// </summary>
    /// <returns>The rows that are free at the end.</returns>
    private int[] ReduceRows(int[] free)
    {
        var left = new List<int>();
        int tries = 2 * _n; // prices that fall in tiny steps are left to the shortest paths
        foreach (int start in free)
        {
            int row = start;
            while (row != None)
            {
                ReadOnlySpan<float> costs = _costs.Row(row);
                (double first, int column, double second) = TwoBest(costs);
                bool moves = second > first && double.IsFinite(second);
                if (moves)
                    _prices[column] -= second - first;
                else if (_rowOf[column] != None)
                    column = FreeAt(costs, first, column);
                int former = _rowOf[column];
                (_columnOf[row], _rowOf[column]) = (column, row);
                row = former;
                if (former == None)
                    continue;
                _columnOf[former] = None;
                if (moves && tries-- > 0)
                    continue;
                left.Add(former);
                row = None;
            }
        }
        return [.. left];
    }

    /// <summary>The smallest reduced cost of a row with its first column, and the second smallest.</summary>
    private (double First, int Column, double Second) TwoBest(ReadOnlySpan<float> row)
    {
        ref float costs = ref MemoryMarshal.GetReference(row);
        ref double prices = ref MemoryMarshal.GetArrayDataReference(_prices);
        Vector512<double> firstLow = Infinity, firstHigh = Infinity, secondLow = Infinity, secondHigh = Infinity;
        Vector512<long> atLow = Vector512<long>.Zero, atHigh = Vector512<long>.Zero, block = Vector512<long>.Zero;
        for (nuint j = 0; j < (nuint)row.Length; j += (nuint)Lanes)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.LoadUnsafe(ref costs, j));
            low -= Vector512.LoadUnsafe(ref prices, j);
            high -= Vector512.LoadUnsafe(ref prices, j + 8);
            secondLow = Vector512.MinNative(secondLow, Vector512.MaxNative(firstLow, low));
            secondHigh = Vector512.MinNative(secondHigh, Vector512.MaxNative(firstHigh, high));
            atLow = Vector512.ConditionalSelect(Vector512.LessThan(low, firstLow).AsInt64(), block, atLow);
            atHigh = Vector512.ConditionalSelect(Vector512.LessThan(high, firstHigh).AsInt64(), block, atHigh);
            firstLow = Vector512.MinNative(firstLow, low);
            firstHigh = Vector512.MinNative(firstHigh, high);
            block += Vector512.Create((long)Lanes);
        }
        atLow += Vector512<long>.Indices;
        atHigh += Vector512<long>.Indices + Vector512.Create(8L);
        (double first, int column) = FirstSmallest(firstLow, firstHigh, atLow, atHigh);
        Vector512<long> winner = Vector512.Create((long)column);
        firstLow = Vector512.ConditionalSelect(Vector512.Equals(atLow, winner).AsDouble(), Infinity, firstLow);
        firstHigh = Vector512.ConditionalSelect(Vector512.Equals(atHigh, winner).AsDouble(), Infinity, firstHigh);
        double second = Smallest(Vector512.MinNative(Vector512.MinNative(secondLow, secondHigh), Vector512.MinNative(firstLow, firstHigh)));
        return (first, column, second);
    }

    /// <summary>The first free column of a row at this reduced cost, or the given one if none is free.</summary>
    private int FreeAt(ReadOnlySpan<float> costs, double reducedCost, int otherwise)
    {
        for (int column = otherwise + 1; column < _rowOf.Length; column++)
        {
            if (_rowOf[column] == None && costs[column] - _prices[column] == reducedCost)
                return column;
        }
        return otherwise;
    }

    /// <summary>Gives every free row a column, by the shortest path of reduced costs to a free column.</summary>
    private void Augment(int[] free)
    {
        double[] distances = new double[_costs.Width], open = new double[_costs.Width];
        long[] origins = new long[_costs.Width];
        int[] reached = new int[_n];
        double[] reachedAt = new double[_n];
        List<int> freeColumns = [.. Enumerable.Range(0, _n).Where(column => _rowOf[column] == None)];
        foreach (int start in free)
        {
            distances.AsSpan().Fill(double.PositiveInfinity);
            _prices.CopyTo(open, 0);
            int count = 0, row = start;
            ReadOnlySpan<float> costs = _costs.Row(row);
            (double distance, int column) = Relax(costs, row, 0, distances, open, origins);
            int end;
            while ((end = freeColumns.FindIndex(candidate => distances[candidate] == distance)) < 0)
            {
                (reached[count], reachedAt[count]) = (column, distance);
                count++;
                distances[column] = double.PositiveInfinity;  // a column once reached is out of the search:
                open[column] = double.NegativeInfinity;       // its distance stays infinite
                row = _rowOf[column];
                costs = _costs.Row(row);
                (distance, column) = Relax(costs, row, costs[column] - _prices[column] - distance, distances, open, origins);
            }
            column = freeColumns[end];
            freeColumns.RemoveAt(end);
            for (int k = 0; k < count; k++)
                _prices[reached[k]] += reachedAt[k] - distance;
            do
            {
                row = (int)origins[column];
                _rowOf[column] = row;
                (column, _columnOf[row]) = (_columnOf[row], column);
            }
            while (row != start);
        }
    }

    /// <summary>Shortens the distances of the open columns by way of a row.</summary>
    /// <returns>The smallest distance of an open column, and the first column that has it.</returns>
    private static (double Distance, int Column) Relax(ReadOnlySpan<float> row, int self, double offset, double[] distances, double[] open, long[] from)
    {
        ref float costs = ref MemoryMarshal.GetReference(row);
        ref double prices = ref MemoryMarshal.GetArrayDataReference(open);
        ref double known = ref MemoryMarshal.GetArrayDataReference(distances);
        ref long origin = ref MemoryMarshal.GetArrayDataReference(from);
        Vector512<double> bestLow = Infinity, bestHigh = Infinity, shift = Vector512.Create(offset);
        Vector512<long> atLow = Vector512<long>.Zero, atHigh = Vector512<long>.Zero, block = Vector512<long>.Zero, origins = Vector512.Create((long)self);
        for (nuint j = 0; j < (nuint)row.Length; j += (nuint)Lanes)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.LoadUnsafe(ref costs, j));
            low = low - Vector512.LoadUnsafe(ref prices, j) - shift;
            high = high - Vector512.LoadUnsafe(ref prices, j + 8) - shift;
            Vector512<double> knownLow = Vector512.LoadUnsafe(ref known, j), knownHigh = Vector512.LoadUnsafe(ref known, j + 8);
            Vector512<double> shorterLow = Vector512.LessThan(low, knownLow), shorterHigh = Vector512.LessThan(high, knownHigh);
            if ((shorterLow | shorterHigh) != Vector512<double>.Zero)
            {
                knownLow = Vector512.ConditionalSelect(shorterLow, low, knownLow);
                knownHigh = Vector512.ConditionalSelect(shorterHigh, high, knownHigh);
                knownLow.StoreUnsafe(ref known, j);
                knownHigh.StoreUnsafe(ref known, j + 8);
                Vector512.ConditionalSelect(shorterLow.AsInt64(), origins, Vector512.LoadUnsafe(ref origin, j)).StoreUnsafe(ref origin, j);
                Vector512.ConditionalSelect(shorterHigh.AsInt64(), origins, Vector512.LoadUnsafe(ref origin, j + 8)).StoreUnsafe(ref origin, j + 8);
            }
            atLow = Vector512.ConditionalSelect(Vector512.LessThan(knownLow, bestLow).AsInt64(), block, atLow);
            atHigh = Vector512.ConditionalSelect(Vector512.LessThan(knownHigh, bestHigh).AsInt64(), block, atHigh);
            bestLow = Vector512.MinNative(bestLow, knownLow);
            bestHigh = Vector512.MinNative(bestHigh, knownHigh);
            block += Vector512.Create((long)Lanes);
        }
        return FirstSmallest(bestLow, bestHigh, atLow + Vector512<long>.Indices, atHigh + Vector512<long>.Indices + Vector512.Create(8L));
    }

    /// <summary>The smallest of sixteen values and, of the places that have it, the first.</summary>
    private static (double Value, int At) FirstSmallest(Vector512<double> low, Vector512<double> high, Vector512<long> atLow, Vector512<long> atHigh)
    {
        double smallest = Smallest(Vector512.MinNative(low, high));
        Vector512<double> value = Vector512.Create(smallest);
        Vector512<long> never = Vector512.Create(long.MaxValue);
        Vector512<long> at = Vector512.Min(
            Vector512.ConditionalSelect(Vector512.Equals(low, value).AsInt64(), atLow, never),
            Vector512.ConditionalSelect(Vector512.Equals(high, value).AsInt64(), atHigh, never));
        Vector256<long> half = Vector256.Min(at.GetLower(), at.GetUpper());
        Vector128<long> quarter = Vector128.Min(half.GetLower(), half.GetUpper());
        return (smallest, (int)Math.Min(quarter[0], quarter[1]));
    }

    private static double Smallest(Vector512<double> values)
    {
        Vector256<double> half = Vector256.MinNative(values.GetLower(), values.GetUpper());
        Vector128<double> quarter = Vector128.MinNative(half.GetLower(), half.GetUpper());
        return Math.Min(quarter[0], quarter[1]);
    }
}
