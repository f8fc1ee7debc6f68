namespace FlowRuntime.Fields;

/// <summary>
/// Pinned arrays that went out of use, kept for the next solve up to a bound: a solve that follows another allocates hardly anything, has
/// no new pages to touch and brings no collection about.
/// </summary>
internal static class PinnedArrays
{
    private const long MostKept = 8 << 20; // floats: 32 MB

    private static readonly Lock Gate = new();
    private static readonly Dictionary<int, Stack<float[]>> Kept = [];
    private static long _kept;

    /// <summary>An array, pinned for its life, that holds anything.</summary>
    public static float[] Take(int length)
    {
        float[]? array = null;
        lock (Gate)
        {
            if (Kept.TryGetValue(length, out Stack<float[]>? stack) && stack.TryPop(out array))
                _kept -= length;
        }
        return array ?? GC.AllocateArray<float>(length, pinned: true);
    }

    /// <summary>Gives an array back that nobody uses any more.</summary>
    public static void Return(float[] array)
    {
        lock (Gate)
        {
            if (_kept + array.Length > MostKept)
                return;
            _kept += array.Length;
            if (!Kept.TryGetValue(array.Length, out Stack<float[]>? stack))
                Kept[array.Length] = stack = [];
            stack.Push(array);
        }
    }
}
