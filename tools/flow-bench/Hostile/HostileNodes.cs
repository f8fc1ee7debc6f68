namespace FlowRuntime.Bench.Hostile;

/// <summary>Mutations that add a node with hostile sizes, indices or attributes, on which the prediction then depends.</summary>
internal static class HostileNodes
{
    /// <summary>Operators of the ONNX standard and those that ONNX Runtime adds.</summary>
    public static IReadOnlyList<string> Operators { get; } =
    [
        "Abs", "Acos", "Add", "AffineGrid", "And", "ArgMax", "ArgMin", "Attention", "AveragePool", "BatchNormalization", "Bernoulli", "BitShift", "BitwiseAnd", "BitwiseNot", "BlackmanWindow", "Cast", "CastLike", "Ceil",
        "Celu", "CenterCropPad", "Clip", "Col2Im", "Compress", "Concat", "ConcatFromSequence", "Constant", "ConstantOfShape", "Conv", "ConvInteger", "ConvTranspose", "CumSum", "DFT", "DeformConv", "DepthToSpace",
        "DequantizeLinear", "Det", "Div", "Dropout", "DynamicQuantizeLinear", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "GRU", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm",
        "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GridSample", "GroupNormalization", "HammingWindow", "HannWindow", "HardSigmoid", "Hardmax", "Identity", "If", "ImageDecoder",
        "InstanceNormalization", "IsInf", "LRN", "LSTM", "LayerNormalization", "LeakyRelu", "Less", "Log", "LogSoftmax", "Loop", "LpNormalization", "LpPool", "MatMul", "MatMulInteger", "Max", "MaxPool", "MaxRoiPool",
        "MaxUnpool", "Mean", "MeanVarianceNormalization", "MelWeightMatrix", "Min", "Mod", "Mul", "Multinomial", "Neg", "NonMaxSuppression", "NonZero", "Not", "OneHot", "Optional", "OptionalGetElement",
        "OptionalHasElement", "Or", "PRelu", "Pad", "Pow", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "RMSNormalization", "RNN", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Range",
        "Reciprocal", "ReduceL1", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceProd", "ReduceSum", "RegexFullMatch", "Relu", "Reshape", "Resize", "ReverseSequence", "RoiAlign", "RotaryEmbedding", "Round",
        "STFT", "Scan", "Scatter", "ScatterElements", "ScatterND", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap", "Shape", "Shrink",
        "Sigmoid", "Sign", "Size", "Slice", "Softmax", "SoftmaxCrossEntropyLoss", "SpaceToDepth", "Split", "SplitToSequence", "Sqrt", "Squeeze", "StringConcat", "StringNormalizer", "StringSplit", "Sub", "Sum",
        "TensorScatter", "TfIdfVectorizer", "Tile", "TopK", "Transpose", "Trilu", "Unique", "Unsqueeze", "Upsample", "Where", "Xor",
    ];

    private static readonly string[] Contributed =
    [
        "Attention", "BeamSearch", "BiasAdd", "BiasDropout", "BiasGelu", "BiasSoftmax", "BiasSplitGelu", "BifurcationDetector", "BitmaskBiasDropout", "CDist", "ComplexMul", "ConvTransposeWithDynamicPads", "CropAndResize",
        "DecoderAttention", "DecoderMaskedMultiHeadAttention", "DecoderMaskedSelfAttention", "DequantizeBFP", "DequantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "DynamicTimeWarping", "EPContext",
        "EmbedLayerNormalization", "ExpandDims", "FastGelu", "FusedConv", "FusedGemm", "FusedMatMul", "FusedMatMulActivation", "GatedRelativePositionBias", "GatherBlockQuantized", "GatherND", "Gelu", "GemmFloat8",
        "GreedySearch", "GridSample", "GroupNorm", "GroupQueryAttention", "Inverse", "Irfft", "LongformerAttention", "MatMulBnb4", "MatMulFpQ4", "MatMulInteger16", "MatMulIntegerToFloat", "MatMulNBits", "MaxpoolWithMask",
        "MoE", "MulInteger", "MultiHeadAttention", "MurmurHash3", "NGramRepeatBlock", "NhwcConv", "NhwcFusedConv", "NhwcMaxPool", "PackedAttention", "Pad", "QAttention", "QEmbedLayerNormalization", "QGemm", "QLinearAdd",
        "QLinearAveragePool", "QLinearConcat", "QLinearConv", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearMul", "QLinearReduceMean", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere", "QMoE",
        "QOrderedMatMul", "QuantizeBFP", "QuantizeLinear", "QuantizeWithOrder", "QuickGelu", "Range", "ReduceSumInteger", "RelativePositionBias", "RemovePadding", "RestorePadding", "Rfft", "RotaryEmbedding", "SampleOp",
        "Sampling", "SkipGroupNorm", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "SparseAttention", "SparseToDenseMatMul", "Tokenizer", "TorchEmbedding", "TransposeMatMul", "Trilu", "UnfoldTensor",
        "Unique", "WhisperBeamSearch", "WordConvEmbedding",
    ];

    private static readonly string[] Classical =
    [
        "ArrayFeatureExtractor", "Binarizer", "CastMap", "CategoryMapper", "DictVectorizer", "FeatureVectorizer", "Imputer", "LabelEncoder", "LinearClassifier", "LinearRegressor", "Normalizer", "OneHotEncoder",
        "SVMClassifier", "SVMRegressor", "Scaler", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap",
    ];

    /// <summary>Names of attributes that operators take.</summary>
    public static IReadOnlyList<string> AttributeNames { get; } =
    [
        "axis", "axes", "keepdims", "perm", "kernel_shape", "strides", "pads", "dilations", "group", "to", "num_groups", "epsilon", "auto_pad", "ceil_mode", "count_include_pad", "output_shape", "output_padding", "mode",
        "batch_dims", "blocksize", "block_size", "largest", "sorted", "hidden_size", "direction", "layout", "num_outputs", "k", "K", "N", "bits", "num_heads", "kv_num_heads", "q_num_heads", "transA", "transB", "size", "p",
        "equation", "sample_size", "shape", "dtype", "detect_positive", "exclusive", "reverse", "select_last_index", "storage_order", "upper", "sampled_ratio", "sampling_ratio", "output_height", "output_width", "spatial_scale",
        "noop_with_empty_axes", "allowzero", "saturate", "fmod", "onesided", "inverse", "unidirectional", "num_scan_inputs", "body", "then_branch", "value", "value_ints", "value_int", "sparse_value", "scale", "bias",
        "max_gram_length", "min_gram_length", "max_skip_count", "ngram_counts", "ngram_indexes", "pool_int64s", "classlabels_int64s", "classlabels_ints", "coefficients", "intercepts", "kernel_params", "kernel_type",
        "support_vectors", "rho", "vectors_per_class", "targets", "post_transform", "offset", "cats_int64s", "keys_int64s", "values_int64s", "inputdimensions", "rotary_embedding_dim", "max_length", "window_size", "signal_ndim",
        "normalized", "num_embeddings", "elem_size", "accuracy_level", "max_distance", "ngram_size", "local_window_size", "swiglu_limit", "k_scale", "top_k", "expert_weight_bits", "embedding_size", "conv_window_size",
    ];

    public static IReadOnlyList<Mutation> All { get; } =
    [
        // a large share: any operator on any inputs
        .. Enumerable.Repeat(0, 6).Select(_ => new Mutation("any operator", model => Any(model, "", Operators))),
        .. Enumerable.Repeat(0, 3).Select(_ => new Mutation("any operator of com.microsoft", model => Any(model, "com.microsoft", Contributed))),
        new("any operator of ai.onnx.ml", model => Any(model, "ai.onnx.ml", Classical)),
        Sized("ConstantOfShape", (model, known) => model.Add("ConstantOfShape", [model.Integers(known, Sizes(model))])),
        Sized("Expand", (model, known) => model.Add("Expand", [Value(model, known, 1), model.Integers(known, Sizes(model))])),
        Sized("Tile", (model, known) => model.Add("Tile", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize(), model.HostileSize())])),
        Sized("Range", (model, known) => model.Add("Cast", [model.Add("Range", [model.Scalar(known, model.HostileSize()), model.Scalar(known, model.HostileSize()), model.Scalar(known, model.HostileSize())])], To())),
        Sized("Pad", (model, known) => model.Add("Pad", [Value(model, known, 2, 2), model.Integers(known, [.. Enumerable.Range(0, 4).Select(_ => model.HostileSize())])], [MutableModel.Word("mode", model.Pick("constant", "reflect", "edge", "wrap"))])),
        Sized("Reshape", (model, known) => model.Add("Reshape", [Value(model, known, 2, 2), model.Integers(known, Sizes(model))], [MutableModel.Integer("allowzero", model.Random.Next(2))])),
        Sized("Resize", (model, known) => model.Chance(0.5)
            ? model.Add("Resize", [Value(model, known, 1, 1, 2, 2), "", "", model.Integers(known, 1, 1, model.HostileSize(), model.HostileSize())], [MutableModel.Word("mode", model.Pick("nearest", "linear", "cubic"))])
            : model.Add("Resize", [Value(model, known, 1, 1, 2, 2), "", model.Reals(known, [4], 1, 1, HostileReal(model), HostileReal(model))], [MutableModel.Word("mode", model.Pick("nearest", "linear", "cubic"))])),
        Sized("OneHot", (model, known) => model.Add("OneHot", [model.Integers(known, model.HostileSize(), 1), model.Scalar(known, model.HostileSize()), model.Reals(known, [2], 0, 1)], [MutableModel.Integer("axis", model.Pick(-1, 0, model.HostileSize()))])),
        Sized("Gather", (model, known) => model.Add("Gather", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize(), model.HostileSize())], [MutableModel.Integer("axis", model.Pick(0, 1, model.HostileSize()))])),
        Sized("GatherElements", (model, known) => model.Add("GatherElements", [Value(model, known, 2), model.Integers(known, model.HostileSize(), model.HostileSize())], [MutableModel.Integer("axis", model.Pick(0, model.HostileSize()))])),
        Sized("GatherND", (model, known) => model.Add("GatherND", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize(), model.HostileSize())], [MutableModel.Integer("batch_dims", model.Pick(0, model.HostileSize()))])),
        Sized("ScatterElements", (model, known) => model.Add("ScatterElements", [Value(model, known, 2), model.Integers(known, model.HostileSize()), Value(model, known, 1)], [MutableModel.Integer("axis", model.Pick(0, model.HostileSize()))])),
        Sized("ScatterND", (model, known) => model.Add("ScatterND", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize(), model.HostileSize()), model.Reals(known, [], 1)])),
        Sized("Slice", (model, known) => model.Add("Slice", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize()), model.Integers(known, model.HostileSize()), model.Integers(known, model.Pick(0, model.HostileSize())), model.Integers(known, model.HostileSize())])),
        Sized("Split", (model, known) => model.Add("Split", [Value(model, known, 4), model.Integers(known, model.HostileSize(), model.HostileSize())], [MutableModel.Integer("axis", model.Pick(0, model.HostileSize()))], outputs: 2)),
        Sized("TopK", (model, known) => model.Add("TopK", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize())], [MutableModel.Integer("axis", model.Pick(0, 1, model.HostileSize()))], outputs: 2)),
        Sized("CumSum", (model, known) => model.Add("CumSum", [Value(model, known, 2, 2), model.Scalar(known, model.HostileSize())])),
        Sized("Squeeze", (model, known) => model.Add("Squeeze", [Value(model, known, 1, 2), model.Integers(known, model.HostileSize())])),
        Sized("Unsqueeze", (model, known) => model.Add("Unsqueeze", [Value(model, known, 1, 2), model.Integers(known, model.HostileSize(), model.HostileSize())])),
        Sized("Trilu", (model, known) => model.Add("Trilu", [Value(model, known, 2, 2), model.Scalar(known, model.HostileSize())])),
        Sized("whole numbers: Div and Mod", (model, known) => model.Add("Cast", [model.Add(model.Pick("Div", "Mod"), [model.Integers(known, model.HostileSize(), 1), model.Integers(known, model.Pick(0, -1), model.Pick(0, -1))])], To())),
        Sized("HannWindow", (model, known) => model.Add(model.Pick("HannWindow", "HammingWindow", "BlackmanWindow"), [model.Scalar(known, model.HostileSize())])),
        Sized("MelWeightMatrix", (model, known) => model.Add("MelWeightMatrix", [model.Scalar(known, model.HostileSize()), model.Scalar(known, model.HostileSize()), model.Scalar(known, model.HostileSize()), model.Reals(known, [], HostileReal(model)), model.Reals(known, [], HostileReal(model))])),
        Sized("DFT", (model, known) => model.Add("DFT", [Value(model, known, 1, 4, 1), model.Scalar(known, model.HostileSize()), model.Scalar(known, model.Pick(1, model.HostileSize()))])),
        Sized("STFT", (model, known) => model.Add("STFT", [Value(model, known, 1, 16, 1), model.Scalar(known, model.HostileSize()), "", model.Scalar(known, model.HostileSize())])),
        Sized("NonMaxSuppression", (model, known) => model.Add("Cast", [model.Add("NonMaxSuppression", [Value(model, known, 1, 2, 4), Value(model, known, 1, 1, 2), model.Integers(known, model.HostileSize())])], To())),
        Sized("RandomNormal", (model, _) => model.Add(model.Pick("RandomNormal", "RandomUniform"), [], [MutableModel.Integers("shape", Sizes(model))])),
        Sized("Multinomial", (model, known) => model.Add("Cast", [model.Add("Multinomial", [Value(model, known, 1, 2)], [MutableModel.Integer("sample_size", model.HostileSize())])], To())),
        Sized("EyeLike", (model, known) => model.Add("EyeLike", [Value(model, known, 2, 2)], [MutableModel.Integer("k", model.HostileSize())])),
        Sized("DepthToSpace", (model, known) => model.Add(model.Pick("DepthToSpace", "SpaceToDepth"), [Value(model, known, 1, 4, 2, 2)], [MutableModel.Integer("blocksize", model.HostileSize())])),
        Sized("Transpose", (model, known) => model.Add("Transpose", [Value(model, known, 2, 2)], [MutableModel.Integers("perm", model.HostileSize(), model.HostileSize())])),
        Sized("Concat", (model, known) => model.Add("Concat", [Value(model, known, 2, 2), Value(model, known, 2, 2)], [MutableModel.Integer("axis", model.HostileSize())])),
        Sized("Softmax", (model, known) => model.Add(model.Pick("Softmax", "LogSoftmax", "Hardmax", "LayerNormalization", "LpNormalization", "Flatten"), [Value(model, known, 2, 2), Value(model, known, 2)], [MutableModel.Integer("axis", model.HostileSize())])),
        Sized("Reduce", (model, known) => model.Add(model.Pick("ReduceMax", "ReduceMean", "ReduceProd", "ReduceL2", "ReduceLogSumExp"), [Value(model, known, 2, 2), model.Integers(known, model.HostileSize(), model.HostileSize())])),
        Sized("ArgMax", (model, known) => model.Add("Cast", [model.Add("ArgMax", [Value(model, known, 2, 2)], [MutableModel.Integer("axis", model.HostileSize())])], To())),
        Sized("Conv", (model, known) => model.Add(model.Pick("Conv", "ConvTranspose"), [Value(model, known, 1, 2, 4, 4), Value(model, model.Chance(0.5), 2, 2, 3, 3)], Windows(model, 2))),
        Sized("ConvTranspose to a size", (model, known) => model.Add("ConvTranspose", [Value(model, known, 1, 2, 4, 4), Value(model, model.Chance(0.5), 2, 2, 3, 3)], [MutableModel.Integers("output_shape", model.HostileSize(), model.HostileSize()), .. Windows(model, 2)])),
        Sized("Pool", (model, known) => model.Add(model.Pick("MaxPool", "AveragePool", "LpPool"), [Value(model, known, 1, 2, 4, 4)], [MutableModel.Integers("kernel_shape", model.HostileSize(), model.HostileSize()), .. Windows(model, 2)])),
        Sized("MaxUnpool", (model, known) => model.Add("MaxUnpool", [Value(model, known, 1, 1, 2, 2), model.Add("Reshape", [model.Integers(known, model.HostileSize(), model.HostileSize(), 0, 1), model.Integers(true, 1, 1, 2, 2)])], [MutableModel.Integers("kernel_shape", 2, 2), MutableModel.Integers("strides", model.Pick(2, model.HostileSize()), 2)])),
        Sized("Col2Im", (model, known) => model.Add("Col2Im", [Value(model, known, 1, 5, 5), model.Integers(known, model.HostileSize(), model.HostileSize()), model.Integers(known, model.HostileSize(), model.Pick(1, 5))], Windows(model, 2))),
        Sized("CenterCropPad", (model, known) => model.Add("CenterCropPad", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize(), model.HostileSize())])),
        Sized("AffineGrid", (model, known) => model.Add("AffineGrid", [Value(model, known, 1, 2, 3), model.Integers(known, 1, 1, model.HostileSize(), model.HostileSize())])),
        Sized("GridSample", (model, known) => model.Add("GridSample", [Value(model, known, 1, 1, 2, 2), model.Reals(known, [1, 1, 1, 2], HostileReal(model), HostileReal(model))], [MutableModel.Word("padding_mode", model.Pick("zeros", "border", "reflection")), MutableModel.Word("mode", model.Pick("nearest", "linear", "cubic"))])),
        Sized("RoiAlign", (model, known) => model.Add("RoiAlign", [Value(model, known, 1, 1, 2, 2), model.Reals(known, [1, 4], HostileReal(model), 0, 1, HostileReal(model)), model.Integers(known, model.HostileSize())],
            [MutableModel.Integer("output_height", model.Pick(1, model.HostileSize())), MutableModel.Integer("output_width", model.Pick(1, model.HostileSize())), MutableModel.Integer("sampling_ratio", model.Pick(0, model.HostileSize()))])),
        Sized("MaxRoiPool", (model, known) => model.Add("MaxRoiPool", [Value(model, known, 1, 1, 2, 2), model.Reals(known, [1, 5], HostileReal(model), 0, 1, HostileReal(model), 1)], [MutableModel.Integers("pooled_shape", model.Pick(1, model.HostileSize()), model.Pick(1, model.HostileSize()))])),
        Sized("LSTM", (model, known) => model.Add(model.Pick("LSTM", "GRU", "RNN"), [Value(model, known, 1, 1, 2), Value(model, known, 1, model.Pick(2, 6, 8), 2), Value(model, known, 1, model.Pick(2, 6, 8), 2), "", model.Add("Cast", [model.Integers(known, model.HostileSize())], [MutableModel.Integer("to", 6)])], [MutableModel.Integer("hidden_size", model.Pick(2, model.HostileSize()))])),
        Sized("ReverseSequence", (model, known) => model.Add("ReverseSequence", [Value(model, known, 2, 2), model.Integers(known, model.HostileSize(), model.HostileSize())])),
        Sized("Einsum", (model, known) => model.Add("Einsum", [Value(model, known, 2, 2), Value(model, known, 2, 2)], [MutableModel.Word("equation", model.Pick("ij,jk", "ii,jj->", "...i,...i", "ij,kl->ijkl", "->", ",", "i,i->ii", "aa,bb->ab", "zz", "ij,jk->iiii", "......", new string('i', 5000)))])),
        Sized("BitShift", (model, known) => model.Add("Cast", [model.Add("BitShift", [model.Add("Cast", [model.Integers(known, model.HostileSize())], [MutableModel.Integer("to", 13)]), model.Add("Cast", [model.Integers(known, model.HostileSize())], [MutableModel.Integer("to", 13)])], [MutableModel.Word("direction", model.Pick("LEFT", "RIGHT"))])], To())),
        Sized("Cast", (model, known) => model.Add("Cast", [model.Add("Cast", [model.Reals(known, [2], HostileReal(model), HostileReal(model))], [MutableModel.Integer("to", model.Random.Next(26))])], To())),
        Sized("TfIdfVectorizer", (model, known) => model.Add("TfIdfVectorizer", [model.Integers(known, 1, 2, 3, 4)],
        [
            MutableModel.Word("mode", "TF"), MutableModel.Integer("min_gram_length", model.Pick(1, model.HostileSize())), MutableModel.Integer("max_gram_length", model.Pick(2, model.HostileSize())),
            MutableModel.Integer("max_skip_count", model.Pick(0, model.HostileSize())), MutableModel.Integers("ngram_counts", 0, model.Pick(2, model.HostileSize())),
            MutableModel.Integers("ngram_indexes", 0, 1, model.Pick(2, model.HostileSize())), MutableModel.Integers("pool_int64s", 1, 2, 1, 2),
        ])),
        Sized("DequantizeLinear", (model, known) => model.Add("DequantizeLinear", [model.Add("Cast", [Value(model, known, 2, 4)], [MutableModel.Integer("to", model.Pick(2, 3, 21, 22))]), Value(model, true, 2, model.Pick(1, 2, 4))], [MutableModel.Integer("axis", model.Pick(1, model.HostileSize())), MutableModel.Integer("block_size", model.Pick(2, model.HostileSize()))])),
        Sized("GroupNormalization", (model, known) => model.Add("GroupNormalization", [Value(model, known, 1, 4, 2), Value(model, known, 4), Value(model, known, 4)], [MutableModel.Integer("num_groups", model.HostileSize())])),
    ];

    /// <summary>An attribute of any name, type and value.</summary>
    public static byte[] AnyAttribute(MutableModel model)
    {
        string name = model.Pick(AttributeNames);
        return model.Random.Next(8) switch
        {
            0 => MutableModel.Real(name, HostileReal(model)),
            1 => MutableModel.Word(name, model.Pick("", "SAME_UPPER", "linear", "constant", "NOTSET", "xx")),
            2 or 3 => MutableModel.Integers(name, Enumerable.Range(0, model.Random.Next(6)).Select(_ => model.Pick(model.HostileSize(), model.Random.Next(5)))),
            _ => MutableModel.Integer(name, model.Pick(model.HostileSize(), model.Random.Next(-3, 9))),
        };
    }

    /// <summary>A mutation that makes a real value, of what is known when the graph is opened or of the state at each run.</summary>
    private static Mutation Sized(string kind, Func<MutableModel, bool, string> make) => new(kind, model => model.Depend(make(model, model.Chance(0.5))));

    private static void Any(MutableModel model, string domain, IReadOnlyList<string> operators)
    {
        string[] inputs = [.. Enumerable.Range(0, model.Random.Next(1, domain.Length == 0 ? 5 : 9)).Select(_ => Input(model))];
        model.Depend(model.Add(model.Pick(operators), inputs, [.. Enumerable.Range(0, model.Random.Next(0, 6)).Select(_ => AnyAttribute(model))], domain, outputs: model.Random.Next(1, 4)), real: model.Chance(0.6));
    }

    private static string Input(MutableModel model)
    {
        bool known = model.Chance(0.5);
        return model.Random.Next(9) switch
        {
            0 => "",
            1 => model.State,
            2 => model.Card.Inputs.Time,
            3 => model.Scalar(known, model.HostileSize()),
            4 => model.Integers(known, [.. Enumerable.Range(0, model.Random.Next(5)).Select(_ => model.Pick(model.HostileSize(), model.Random.Next(4)))]),
            5 => model.Add("Cast", [model.Integers(known, model.HostileSize(), model.Random.Next(4))], [MutableModel.Integer("to", model.Pick(2, 3, 6, 9, 10, 11, 12, 13))]),
            _ => Value(model, known, [.. Enumerable.Range(0, model.Random.Next(5)).Select(_ => (long)model.Pick(0, 1, 1, 2, 2, 3, 4, 8))]),
        };
    }

    private static string Value(MutableModel model, bool known, params long[] sizes) =>
        model.Reals(known, sizes, [.. Enumerable.Range(0, (int)sizes.Aggregate(1L, (product, size) => product * size)).Select(i => i % 5 - 1f)]);

    private static long[] Sizes(MutableModel model) => [.. Enumerable.Range(0, model.Random.Next(1, 5)).Select(_ => model.HostileSize())];

    private static float HostileReal(MutableModel model) => model.Pick(0, 1, -1, 1e-30f, 1e30f, -1e30f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e9f, 1e19f, -3e9f, 0.5f, 4096);

    private static byte[][] To() => [MutableModel.Integer("to", MutableModel.Float)];

    private static byte[][] Windows(MutableModel model, int dimensions)
    {
        long[] Of(long usual) => [.. Enumerable.Range(0, dimensions).Select(_ => model.Chance(0.4) ? usual : model.HostileSize())];
        return
        [
            .. model.Chance(0.5) ? [MutableModel.Integers("strides", Of(1))] : Array.Empty<byte[]>(), .. model.Chance(0.5) ? [MutableModel.Integers("dilations", Of(1))] : Array.Empty<byte[]>(),
            .. model.Chance(0.5) ? [MutableModel.Integers("pads", [.. Of(0), .. Of(0)])] : Array.Empty<byte[]>(), .. model.Chance(0.3) ? [MutableModel.Integer("group", model.HostileSize())] : Array.Empty<byte[]>(),
        ];
    }
}
