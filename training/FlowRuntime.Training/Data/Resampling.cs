namespace FlowRuntime.Training.Data;

/// <summary>
/// Resizing by the cubic of Keys with a = −½, stretched when pixels become fewer so that all of them count (no aliasing). A row that keeps its length stays as it is.
/// </summary>
/// <remarks>Source: Keys 1981, "Cubic convolution interpolation for digital image processing".</remarks>
internal sealed class Resampling
{
    private const double Support = 2;

    private readonly (int First, float[] Weights)[] _taps;

    /// <summary>Makes the weights.</summary>
    /// <param name="from">Pixels there are.</param>
    /// <param name="to">Pixels there shall be.</param>
    public Resampling(int from, int to)
    {
        double step = (double)from / to, stretch = Math.Max(step, 1);
        _taps = new (int, float[])[to];
        for (int i = 0; i < to; i++)
        {
            double centre = (i + 0.5) * step;
            int first = Math.Max(0, (int)Math.Floor(centre - Support * stretch)), end = Math.Min(from, (int)Math.Ceiling(centre + Support * stretch));
            double[] weights = [.. Enumerable.Range(first, end - first).Select(place => Kernel((place + 0.5 - centre) / stretch))];
            double sum = weights.Sum();
            _taps[i] = (first, [.. weights.Select(weight => (float)(weight / sum))]);
        }
    }

    /// <summary>Resizes vectors of a fixed length, such as the channels of pixels or whole rows of them.</summary>
    /// <param name="source">The vectors, [from, length].</param>
    /// <param name="destination">The resized ones, [to, length].</param>
    /// <param name="length">Length of a vector.</param>
    public void Apply(ReadOnlySpan<float> source, Span<float> destination, int length)
    {
        destination.Clear();
        for (int i = 0; i < _taps.Length; i++)
        {
            Span<float> sum = destination.Slice(i * length, length);
            for (int tap = 0; tap < _taps[i].Weights.Length; tap++)
            {
                float weight = _taps[i].Weights[tap];
                ReadOnlySpan<float> vector = source.Slice((_taps[i].First + tap) * length, length);
                for (int e = 0; e < length; e++)
                    sum[e] += weight * vector[e];
            }
        }
    }

    private static double Kernel(double x)
    {
        x = Math.Abs(x);
        return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    }
}
