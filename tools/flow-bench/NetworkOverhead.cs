using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Bench;

/// <summary>What a whole adaptive solve costs over the same number of bare pre-bound network calls of the same sizes.</summary>
internal static class NetworkOverhead
{
    private const string Section = "overhead of a whole adaptive Dopri5 solve over bare pre-bound calls, one thread";

    public static IEnumerable<Figure> Run()
    {
        string folder = Directory.CreateTempSubdirectory("flow-bench").FullName;
        try
        {
            string mlp = BenchNetworks.Mlp(folder), conv = BenchNetworks.Conv(folder);
            yield return Overhead("MLP 3→64→64→64→2, 4,096 samples", mlp, 4096, [2], 1e-5, 5, "; peers: torchdiffeq 20%, torchode 16%");
            yield return Overhead("the same at a tolerance of 1e-7", mlp, 4096, [2], 1e-7, null, "");
            yield return Overhead("conv net, 16 samples of 3×32×32", conv, 16, [3, 32, 32], 1e-5, 1, "; peers: torchdiffeq 14%, torchode 5%");
            yield return Overhead("the same at a tolerance of 1e-7", conv, 16, [3, 32, 32], 1e-7, null, "");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Figure Overhead(string name, string path, int samples, int[] shape, double tolerance, double? goal, string peers)
    {
        using FlowModel model = FlowModel.Open(path, new FlowModelOptions { Provider = "cpu", Threads = 1 });
        var recorded = new Recording(model.Field);
        int width = model.Field.Dimension;
        float[] starts = new float[samples * width]; // given, as the peers' were: drawing noise is no part of a solve
        for (int i = 0; i < samples; i++)
            Noise.Fill(seed: 1, i, starts.AsSpan(i * width, width));
        OdeProblem problem = new()
        {
            Field = recorded,
            InitialState = (index, state) => starts.AsSpan((int)index * width, width).CopyTo(state),
            Count = samples,
            Slots = samples,
            Workers = 1,
            Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = tolerance, AbsoluteTolerance = tolerance },
        };
        OdeSolver.Solve(problem);
        int[] sizes = [.. recorded.Sizes.Select(count => CountedRows.PaddedTo(count, samples))];
        problem = problem with { Field = model.Field };

        using var bare = new BareCalls(path, shape, sizes);
        (double solve, double calls) = Measure.Medians(41, () => Measure.Cpu(() => OdeSolver.Solve(problem)), () => Measure.Cpu(bare.Run));
        return new Figure(Section, name, (solve / calls - 1) * 100, "%", goal,
            Remark: $"{sizes.Length} calls, {solve * 1e3:F1} ms with, {calls * 1e3:F1} ms bare{peers}");
    }

    /// <summary>Writes down the sizes of the calls.</summary>
    private sealed class Recording(IVelocityField wrapped) : IVelocityField
    {
        public List<int> Sizes { get; } = [];

        public int Dimension => wrapped.Dimension;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(Sizes, wrapped.CreateEvaluator(buffers));

        private sealed class Evaluator(List<int> sizes, IVelocityEvaluator evaluator) : IVelocityEvaluator
        {
            public void Assign(int row, long sampleIndex, Condition condition) => evaluator.Assign(row, sampleIndex, condition);

            public void Move(int source, int destination) => evaluator.Move(source, destination);

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                sizes.Add(count);
                evaluator.Evaluate(first, count, output, cancellationToken);
            }

            public void Dispose() => evaluator.Dispose();
        }
    }

    /// <summary>The network alone, bound once for each size.</summary>
    private sealed class BareCalls : IDisposable
    {
        private readonly InferenceSession _session;
        private readonly RunOptions _run = new();
        private readonly Dictionary<int, (OrtIoBinding Binding, OrtValue[] Values)> _bound = [];
        private readonly int[] _sizes;

        public BareCalls(string path, int[] shape, int[] sizes)
        {
            using var options = new SessionOptions { IntraOpNumThreads = 1 };
            _session = new InferenceSession(path, options);
            _sizes = sizes;
            int width = shape.Aggregate(1, (product, size) => product * size);
            foreach (int rows in sizes.Distinct())
            {
                OrtIoBinding binding = _session.CreateIoBinding();
                long[] stateShape = [rows, .. shape.Select(size => (long)size)];
                float[] state = GC.AllocateArray<float>(rows * width, pinned: true), velocity = GC.AllocateArray<float>(rows * width, pinned: true), time = GC.AllocateArray<float>(rows, pinned: true);
                Noise.Fill(1, 1, state);
                Array.Fill(time, 0.5f);
                OrtValue[] values =
                [
                    OrtValue.CreateTensorValueFromMemory(time, [rows]), OrtValue.CreateTensorValueFromMemory(state, stateShape), OrtValue.CreateTensorValueFromMemory(velocity, stateShape),
                ];
                binding.BindInput("t", values[0]);
                binding.BindInput("x", values[1]);
                binding.BindOutput(_session.OutputNames[0], values[2]);
                _bound[rows] = (binding, values);
            }
        }

        public void Run()
        {
            foreach (int size in _sizes)
                _session.RunWithBinding(_run, _bound[size].Binding);
        }

        public void Dispose()
        {
            foreach ((OrtIoBinding binding, OrtValue[] values) in _bound.Values)
            {
                binding.Dispose();
                Array.ForEach(values, value => value.Dispose());
            }
            _run.Dispose();
            _session.Dispose();
        }
    }
}
