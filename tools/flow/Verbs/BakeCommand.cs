using System.CommandLine;
using FlowRuntime.Baking;
using FlowRuntime.CommandLine;
using FlowRuntime.Ode;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Isolation;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow bake MODEL --out SAMPLER.onnx</c>: the whole sampler as one ONNX file.</summary>
internal sealed class BakeCommand
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The .onnx file." };
    private readonly Option<string?> _out = new("--out") { Description = "File to write, .onnx." };
    private readonly Option<string?> _triton = new("--triton") { Description = "Model repository of a Triton server: writes DIR/NAME/config.pbtxt and DIR/NAME/1/model.onnx, named as --out or the model. See docs/servers.md.", HelpName = "DIR" };
    private readonly Option<int?> _maxBatch = new("--triton-max-batch") { Description = "Samples that the server puts together at most. Default: 256.", HelpName = "N" };
    private readonly Option<string?> _method = new("--method") { Description = "euler, heun or rk4 in fixed steps; dopri5 or tsit5 with tolerances as inputs. Default: heun." };
    private readonly Option<int?> _steps = new("--steps") { Description = "Number of steps. Default: an input of the sampler." };
    private readonly Option<string?> _grid = new("--grid") { Description = "Where fixed steps stand, with --steps: uniform, cosine, shift:S, karras:RHO or @times.csv." };
    private readonly Option<double?> _firstStep = new("--first-step") { Description = "Size of the first adaptive step. Default: 0.05 of the whole solve." };
    private readonly Option<int?> _maxSteps = new("--max-steps") { Description = "Adaptive steps after which a sample is given up. Default: 1000." };
    private readonly Option<bool?> _guidance = new("--guidance") { Description = "Whether the sampler takes a scale of guidance, at twice the work. Default: where the model can be guided.", Arity = ArgumentArity.ZeroOrOne };

    private readonly Option<bool> _trajectory = new("--trajectory") { Description = "The sampler gives the way of every sample besides: its states after each step, and their times." };

    public static Command Make() => new BakeCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("bake", """
            Writes the whole sampler of a model as one ONNX file: noise in, samples out, in one run of ONNX Runtime in any language. See docs/baking.md.

            Examples:
              flow bake digits.onnx --out digits-sampler.onnx
              flow bake moons.onnx --method dopri5 --out moons-sampler.onnx
              flow bake digits.onnx --method euler --steps 20 --grid shift:3 --guidance false --out digits-sampler.onnx
              flow bake digits.onnx --steps 20 --triton models
            """)
        {
            _model, _out, _triton, _maxBatch, _method, _steps, _grid, _firstStep, _maxSteps, _guidance, _trajectory, Sandbox.Option,
        };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        (string path, string? target, string? repository) = (parsed.GetRequiredValue(_model), parsed.GetValue(_out), parsed.GetValue(_triton));
        if (target is null && repository is null)
            throw new ArgumentException("--out: name the file to write, or a model repository with --triton.");
        if (target is not null)
        {
            if (!target.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
                throw new ArgumentException($"--out: {target} does not end in .onnx, as a sampler does.");
            if (Path.GetFullPath(target) == Path.GetFullPath(path))
                throw new ArgumentException($"--out: {target} is the model itself. Name another file.");
            CommandHost.RequireWritable("--out", target);
        }
        int? maxBatch = parsed.GetValue(_maxBatch);
        if (maxBatch is not null && repository is null)
            throw new ArgumentException("--triton-max-batch: it is for --triton.");
        if (maxBatch < 1)
            throw new ArgumentException("--triton-max-batch: give a number of at least 1.");
        string? entry = repository is null ? null : CommandHost.Checked("--triton", () => TritonRepository.EntryOf(Path.GetFullPath(repository), Path.GetFileNameWithoutExtension(target ?? path)));
        using FlowModel model = FlowModel.Open(path);
        SandboxedProcess.Works(model);
        BakeOptions options = Options(parsed, model);
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (target is not null)
        {
            SamplerFile.Write(model, target, options);
            output.WriteLine($"Written: {target} ({Quantity.Bytes(new FileInfo(target).Length)}), {SamplerFile.Described(model, options)}");
        }
        if (entry is not null)
        {
            string? alone = TritonRepository.Write(model, entry, options, maxBatch ?? TritonRepository.DefaultMaxBatch);
            string batches = alone is null ? $"requests are put together up to {maxBatch ?? TritonRepository.DefaultMaxBatch} samples"
                : $"max_batch_size 0: requests are not put together, since '{alone}' has no row for each sample{(options.StepsAreInput ? "; --steps bakes them" : "")}";
            output.WriteLine($"Written: {Path.Combine(repository!, Path.GetFileName(entry))}, {SamplerFile.Described(model, options)}; {batches}");
        }
        return CommandHost.Done;
    }

    private BakeOptions Options(ParseResult parsed, FlowModel model)
    {
        SolverMethod method = parsed.GetValue(_method) is { } name ? CommandHost.Checked("--method", () => SolverMethod.Named(name)) : ButcherTableau.Heun;
        bool? guided = parsed.GetResult(_guidance) is null ? null : parsed.GetValue(_guidance) ?? true;
        (int? steps, string? grid) = (parsed.GetValue(_steps), parsed.GetValue(_grid));
        bool adaptive = method is EmbeddedPair;
        string? other = adaptive ? (steps is not null ? "--steps" : grid is not null ? "--grid" : null)
            : parsed.GetValue(_firstStep) is not null ? "--first-step" : parsed.GetValue(_maxSteps) is not null ? "--max-steps" : null;
        if (other is not null)
            throw new ArgumentException($"{other}: {method} is baked in {(adaptive ? "adaptive" : "fixed")} steps, which have none. Leave it out, or choose another method.");
        BakeOptions options = BakeOptions.Of(model, method) with { Guided = guided, Trajectory = parsed.GetValue(_trajectory) };
        if (options.Solver is AdaptiveSteps taken)
        {
            if (parsed.GetValue(_firstStep) is { } first)
                taken = CommandHost.Checked("--first-step", () => taken with { FirstStep = first });
            if (parsed.GetValue(_maxSteps) is { } most)
                taken = CommandHost.Checked("--max-steps", () => taken with { MaxSteps = most });
            return options with { Solver = taken };
        }
        TimeGrid where = grid is null ? TimeGrid.Uniform : CommandHost.Checked("--grid", () => SolverArguments.Grid(grid));
        int? count = steps ?? (where as GivenGrid)?.Steps;
        if (count is null && grid is not null)
            throw new ArgumentException("--grid: give the number of steps with --steps.");
        if (count is not { } number)
            return options;
        return options with { Solver = CommandHost.Checked("--steps", () => new FixedSteps(method, number)) with { Grid = where }, StepsAreInput = false };
    }
}
