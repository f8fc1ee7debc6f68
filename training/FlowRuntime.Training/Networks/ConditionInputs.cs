namespace FlowRuntime.Training.Networks;

/// <summary>What a network is conditioned on besides time: rows of classes and of vectors, where it has them.</summary>
/// <typeparam name="T">What stands for a tensor; see <see cref="ITensorOps{T}"/>.</typeparam>
/// <param name="Label">Class labels, [N], integers; <see cref="VelocityNetwork.NullLabel"/> for none. Null where the network has no classes.</param>
/// <param name="Vector">Condition vectors, [N, k], standardised; all <see cref="VelocityNetwork.NullVector"/> for none. Null where the network takes none.</param>
public readonly record struct ConditionInputs<T>(T? Label = null, T? Vector = null) where T : class;
