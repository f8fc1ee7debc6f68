using FlowRuntime.Imaging;

namespace FlowRuntime.Tests;

public class ImageGridTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Each_value_fills_its_own_square_of_pixels_and_the_border_the_rest(int magnify)
    {
        // Two grey images of 2 × 3 values side by side; their greys are 10, 20, … 120.
        const int Width = 3, Height = 2;
        float[] values = [.. Enumerable.Range(1, 12).Select(i => 10 * i / 255f)];
        ImageGrid grid = ImageGrid.Arrange(values, [1, Height, Width], columns: 2, magnify);

        int border = (grid.Width - 2 * Width * magnify) / 3;
        Assert.True(border >= 1);
        Assert.Equal((2 * Width * magnify + 3 * border, Height * magnify + 2 * border), (grid.Width, grid.Height));
        byte borderGrey = grid.Rgba[0];
        for (int y = 0; y < grid.Height; y++)
        {
            for (int x = 0; x < grid.Width; x++)
            {
                byte expected = borderGrey;
                for (int image = 0; image < 2; image++)
                {
                    int left = border + image * (Width * magnify + border);
                    if (x >= left && x < left + Width * magnify && y >= border && y < border + Height * magnify)
                        expected = (byte)(10 * (1 + image * 6 + (y - border) / magnify * Width + (x - left) / magnify));
                }
                Assert.Equal([expected, expected, expected, 255], Pixel(grid, x, y));
            }
        }
    }

    [Fact]
    public void Images_fill_rows_from_left_to_right_and_what_is_left_over_is_border()
    {
        ImageGrid grid = ImageGrid.Arrange([0, 0.2f, 0.4f, 0.6f, 1], [1, 1, 1], columns: 2, magnify: 1);
        int step = grid.Height - grid.Width, border = step - 1; // three rows and two columns of one pixel and a border
        byte[] greys = [.. new[] { (0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2) }.Select(cell => Pixel(grid, border + cell.Item1 * step, border + cell.Item2 * step)[0])];
        Assert.Equal([0, 51, 102, 153, 255, grid.Rgba[0]], greys);
    }

    [Fact]
    public void Three_channels_are_red_green_and_blue()
    {
        ImageGrid grid = ImageGrid.Arrange([1, 0, 0.2f, 0.4f, 0, 1], [3, 1, 2], columns: 1, magnify: 1);
        int border = (grid.Width - 2) / 2;
        Assert.Equal([255, 51, 0, 255], Pixel(grid, border, border));
        Assert.Equal([0, 102, 255, 255], Pixel(grid, border + 1, border));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_value_that_is_not_finite_is_magenta(float value)
    {
        ImageGrid grid = ImageGrid.Arrange([value], [1, 1, 1], columns: 1, magnify: 1);
        Assert.Equal([255, 0, 255, 255], Pixel(grid, grid.Width / 2, grid.Height / 2));
    }

    [Fact]
    public void Values_beyond_black_and_white_are_black_and_white()
    {
        ImageGrid grid = ImageGrid.Arrange([-3, 7], [1, 1, 2], columns: 1, magnify: 1);
        int border = (grid.Width - 2) / 2;
        Assert.Equal((0, 255), (Pixel(grid, border, border)[0], Pixel(grid, border + 1, border)[0]));
    }

    [Fact]
    public void More_columns_than_images_leave_no_empty_ones()
    {
        Assert.Equal(ImageGrid.Arrange([0, 1], [1, 1, 1], 2, 4).Width, ImageGrid.Arrange([0, 1], [1, 1, 1], 100, 4).Width);
    }

    [Theory]
    [InlineData(new[] { 8 }, 64)]
    [InlineData(new[] { 8, 8 }, 64)]
    [InlineData(new[] { 2, 8, 8 }, 128)]
    [InlineData(new[] { 1, 1, 8, 8 }, 64)]
    [InlineData(new[] { 1, 0, 8 }, 64)]
    [InlineData(new[] { 1, 8, -8 }, 64)]
    [InlineData(new[] { 1, 8, 8 }, 65)]
    [InlineData(new[] { 1, 8, 8 }, 0)]
    public void A_shape_that_is_no_images_or_a_part_of_an_image_is_refused(int[] shape, int values)
    {
        Assert.Throws<ArgumentException>(() => ImageGrid.Arrange(new float[values], shape, columns: 1, magnify: 1));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void Columns_and_magnification_are_at_least_1(int columns, int magnify)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageGrid.Arrange([0], [1, 1, 1], columns, magnify));
    }

    [Theory]
    [InlineData(8, 8, 8)]
    [InlineData(28, 14, 2)]
    [InlineData(64, 64, 1)]
    [InlineData(512, 512, 1)]
    public void Images_are_magnified_to_about_64_pixels_and_never_shrunk(int height, int width, int magnification)
    {
        Assert.Equal(magnification, ImageGrid.DefaultMagnification([1, height, width]));
    }

    private static byte[] Pixel(ImageGrid grid, int x, int y) => grid.Rgba[((y * grid.Width + x) * 4)..((y * grid.Width + x) * 4 + 4)];
}
