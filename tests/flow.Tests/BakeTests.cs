using FlowRuntime.CommandLine;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow bake</c> writes a file that ONNX Runtime samples by itself, or says why not.</summary>
public sealed class BakeTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("noise,steps,label,guidance")]
    [InlineData("noise,steps,label", "--guidance", "false")]
    [InlineData("noise,label,guidance", "--method", "rk4", "--steps", "5", "--grid", "cosine")]
    [InlineData("noise,steps,label,guidance", "--trajectory")]
    [InlineData("noise,label,guidance,rtol,atol", "--method", "dopri5", "--first-step", "0.2", "--max-steps", "50")]
    public async Task A_sampler_takes_what_was_asked_for(string inputs, params string[] options)
    {
        ToolRun run = (await ToolRun.InProcess(["bake", Models.Digits, "--out", _folder["sampler.onnx"], .. options])).EnsureSuccess();
        Assert.Matches(@"^Written: .*sampler\.onnx \(2\.[89] MB\), ", run.Output);
        using var sampler = new InferenceSession(_folder["sampler.onnx"]);
        Assert.Equal(inputs.Split(',').Order(), sampler.InputMetadata.Keys.Order());
        string[] trajectory = options.Contains("--trajectory") ? ["trajectory", "trajectory_t"] : [];
        Assert.Equal(["accepted", "evaluations", "samples", "status", "t", .. trajectory], sampler.OutputMetadata.Keys.Order());
        Assert.Equal(["sampler.onnx"], _folder.Entries);
    }

    [Fact]
    public async Task Guidance_of_a_model_without_conditions_is_refused()
    {
        ToolRun run = await ToolRun.InProcess("bake", Models.Moons, "--guidance", "--out", _folder["sampler.onnx"]);
        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Contains("cannot be guided", run.Error, StringComparison.Ordinal);
        Assert.Empty(_folder.Entries);
    }

    [Theory]
    [InlineData("--out: ", "does not end in .onnx", "--out", "{sampler.txt}")]
    [InlineData("--out: ", "is the model itself", "--out", "{model}")]
    [InlineData("--method: ", "There is no method 'dopri'", "--method", "dopri")]
    [InlineData("bosh3 is not baked", "dopri5 or tsit5", "--method", "bosh3")]
    [InlineData("unipc3 is not baked", "euler, heun or rk4", "--method", "unipc3")]
    [InlineData("--grid: ", "--steps", "--grid", "cosine")]
    [InlineData("--steps: ", "adaptive steps", "--method", "dopri5", "--steps", "5")]
    [InlineData("--first-step: ", "fixed steps", "--first-step", "0.5")]
    [InlineData("--steps: ", "Give 1 to", "--steps", "0")]
    public async Task What_cannot_be_baked_is_refused_in_a_line_and_nothing_is_written(string begins, string says, params string[] options)
    {
        string model = _folder.CopyOf(Models.Digits);
        byte[] before = await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken);
        string[] given = options.Contains("--out") ? options : [.. options, "--out", _folder["sampler.onnx"]];
        ToolRun run = await ToolRun.InProcess(["bake", model, .. given.Select(word => word switch { "{model}" => model, "{sampler.txt}" => _folder["sampler.txt"], _ => word })]);
        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.StartsWith(begins, run.Error, StringComparison.Ordinal);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
        Assert.Equal(["model.onnx"], _folder.Entries);
        Assert.Equal(before, await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken));
    }
}
