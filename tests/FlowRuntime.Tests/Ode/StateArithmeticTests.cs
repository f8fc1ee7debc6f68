using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Sampling;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Tests;

/// <summary>Both arithmetics on states do the same to the elements: spans on the host, and ONNX graphs on tables in a device's memory.</summary>
public sealed class StateArithmeticTests : IDisposable
{
    private const int Rows = 9;

    private readonly InferenceSession _session = new(Repository.Model("moons.onnx"));
    private readonly DeviceMemory _memory;
    private readonly DeviceGraphs _graphs = new(new FlowModelOptions(), ExecutionProvider.Cpu);

    public StateArithmeticTests() => _memory = DeviceMemory.Of(_session, ExecutionProvider.Cpu, 0);

    public void Dispose()
    {
        _graphs.Dispose();
        _memory.Dispose();
        _session.Dispose();
    }

    [Theory, InlineData(1), InlineData(2), InlineData(7), InlineData(64), InlineData(200)]
    public void Every_operation_gives_the_same(int width) => Assert.All(Operations(width), operation =>
    {
        using var host = new HostStates();
        using var device = new DeviceStates(_graphs, _memory, Rows, width, static () => { });
        float[] expected = operation.Run(host), actual = operation.Run(device);
        Assert.Contains(expected, value => value != 0);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-6 * Math.Max(1, Math.Abs(expected[i])));
    });

    [Fact]
    public void A_step_that_is_not_finite_is_known_by_both()
    {
        Assert.All(new Func<IStateArithmetic>[] { () => new HostStates(), () => new DeviceStates(_graphs, _memory, Rows, 3, static () => { }) }, make =>
        {
            using IStateArithmetic arithmetic = make();
            RowBuffer[] tables = Tables(arithmetic, 3);
            arithmetic.Begin(tables[1], 4, 0, static (_, state) => state.Fill(float.PositiveInfinity));
            var squares = new double[Rows + 8];
            arithmetic.SquaredScaledError(tables[4], tables[0], tables[1], Steps(3), tables.AsSpan(2, 2), [0.5, -0.5], 1e-3, 1e-3, Rows, squares);
            for (int row = 0; row < Rows; row++)
                Assert.Equal(row != 4, double.IsFinite(squares[row]));
        });
    }

    private static IEnumerable<(string Name, Func<IStateArithmetic, float[]> Run)> Operations(int width)
    {
        yield return ("combine", arithmetic =>
        {
            RowBuffer[] tables = Tables(arithmetic, width);
            arithmetic.Combine(tables[4], tables[0], Steps(width), tables.AsSpan(1, 3), [0.5, 0, -1.25], 0, Rows);
            return All(arithmetic, tables[4], width);
        }
        );
        yield return ("combine a part", arithmetic =>
        {
            RowBuffer[] tables = Tables(arithmetic, width);
            arithmetic.Combine(tables[4], tables[0], Steps(width), tables.AsSpan(1, 3), [0.5, 2, -1.25], 3, 4);
            return All(arithmetic, tables[4], width)[(3 * width)..(7 * width)];
        }
        );
        yield return ("error", arithmetic =>
        {
            RowBuffer[] tables = Tables(arithmetic, width);
            var squares = new double[Rows + 8];
            arithmetic.SquaredScaledError(tables[4], tables[0], tables[1], Steps(width), tables.AsSpan(2, 2), [0.05, -0.02], 1e-1, 2e-1, Rows, squares);
            return [.. squares.Take(Rows).Select(square => (float)square)];
        }
        );
        yield return ("norms", arithmetic =>
        {
            RowBuffer[] tables = Tables(arithmetic, width);
            double[] plain = new double[Rows + 8], minus = new double[Rows + 8];
            arithmetic.SquaredScaledNorms(tables[4], tables[1], null, tables[0], 0.5, 0.2, 2, 5, plain);
            arithmetic.SquaredScaledNorms(tables[4], tables[1], tables[2], tables[0], 0.5, 0.2, 2, 5, minus);
            return [.. plain.Take(5).Concat(minus.Take(5)).Select(square => (float)square)];
        }
        );
        yield return ("copies and moves", arithmetic =>
        {
            RowBuffer[] tables = Tables(arithmetic, width);
            arithmetic.CopyAllBut(tables[1], tables[0], [2, 5], Rows);
            arithmetic.CopySome(tables[2], tables[3], [0, 7], Rows);
            arithmetic.Copy(tables[2], tables[4], 0, Rows);
            arithmetic.Copy(tables[3], tables[4], 3, 2);
            arithmetic.Move(tables[4], 8, 1);
            arithmetic.CopyAllBut(tables[4], tables[2], [], Rows);
            return [.. All(arithmetic, tables[0], width), .. All(arithmetic, tables[3], width), .. All(arithmetic, tables[4], width), .. All(arithmetic, tables[2], width)];
        }
        );
        yield return ("copies into tables of the evaluator", arithmetic =>
        {
            EvaluationBuffers buffers = arithmetic.Buffers(Rows, width, outputs: 1);
            RowBuffer[] tables = Tables(arithmetic, width);
            arithmetic.Copy(tables[0], buffers.Velocities[0], 0, Rows);
            arithmetic.CopySome(tables[1], buffers.Velocities[0], [1, 3, 8], Rows);
            return All(arithmetic, buffers.Velocities[0], width);
        }
        );
    }

    /// <summary>Five tables of noise.</summary>
    private static RowBuffer[] Tables(IStateArithmetic arithmetic, int width)
    {
        RowBuffer[] tables = [.. Enumerable.Range(0, 5).Select(_ => arithmetic.Table(Rows, width))];
        for (int table = 0; table < tables.Length; table++)
        {
            for (int row = 0; row < Rows; row++)
            {
                int which = table;
                arithmetic.Begin(tables[table], row, row, (index, state) => Noise.Fill((ulong)which, index, state));
            }
        }
        return tables;
    }

    private static RowSteps Steps(int width)
    {
        var steps = new RowSteps(Rows, width);
        steps.Set(0, [.. Enumerable.Range(1, Rows).Select(i => 0.1 * i)], 1);
        return steps;
    }

    private static float[] All(IStateArithmetic arithmetic, RowBuffer table, int width) =>
        [.. Enumerable.Range(0, Rows).SelectMany(row => arithmetic.Read(table, row)[..width].ToArray())];
}
