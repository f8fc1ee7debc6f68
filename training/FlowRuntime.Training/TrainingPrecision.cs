using System.Diagnostics.CodeAnalysis;

namespace FlowRuntime.Training;

/// <summary>The numbers a training computes in. Parameters, averages and what is exported are float32 with either.</summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The names that numbers of such precision have in the field.")]
public enum TrainingPrecision
{
    /// <summary>float32 throughout.</summary>
    Float32,

    /// <summary>Images and tokens, and the weights they meet, rounded to bfloat16 while gradients are computed; of use where the processor multiplies such numbers (AVX512-BF16, AMX).</summary>
    Bfloat16,
}
