using FlowRuntime.Onnx;
using Microsoft.ML.OnnxRuntime;

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
        Assert.Equal((provider, "cpu", true), (model.ProviderReport.Requested, model.ProviderReport.Chosen, model.ProviderReport.FellBack));
        Assert.Equal([provider.ToLowerInvariant(), "cpu"], model.ProviderReport.Attempts.Select(attempt => attempt.Name));
        Assert.Contains("not in this application's ONNX Runtime, which has cpu", model.ProviderReport.Attempts[0].Outcome);
        Assert.Equal("chosen", model.ProviderReport.Attempts[1].Outcome);
        Assert.StartsWith($"cpu (asked for {provider}; {provider.ToLowerInvariant()}: not in", model.ProviderReport.ToString());
        Assert.Equal(0, model.Sample(2).Failed);
    }

    [Fact]
    public void Auto_tries_cuda_directml_coreml_and_takes_the_CPU()
    {
        using FlowModel model = Open(new FlowModelOptions());
        Assert.Equal(["cuda", "directml", "coreml", "cpu"], model.ProviderReport.Attempts.Select(attempt => attempt.Name));
        Assert.Equal(("auto", "cpu", false), (model.ProviderReport.Requested, model.ProviderReport.Chosen, model.ProviderReport.FellBack));
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("auto")]
    public void A_required_provider_that_works_is_taken(string provider)
    {
        using FlowModel model = Open(new FlowModelOptions { Provider = provider, RequireProvider = true });
        Assert.Equal("cpu", model.ProviderReport.Chosen);
    }

    [Fact]
    public void The_CPU_when_asked_for_is_reported_without_a_reason()
    {
        using FlowModel model = Open(new FlowModelOptions { Provider = "cpu" });
        Assert.Equal("cpu (asked for cpu)", model.ProviderReport.ToString());
        Assert.False(model.ProviderReport.FellBack);
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

    /// <summary>The ways in which a provider that is in the package may fail: each in its own exception type, when it is asked for or when the session is made.</summary>
    public static TheoryData<string, string> Failures => new()
    {
        { "a library without the function", "Unable to find an entry point" },
        { "another platform", "not on this platform" },
        { "a library that is missing", "libcudart" },
        { "an option that is unknown", "Unknown provider name" },
        { "a session that cannot be made", "[ErrorCode:Fail]" },
    };

    [Theory, MemberData(nameof(Failures))]
    public void However_a_provider_fails_the_next_one_is_tried_and_the_reason_is_told(string failure, string reason)
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card);
        var failing = new ExecutionProvider("failing", "FailingExecutionProvider", (session, _) => Fail(failure, session));
        (OnnxSession opened, ProviderReport report) = SessionOpening.Open(path, new FlowModelOptions { Provider = "failing" }, [failing, failing with { Name = "second" }, ExecutionProvider.Cpu], ["CPUExecutionProvider"]);
        using (opened)
        {
            Assert.Equal(["failing", "second", "cpu"], report.Attempts.Select(attempt => attempt.Name));
            Assert.Equal(("cpu", true), (report.Chosen, report.FellBack));
            Assert.Contains(reason, report.Attempts[0].Outcome, StringComparison.Ordinal);
            Assert.DoesNotContain("\n", report.ToString(), StringComparison.Ordinal);
            Assert.False(opened.CopiesBoundInputs);
        }
        var error = Assert.Throws<PlatformNotSupportedException>(() => SessionOpening.Open(path, new FlowModelOptions { Provider = "failing", RequireProvider = true }, [failing], []));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_failure_of_a_provider_is_not_taken_for_one()
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card);
        var broken = new ExecutionProvider("broken", "Broken", (_, _) => throw new InvalidOperationException("a bug"));
        Assert.Throws<InvalidOperationException>(() => SessionOpening.Open(path, new FlowModelOptions(), [broken, ExecutionProvider.Cpu], []));
    }

    [Fact]
    public void A_provider_is_asked_with_the_models_device_and_options()
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card);
        FlowModelOptions? seen = null;
        var provider = new ExecutionProvider("device", "DeviceExecutionProvider", (_, options) => seen = options);
        FlowModelOptions options = new() { Device = 2, ProviderOptions = new Dictionary<string, string> { ["a"] = "b" } };
        (OnnxSession opened, ProviderReport report) = SessionOpening.Open(path, options, [provider], []);
        using (opened)
            Assert.Equal((options, "device", true), (seen, report.Chosen, opened.CopiesBoundInputs));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowModelOptions { Device = -1 });
    }

    /// <summary>DirectML's sessions take one call at a time. The second of two endless ones never begins: what ends it is its own token.</summary>
    [Fact(Timeout = 60_000)]
    public async Task DirectML_takes_one_call_at_a_time()
    {
        ExecutionProvider directml = Assert.Single(ExecutionProvider.Known, provider => provider.OneRunAtATime);
        Assert.Equal("directml", directml.Name);
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "endless.onnx", TinyModel.Endless, TinyModel.Card);
        using var session = new OnnxSession(new InferenceSession(path), path, directml);
        CancellationToken test = TestContext.Current.CancellationToken;
        session.EnterRun(test);
        using var source = new CancellationTokenSource(100);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(() => session.EnterRun(source.Token), test));
        session.LeaveRun();
        session.EnterRun(test);
        session.LeaveRun();
    }

    [Fact]
    public void The_devices_and_providers_of_this_process_are_listed()
    {
        Assert.Equal(["cpu"], ProviderDevices.Present());
        ProviderDevice cpu = Assert.Single(ProviderDevices.Discovered());
        Assert.Equal(("cpu", 0, "cpu"), (cpu.Provider, cpu.Device, cpu.Kind));
        Assert.Equal(["cuda", "directml", "coreml", "cpu"], ProviderDevices.Known.Take(4));
    }

    [Fact]
    public void A_library_that_is_no_plug_in_is_refused_by_its_file()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("none.so", Assert.Throws<FileNotFoundException>(() => ProviderDevices.Register("none", folder.File("none.so"))).Message, StringComparison.Ordinal);
        string path = folder.File("text.so", "no library");
        string message = Assert.Throws<InvalidDataException>(() => ProviderDevices.Register("text", path)).Message;
        Assert.StartsWith($"{path}: ONNX Runtime does not take this plug-in: ", message, StringComparison.Ordinal);
    }

    private static void Fail(string failure, SessionOptions session)
    {
        switch (failure)
        {
            case "a library without the function":
                session.AppendExecutionProvider_Dnnl(1);
                break;
            case "another platform":
                throw new NotSupportedException("CoreML is not on this platform.");
            case "a library that is missing":
                throw new DllNotFoundException("libcudart.so.12: cannot open shared object file");
            case "an option that is unknown":
                session.AppendExecutionProvider("bogus");
                break;
            default:
                session.AddSessionConfigEntry("session.load_model_format", "ORT");
                break;
        }
    }

    private static FlowModel Open(FlowModelOptions options)
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card), options);
    }
}
