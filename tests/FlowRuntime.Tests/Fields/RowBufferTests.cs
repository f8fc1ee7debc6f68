using System.Numerics;
using System.Runtime.InteropServices;
using FlowRuntime.Fields;

namespace FlowRuntime.Tests;

public class RowBufferTests
{
    [Fact]
    public void A_vector_that_starts_at_any_element_stays_inside_the_memory()
    {
        // Arithmetic over new rows starts in the middle of the buffer; what a store past its end would meet is the next object.
        for (int rows = 1; rows <= 20; rows++)
        {
            for (int width = 1; width <= 20; width++)
            {
                MemoryMarshal.TryGetArray<float>(new RowBuffer(rows, width).Memory, out ArraySegment<float> values);
                int last = values.Offset + rows * width - 1;
                Assert.True(last + Vector<float>.Count <= values.Array!.Length, $"{rows} rows of {width} values");
            }
        }
    }

    [Fact]
    public void Rows_lie_one_behind_another()
    {
        var buffer = new RowBuffer(3, 2);
        for (int i = 0; i < 6; i++)
            buffer.Memory.Span[i] = i;
        Assert.Equal([0f, 1f], buffer[0].ToArray());
        Assert.Equal([4f, 5f], buffer[2].ToArray());
        Assert.Equal([2f, 3f, 4f, 5f], buffer.Range(1, 2).ToArray());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 1)]
    [InlineData(1 << 20, 1 << 20)]
    public void A_size_below_1_or_beyond_an_array_is_refused(int rows, int width)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new RowBuffer(rows, width));
    }
}
