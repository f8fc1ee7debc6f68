using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Guidance is v = u + w (c − u), with u the velocity under no condition and c the one under the condition.</summary>
public class GuidedFieldTests
{
    private static readonly double[] Times = [0, 0.3, 0.9];
    private static readonly Condition[] Labels = [new() { Label = 3 }, new() { Label = 0 }, new() { Label = 9 }];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1.5)]
    [InlineData(-2)]
    [InlineData(7)]
    public void The_guided_velocity_of_a_shipped_model_is_u_plus_w_times_c_minus_u(double scale)
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        float[] states = Noise3();
        float[] conditional = Rows.Velocities(model.Field, Times, states, Labels);
        float[] unconditional = Rows.Velocities(model.Field, Times, states);
        float[] guided = Rows.Velocities(new GuidedField(model.Field, scale), Times, states, Labels);

        Assert.True(conditional.Zip(unconditional, (c, u) => Math.Abs(c - u)).Max() > 0.1); // the label says something
        for (int i = 0; i < guided.Length; i++)
        {
            double u = unconditional[i], c = conditional[i];
            Assert.Equal(u + scale * (c - u), guided[i], 2e-5);
        }
    }

    [Fact]
    public void Guidance_towards_nothing_is_the_unconditional_field()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        float[] states = Noise3();
        Assert.Equal(Rows.Velocities(model.Field, Times, states), Rows.Velocities(new GuidedField(model.Field, 5), Times, states));
    }

    [Fact]
    public void Both_halves_follow_a_sample_that_moves_to_another_row()
    {
        // c = 2, 4, 6 … by label and u = 1, so v = 1 + 3 (c − 1); the samples end in another order than they start.
        var field = new GuidedField(new ConditionField(), guidance: 3);
        OdeProblem problem = Solve.Problem(field, new AdaptiveSteps { RelativeTolerance = 1e-3, AbsoluteTolerance = 1e-3 }, count: 40, slots: 7) with
        {
            InitialState = (_, x) => x[0] = 0,
            ConditionOf = index => index % 5 == 4 ? Condition.None : new Condition { Label = (int)(index % 5) },
        };
        SampleBatch batch = OdeSolver.Solve(problem).EnsureSuccess();
        Assert.True(batch.Accepted.Distinct().Count() > 1);
        for (int i = 0; i < 40; i++)
            Assert.Equal(i % 5 == 4 ? 1 : 1 + 3 * (2 * (i % 5 + 1) - 1), batch[i][0], 1e-2);
    }

    [Fact]
    public void Guidance_of_a_field_that_knows_no_conditions_is_the_field_itself()
    {
        // Both halves must know which sample their rows hold: the field is another one for each index.
        var solver = new AdaptiveSteps();
        SampleBatch plain = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), solver, count: 50, slots: 7));
        SampleBatch guided = OdeSolver.Solve(Solve.Problem(new GuidedField(FormulaField.Swirl(3), guidance: 4), solver, count: 50, slots: 7));
        Assert.True(Solve.SameBits(plain.Values, guided.Values));
    }

    /// <summary>∇·(u + w (c − u)) = ∇·u + w (∇·c − ∇·u); both halves have the row's probe.</summary>
    [Fact]
    public void The_divergence_is_guided_as_the_velocity_is()
    {
        var field = new GuidedField(new ProbedField(), guidance: 3);
        var buffers = new EvaluationBuffers(2, 2, outputs: 2, withDivergence: true);
        using IVelocityEvaluator evaluator = field.CreateEvaluator(buffers);
        evaluator.Assign(0, 0, Labels[0]);
        evaluator.Assign(1, 1, Labels[2]);
        new float[] { 1, 1, 1, -1 }.CopyTo(buffers.Probes!.Memory);
        evaluator.Evaluate(0, 2, output: 1);
        // v = (label + 1) (x₂, x₁) and 0 without a label: eᵀJe = 2 (label + 1) e₁e₂
        Assert.Equal(3 * 2 * 4, buffers.Divergences![1][0][0]);
        Assert.Equal(-3 * 2 * 10, buffers.Divergences[1][1][0]);
    }

    /// <summary>Outside the interval the velocity is c, at one row an evaluation; in calls that hold both each row has its own.</summary>
    [Fact]
    public void Guidance_may_be_limited_to_an_interval_of_times()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        float[] states = Noise3();
        var field = new GuidedField(model.Field, new Guidance(3) { Interval = (0.2, 0.5) });
        float[] plain = Rows.Velocities(model.Field, Times, states, Labels), guided = Rows.Velocities(new GuidedField(model.Field, 3), Times, states, Labels);
        float[] limited = Rows.Velocities(field, Times, states, Labels);
        Assert.Equal(plain[..64], limited[..64]);
        Assert.Equal(guided[64..128], limited[64..128]);
        Assert.Equal(plain[128..], limited[128..]);
        double[] outside = [0, 0.1, 0.9];
        Assert.Equal(Rows.Velocities(model.Field, outside, states, Labels), Rows.Velocities(field, outside, states, Labels));
        SamplingOptions options = new() { Labels = [3, 8], Guidance = new Guidance(3) { Interval = (0.2, 0.5) }, Seed = 2, Workers = 1 };
        Assert.Equal(model.Sample(30, options with { Slots = 4 }).Values, model.Sample(30, options).Values);
    }

    /// <summary>P (φ s(c)/s(P) + 1 − φ) with the standard deviations over each row's values.</summary>
    [Theory, InlineData(0.7), InlineData(1)]
    public void Rescaled_guidance_has_the_deviation_of_the_conditional_half(double share)
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        float[] states = Noise3();
        float[] plain = Rows.Velocities(model.Field, Times, states, Labels), guided = Rows.Velocities(new GuidedField(model.Field, 5), Times, states, Labels);
        float[] rescaled = Rows.Velocities(new GuidedField(model.Field, new Guidance(5) { Rescale = share }), Times, states, Labels);
        for (int row = 0; row < 3; row++)
        {
            double factor = share * Deviation(plain[(64 * row)..(64 * row + 64)]) / Deviation(guided[(64 * row)..(64 * row + 64)]) + 1 - share;
            Assert.True(factor < 0.99);
            for (int i = 64 * row; i < 64 * row + 64; i++)
                Assert.Equal(guided[i] * factor, rescaled[i], 1e-5);
        }

        static double Deviation(float[] values) => Math.Sqrt(values.Average(v => (double)v * v) - Math.Pow(values.Average(v => (double)v), 2));
    }

    [Fact]
    public void Guidance_may_lead_away_from_another_condition_than_none()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        float[] states = Noise3();
        Condition seven = new() { Label = 7 };
        float[] plain = Rows.Velocities(model.Field, Times, states, Labels), away = Rows.Velocities(model.Field, Times, states, [seven, seven, seven]);
        float[] guided = Rows.Velocities(new GuidedField(model.Field, new Guidance(2) { Negative = seven }), Times, states, Labels);
        for (int i = 0; i < guided.Length; i++)
            Assert.Equal(2.0 * plain[i] - away[i], guided[i], 2e-5);
        Assert.NotEqual(
            model.Sample(2, new SamplingOptions { Labels = [3], Guidance = 2 }).Values,
            model.Sample(2, new SamplingOptions { Labels = [3], Guidance = new Guidance(2) { Negative = seven } }).Values);
        Assert.Contains("label 12", Assert.Throws<ArgumentException>(
            () => model.Sample(2, new SamplingOptions { Labels = [3], Guidance = new Guidance(2) { Negative = new() { Label = 12 } } })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_that_are_no_guidance_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Guidance(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Guidance(2) { Interval = (0.5, 0.2) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new Guidance(2) { Interval = (double.NaN, 0.2) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new Guidance(2) { Rescale = 1.1 });
        var buffers = new EvaluationBuffers(2, 2, outputs: 1, withDivergence: true);
        Assert.Throws<NotSupportedException>(() => new GuidedField(new ProbedField(), new Guidance(2) { Rescale = 0.5 }).CreateEvaluator(buffers));
    }

    private static float[] Noise3()
    {
        float[] states = new float[3 * 64];
        Noise.Fill(seed: 3, index: 0, states);
        return states;
    }

    /// <summary>v = (label + 1) (x₂, x₁), and 0 under no condition, with its divergence by the probe.</summary>
    private sealed class ProbedField : IVelocityField
    {
        public int Dimension => 2;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(buffers);

        private sealed class Evaluator(EvaluationBuffers buffers) : IVelocityEvaluator
        {
            private readonly int?[] _labels = new int?[buffers.Capacity];

            public void Assign(int row, long sampleIndex, Condition condition) => _labels[row] = condition.Label;

            public void Move(int source, int destination) => _labels[destination] = _labels[source];

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                for (int row = first; row < first + count; row++)
                {
                    float factor = _labels[row] + 1 ?? 0;
                    Span<float> x = buffers.States[row], v = buffers.Velocities[output][row], e = buffers.Probes![row];
                    (v[0], v[1]) = (factor * x[1], factor * x[0]);
                    buffers.Divergences![output][row][0] = factor * 2 * e[0] * e[1];
                }
            }

            public void Dispose()
            {
            }
        }
    }

    /// <summary>v = 2 (label + 1), and 1 under no condition, and a ripple that integrates to 0 and costs other labels other steps.</summary>
    private sealed class ConditionField : IVelocityField
    {
        public int Dimension => 1;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(buffers);

        private sealed class Evaluator(EvaluationBuffers buffers) : IVelocityEvaluator
        {
            private readonly int?[] _labels = new int?[buffers.Capacity];

            public void Assign(int row, long sampleIndex, Condition condition) => _labels[row] = condition.Label;

            public void Move(int source, int destination) => _labels[destination] = _labels[source];

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                for (int row = first; row < first + count; row++)
                {
                    double ripple = 1e-2 * (_labels[row] ?? 0) * Math.Cos(20 * Math.PI * buffers.Times[row]);
                    buffers.Velocities[output][row][0] = (float)((_labels[row] is { } label ? 2 * (label + 1) : 1) + ripple);
                }
            }

            public void Dispose()
            {
            }
        }
    }
}
