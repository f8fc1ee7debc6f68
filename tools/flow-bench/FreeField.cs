using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Bench;

/// <summary>The engine alone: CPU time of an attempted Dopri5 step where the field costs nothing, with one thread.</summary>
internal static class FreeField
{
    private const string Section = "free field: CPU time per attempted Dopri5 step, one thread";

    public static IEnumerable<Figure> Run()
    {
        foreach ((int rows, int width, double goal, string peers) in new[]
        {
            (1, 2, 5.0, "scipy 60, torchode 744, torchdiffeq 676"),
            (4096, 2, 60.0, "scipy 138, torchode 1313, torchdiffeq 2625"),
            (16, 3072, 250.0, "scipy 1040, torchode 1777, torchdiffeq 9396"),
            (1, 16384, double.NaN, "scipy 284, torchode 624, torchdiffeq 3533"),
            (2, 196608, double.NaN, ""),
        })
        {
            int solves = Math.Max(1, (int)(2e6 / ((long)rows * width * 30 + 2000)));
            double perStep = 0;
            double Time()
            {
                long steps = 0;
                double seconds = Measure.Cpu(() =>
                {
                    for (int i = 0; i < solves; i++)
                        steps += Solve(rows, width, steps: 100);
                });
                return perStep = seconds / steps * 1e6;
            }
            double median = Measure.Median(9, Time);
            yield return new Figure(Section, $"{rows}×{width}", median, "µs", double.IsNaN(goal) ? null : goal, Remark: $"per step of all rows; peers in µs: {peers}");
        }
        yield return new Figure(Section, "bytes allocated per step, 1×2", AllocatedPerStep(1, 2), "bytes", 0);
        yield return new Figure(Section, "bytes allocated per step, 4096×2", AllocatedPerStep(4096, 2), "bytes", 0);
    }

    /// <summary>Steps of 1/<paramref name="steps"/>, each accepted with the error that keeps its size.</summary>
    /// <returns>The attempted steps of one row.</returns>
    private static long Solve(int rows, int width, int steps)
    {
        var batch = OdeSolver.Solve(new OdeProblem
        {
            Field = new Free(width, steps),
            InitialState = static (_, state) => state.Clear(),
            Count = rows,
            Slots = rows,
            Workers = 1,
            Solver = new AdaptiveSteps { AbsoluteTolerance = 1e-6, RelativeTolerance = 1e-9, FirstStep = 1.0 / steps },
        });
        return batch.Accepted[0] + batch.Rejected[0];
    }

    private static double AllocatedPerStep(int rows, int width)
    {
        Solve(rows, width, 10);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long few = Solve(rows, width, 10);
        long middle = GC.GetAllocatedBytesForCurrentThread();
        long many = Solve(rows, width, 1010);
        long after = GC.GetAllocatedBytesForCurrentThread();
        return (double)(after - middle - (middle - before)) / (many - few);
    }

    /// <summary>A field whose velocities stand in the tables already, such that Dopri5's error asks for steps of the size wanted.</summary>
    private sealed class Free(int width, int steps) : IVelocityField
    {
        public int Dimension => width;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers)
        {
            // Only stage 3 moves: error h e_3 k_3 / atol = 0.9^(1/0.3·…) is the controller's fixed point, 0.9 error^(−0.3/5) = 1.
            double error = Math.Pow(0.9, 5 / 0.3);
            float velocity = (float)(error * 1e-6 * steps / Math.Abs(ButcherTableau.Dopri5.ErrorWeights[3]));
            buffers.Velocities[3].Memory.Span.Fill(velocity);
            return new Evaluator();
        }

        private sealed class Evaluator : IVelocityEvaluator
        {
            public void Assign(int row, long sampleIndex, Condition condition)
            {
            }

            public void Move(int source, int destination)
            {
            }

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
            }

            public void Dispose()
            {
            }
        }
    }
}
