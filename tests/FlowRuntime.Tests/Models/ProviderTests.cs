namespace FlowRuntime.Tests;

/// <summary>Which execution provider is chosen and what is said about it; this project carries the CPU's alone.</summary>
public class ProviderTests
{
    [Theory]
    [InlineData("cuda")]
    [InlineData("CUDA")]
    [InlineData("directml")]
    [InlineData("coreml")]
    [InlineData("openvino")]
    [InlineData("qnn")]
    [InlineData("webgpu")]
    [InlineData("xnnpack")]
    public void A_provider_that_is_not_there_falls_back_to_the_CPU_and_says_why(string provider)
    {
        using FlowModel model = Open(new FlowModelOptions { Provider = provider });
        Assert.Equal((provider, "cpu", true), (model.Provider.Requested, model.Provider.Chosen, model.Provider.FellBack));
        Assert.Equal([provider.ToLowerInvariant(), "cpu"], model.Provider.Attempts.Select(attempt => attempt.Name));
        Assert.Contains("not in this application's ONNX Runtime, which has cpu", model.Provider.Attempts[0].Outcome);
        Assert.Equal("chosen", model.Provider.Attempts[1].Outcome);
        Assert.StartsWith($"cpu (asked for {provider}; {provider.ToLowerInvariant()}: not in", model.Provider.ToString());
        Assert.Equal(0, model.Sample(2).Failed);
    }

    [Fact]
    public void Auto_tries_cuda_directml_coreml_and_takes_the_CPU()
    {
        using FlowModel model = Open(new FlowModelOptions());
        Assert.Equal(["cuda", "directml", "coreml", "cpu"], model.Provider.Attempts.Select(attempt => attempt.Name));
        Assert.Equal(("auto", "cpu", false), (model.Provider.Requested, model.Provider.Chosen, model.Provider.FellBack));
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("auto")]
    public void A_required_provider_that_works_is_taken(string provider)
    {
        using FlowModel model = Open(new FlowModelOptions { Provider = provider, RequireProvider = true });
        Assert.Equal("cpu", model.Provider.Chosen);
    }

    [Fact]
    public void The_CPU_when_asked_for_is_reported_without_a_reason()
    {
        using FlowModel model = Open(new FlowModelOptions { Provider = "cpu" });
        Assert.Equal("cpu (asked for cpu)", model.Provider.ToString());
        Assert.False(model.Provider.FellBack);
    }

    [Fact]
    public void A_required_provider_that_does_not_work_is_an_error_that_names_it_and_the_cure()
    {
        var error = Assert.Throws<PlatformNotSupportedException>(() => Open(new FlowModelOptions { Provider = "cuda", RequireProvider = true }));
        Assert.Contains("'cuda' is required", error.Message);
        Assert.Contains("package", error.Message);
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("")]
    public void An_unknown_provider_is_answered_with_the_list(string provider)
    {
        var error = Assert.Throws<ArgumentException>(() => Open(new FlowModelOptions { Provider = provider }));
        Assert.Contains($"'{provider}'", error.Message);
        Assert.Contains("auto, cuda, directml, coreml, cpu, openvino", error.Message);
    }

    private static FlowModel Open(FlowModelOptions options)
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card), options);
    }
}
