namespace FlowRuntime.Ode;

/// <summary>How a solve is laid out on threads and rows, and what its own buffers take; the network's memory is not in it.</summary>
/// <param name="Workers">Threads that solve.</param>
/// <param name="Slots">Samples a worker solves side by side, and the most rows of one call of the network.</param>
/// <param name="Window">Samples under way or waiting for an earlier one where they are handed out in index order.</param>
/// <param name="BufferBytes">About the bytes of states, stages and waiting samples, in index order.</param>
public sealed record SolveLayout(int Workers, int Slots, int Window, long BufferBytes);
