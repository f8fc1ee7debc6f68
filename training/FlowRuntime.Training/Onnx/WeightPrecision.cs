using System.Diagnostics.CodeAnalysis;

namespace FlowRuntime.Training.Onnx;

/// <summary>
/// How an exported file stores the weights of linear layers and convolutions. Everything is computed in float32, and what is small stays in it:
/// biases, normalisations, embeddings, tables, and weights of fewer than 1,024 values.
/// </summary>
/// <remarks>
/// The activations are not quantised: with ranges taken from the batch, rows would depend on one another. So a lower precision makes the file
/// smaller, not the sampling faster: ONNX Runtime turns the weights back into float32 when it opens the file.
/// </remarks>
[SuppressMessage("Naming", "CA1720", Justification = "The formats' own names.")]
public enum WeightPrecision
{
    /// <summary>As they are trained: four bytes each.</summary>
    Float32,

    /// <summary>Rounded to float16: two bytes each.</summary>
    Float16,

    /// <summary>Whole numbers from −127 to 127 times a scale for each output channel: one byte each.</summary>
    Int8,
}
