using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FlowRuntime.Training.Couplings;

/// <summary>
/// The linear assignment problem: one column for every row, each column once, with the smallest sum of costs. Exact, up to
/// the rounding of sums in double precision.
/// </summary>
/// <remarks>
/// Source: Jonker and Volgenant 1987, "A shortest augmenting path algorithm for dense and sparse linear assignment
/// problems": column reduction, reduction transfer, augmenting row reduction, then one shortest path for each row that is
/// still free. A column j has a price v_j, and the reduced cost of (i, j) is c_ij − v_j. Time grows as n³ at worst.
/// Of several best assignments the same one is returned on every machine.
/// </remarks>
public static class Assignment
{
    /// <summary>Solves an assignment problem.</summary>
    /// <param name="costs">The costs c_ij, [n, n], row by row; finite, of any sign.</param>
    /// <param name="n">Number of rows and of columns, at least 1.</param>
    /// <returns>The column of each row, [n]: a permutation.</returns>
    /// <exception cref="ArgumentException">The costs are not n · n numbers, or one of them is not finite.</exception>
    public static int[] Solve(ReadOnlySpan<float> costs, int n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        if (costs.Length != (long)n * n)
            throw new ArgumentException($"There are {costs.Length} costs for {n} rows; give {n} x {n}.", nameof(costs));
        if (!TensorPrimitives.IsFiniteAll(costs))
        {
            int at = 0;
            while (float.IsFinite(costs[at]))
                at++;
            throw new ArgumentException($"The cost of row {at / n}, column {at % n} is {costs[at]}; costs must be finite.", nameof(costs));
        }
        return new Problem(costs, n).Solve();
    }

    /// <summary>One problem under way. Columns are padded to whole vectors with infinite costs, which nobody chooses.</summary>
    private sealed class Problem
    {
        private const int None = -1;
        private static readonly int Lanes = Vector512<float>.Count;
        private static readonly Vector512<double> Infinity = Vector512.Create(double.PositiveInfinity);

        private readonly int _n, _width;
        private readonly float[] _costs;        // [n, width]
        private readonly double[] _prices;      // v, [width]
        private readonly int[] _columnOf;       // by row
        private readonly int[] _rowOf;          // by column

        public Problem(ReadOnlySpan<float> costs, int n)
        {
            _n = n;
            _width = (n + Lanes - 1) / Lanes * Lanes;
            _costs = GC.AllocateUninitializedArray<float>(checked(n * _width));
            for (int row = 0; row < n; row++)
            {
                costs.Slice(row * n, n).CopyTo(Costs(row));
                Costs(row)[n..].Fill(float.PositiveInfinity);
            }
            _prices = new double[_width];
            _columnOf = new int[n];
            _rowOf = new int[n];
            _columnOf.AsSpan().Fill(None);
            _rowOf.AsSpan().Fill(None);
        }

        public int[] Solve()
        {
            ReduceColumns();
            int[] free = [.. Enumerable.Range(0, _n).Where(row => _columnOf[row] == None)];
            for (int pass = 0; pass < 2 && free.Length > 0; pass++)
                free = ReduceRows(free);
            Augment(free);
            return _columnOf;
        }

        private Span<float> Costs(int row) => _costs.AsSpan(row * _width, _width);

        /// <summary>
        /// Column reduction: the price of a column is its smallest cost, and it goes to that row if the row has none yet.
        /// Reduction transfer: a row that is the best of one column alone lowers its price to the row's second best.
        /// </summary>
        private void ReduceColumns()
        {
            int[] best = new int[_n];
            double[] prices = _prices;
            for (int column = 0; column < _n; column++)
                prices[column] = _costs[column];
            for (int row = 1; row < _n; row++)
            {
                ReadOnlySpan<float> costs = Costs(row)[.._n];
                for (int column = 0; column < costs.Length; column++)
                {
                    if (costs[column] < prices[column])
                        (prices[column], best[column]) = (costs[column], row);
                }
            }
            int[] wanted = new int[_n];
            for (int column = _n - 1; column >= 0; column--)
            {
                int row = best[column];
                if (wanted[row]++ == 0)
                    (_columnOf[row], _rowOf[column]) = (column, row);
            }
            for (int row = 0; row < _n; row++)
            {
                if (wanted[row] != 1)
                    continue;
                (double first, _, double second) = TwoBest(row);
                if (double.IsFinite(second))
                    prices[_columnOf[row]] -= second - first;
            }
        }

        /// <summary>
        /// Augmenting row reduction: a free row takes the column of its smallest reduced cost and lowers the price until
        /// its second best is as good; the row that had the column is free, and tries at once if the price moved.
        /// </summary>
        /// <returns>The rows that are free at the end.</returns>
        private int[] ReduceRows(int[] free)
        {
            var left = new List<int>();
            int tries = 0, limit = 8 * _n; // prices that fall in tiny steps are left to the shortest paths
            foreach (int start in free)
            {
                int row = start;
                while (row != None)
                {
                    (double first, int column, double second) = TwoBest(row);
                    bool moves = second > first;
                    if (!moves && _rowOf[column] != None)
                        column = FreeAt(row, first, column);
                    int former = _rowOf[column];
                    if (moves && double.IsFinite(second))
                        _prices[column] -= second - first;
                    (_columnOf[row], _rowOf[column]) = (column, row);
                    if (former != None)
                    {
                        _columnOf[former] = None;
                        if (!moves || ++tries > limit)
                        {
                            left.Add(former);
                            former = None;
                        }
                    }
                    row = former;
                }
            }
            return [.. left];
        }

        /// <summary>The smallest reduced cost of a row with its first column, and the second smallest.</summary>
        private (double First, int Column, double Second) TwoBest(int row)
        {
            ref float costs = ref MemoryMarshal.GetArrayDataReference(_costs);
            ref double prices = ref MemoryMarshal.GetArrayDataReference(_prices);
            nuint start = (nuint)(row * _width);
            Vector512<double> firstLow = Infinity, firstHigh = Infinity, secondLow = Infinity, secondHigh = Infinity;
            Vector512<long> atLow = Vector512<long>.Zero, atHigh = Vector512<long>.Zero, block = Vector512<long>.Zero;
            for (nuint j = 0; j < (nuint)_width; j += (nuint)Lanes)
            {
                (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.LoadUnsafe(ref costs, start + j));
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
            (double first, int column, double second) = (double.PositiveInfinity, 0, double.PositiveInfinity);
            for (int lane = 0; lane < Lanes; lane++)
            {
                bool isLow = lane < 8;
                double value = isLow ? firstLow[lane] : firstHigh[lane - 8];
                int at = (int)(isLow ? atLow[lane] : atHigh[lane - 8]) + lane;
                second = Math.Min(second, isLow ? secondLow[lane] : secondHigh[lane - 8]);
                second = Math.Min(second, Math.Max(first, value));
                if (value < first || (value == first && at < column))
                    (first, column) = (value, at);
            }
            return (first, column, second);
        }

        /// <summary>The first free column of a row at this reduced cost, or the given one if none is free.</summary>
        private int FreeAt(int row, double reducedCost, int otherwise)
        {
            ReadOnlySpan<float> costs = Costs(row);
            for (int column = otherwise + 1; column < _n; column++)
            {
                if (_rowOf[column] == None && costs[column] - _prices[column] == reducedCost)
                    return column;
            }
            return otherwise;
        }

        /// <summary>Gives every free row a column, by the shortest path of reduced costs to a free column.</summary>
        private void Augment(int[] free)
        {
            double[] distances = new double[_width], open = new double[_width];
            long[] from = new long[_width];
            int[] reached = new int[_n];
            double[] reachedAt = new double[_n];
            foreach (int start in free)
            {
                distances.AsSpan().Fill(double.PositiveInfinity);
                _prices.CopyTo(open, 0);
                int count = 0, row = start;
                double distance = 0, offset = 0;
                int column;
                while (true)
                {
                    (distance, column) = Relax(row, offset, distances, open, from);
                    row = _rowOf[column];
                    if (row == None)
                        break;
                    (reached[count], reachedAt[count]) = (column, distance);
                    count++;
                    offset = _costs[row * _width + column] - _prices[column] - distance;
                    distances[column] = double.PositiveInfinity;  // a column once reached is out of the search:
                    open[column] = double.NegativeInfinity;       // its distance stays infinite
                }
                for (int k = 0; k < count; k++)
                    _prices[reached[k]] += reachedAt[k] - distance;
                do
                {
                    row = (int)from[column];
                    _rowOf[column] = row;
                    (column, _columnOf[row]) = (_columnOf[row], column);
                }
                while (row != start);
            }
        }

        /// <summary>Shortens the distances of the open columns by way of a row.</summary>
        /// <returns>The smallest distance of an open column, and the first column that has it.</returns>
        private (double Distance, int Column) Relax(int row, double offset, double[] distances, double[] open, long[] from)
        {
            ref float costs = ref MemoryMarshal.GetArrayDataReference(_costs);
            ref double prices = ref MemoryMarshal.GetArrayDataReference(open);
            ref double known = ref MemoryMarshal.GetArrayDataReference(distances);
            ref long origin = ref MemoryMarshal.GetArrayDataReference(from);
            nuint start = (nuint)(row * _width);
            Vector512<double> bestLow = Infinity, bestHigh = Infinity, shift = Vector512.Create(offset);
            Vector512<long> atLow = Vector512<long>.Zero, atHigh = Vector512<long>.Zero, block = Vector512<long>.Zero, self = Vector512.Create((long)row);
            for (nuint j = 0; j < (nuint)_width; j += (nuint)Lanes)
            {
                (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.LoadUnsafe(ref costs, start + j));
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
                    Vector512.ConditionalSelect(shorterLow.AsInt64(), self, Vector512.LoadUnsafe(ref origin, j)).StoreUnsafe(ref origin, j);
                    Vector512.ConditionalSelect(shorterHigh.AsInt64(), self, Vector512.LoadUnsafe(ref origin, j + 8)).StoreUnsafe(ref origin, j + 8);
                }
                atLow = Vector512.ConditionalSelect(Vector512.LessThan(knownLow, bestLow).AsInt64(), block, atLow);
                atHigh = Vector512.ConditionalSelect(Vector512.LessThan(knownHigh, bestHigh).AsInt64(), block, atHigh);
                bestLow = Vector512.MinNative(bestLow, knownLow);
                bestHigh = Vector512.MinNative(bestHigh, knownHigh);
                block += Vector512.Create((long)Lanes);
            }
            (double best, int column) = (double.PositiveInfinity, int.MaxValue);
            for (int lane = 0; lane < Lanes; lane++)
            {
                double value = lane < 8 ? bestLow[lane] : bestHigh[lane - 8];
                int at = (int)(lane < 8 ? atLow[lane] : atHigh[lane - 8]) + lane;
                if (value < best || (value == best && at < column))
                    (best, column) = (value, at);
            }
            return (best, column);
        }
    }
}
