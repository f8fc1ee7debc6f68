using System.Numerics.Tensors;

namespace FlowRuntime.Sampling;

/// <summary>The great circle through two vectors, on which what lies between two noises is as likely as they are.</summary>
internal static class GreatCircle
{
    /// <summary>Below this sine of the angle the straight line is as good, and the formula divides by nothing.</summary>
    private const double SmallSine = 1e-4;

    /// <summary>The point sin((1 − u)θ)/sin θ a + sin(uθ)/sin θ b, with θ the angle between a and b.</summary>
    /// <param name="a">Where u is 0.</param>
    /// <param name="b">Where u is 1.</param>
    /// <param name="u">Place between them, in [0, 1].</param>
    /// <param name="point">Receives the point.</param>
    public static void Point(ReadOnlySpan<float> a, ReadOnlySpan<float> b, double u, Span<float> point)
    {
        double cosine = TensorPrimitives.Dot(a, b) / ((double)TensorPrimitives.Norm(a) * TensorPrimitives.Norm(b));
        double angle = Math.Acos(Math.Clamp(cosine, -1, 1)), sine = Math.Sin(angle);
        (double ofA, double ofB) = sine > SmallSine ? (Math.Sin((1 - u) * angle) / sine, Math.Sin(u * angle) / sine) : (1 - u, u);
        TensorPrimitives.Multiply(a, (float)ofA, point);
        TensorPrimitives.MultiplyAdd(b, (float)ofB, point, point);
    }
}
