namespace FlowRuntime.Tests;

/// <summary>What a reader may do with hostile input: read it, or refuse it in one line; and in both cases take no more memory than the input is worth.</summary>
internal static class Refusal
{
    /// <summary>What a reader may take for each byte of its input: texts are two bytes a letter, and parsed several times over.</summary>
    private const long EachByte = 256;

    /// <summary>What a reader may take for any input: buffers, and the lists of what would have been right.</summary>
    private const long Constant = 4 << 20;

    /// <summary>Reads an input.</summary>
    /// <param name="bytes">Its true size.</param>
    /// <param name="place">What a refusal begins with: the file.</param>
    /// <param name="read">Reads it.</param>
    /// <returns>Whether it was read.</returns>
    public static bool Reads(long bytes, string place, Action read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool done = true;
        try
        {
            read();
        }
        catch (InvalidDataException e)
        {
            Assert.StartsWith(place, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(e.Message, char.IsControl);
            done = false;
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Constant + EachByte * bytes);
        return done;
    }
}
