namespace FlowRuntime.Training.Onnx;

/// <summary>A weight as whole numbers times a scale for each output channel: w ≈ scale · q, with q from −127 to 127 and the channel's largest |w| at ±127.</summary>
/// <param name="Values">q, [channels, …], as the weight.</param>
/// <param name="Scales">The scales, [channels], above 0.</param>
internal sealed record Int8Weight(sbyte[] Values, float[] Scales)
{
    private const int Largest = 127; // not −128: the range is symmetric, so that zero is a zero

    /// <summary>Rounds a weight: by at most half its channel's scale.</summary>
    /// <param name="weight">The values, [channels, …].</param>
    /// <param name="channels">Number of channels, which divides the number of values.</param>
    public static Int8Weight Of(ReadOnlySpan<float> weight, int channels)
    {
        int size = weight.Length / channels;
        var rounded = new Int8Weight(new sbyte[weight.Length], new float[channels]);
        for (int channel = 0; channel < channels; channel++)
        {
            float largest = 0;
            foreach (float value in weight.Slice(channel * size, size))
                largest = Math.Max(largest, Math.Abs(value));
            float scale = largest / Largest;
            // A channel of zeros has any scale; one whose scale would lose its digits, below 1.2e-38, is taken for zeros.
            bool isZero = scale < 1.17549435e-38f;
            rounded.Scales[channel] = isZero ? 1 : scale;
            for (int i = channel * size; i < (channel + 1) * size; i++)
                rounded.Values[i] = isZero ? (sbyte)0 : (sbyte)Math.Round(weight[i] / (double)scale);
        }
        return rounded;
    }

    /// <summary>scale · q in float32, as the graph computes it.</summary>
    public float[] Restored()
    {
        int size = Values.Length / Scales.Length;
        return [.. Values.Select((value, i) => value * Scales[i / size])];
    }
}
