using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

public sealed class BadInputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-bad").FullName;

    public BadInputTests()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        File.WriteAllText(Path.Combine(_folder, "text.json"), "no JSON");
        File.WriteAllText(Path.Combine(_folder, "table.csv"), "size,kind\n1,red\n2,blue\n");
        File.WriteAllText(Path.Combine(_folder, "unknown.json"), """{"data": "moons", "training": {"stepz": 3}}""");
        File.WriteAllText(Path.Combine(_folder, "nodata.json"), "{}");
        File.WriteAllText(Path.Combine(_folder, "otherdata.json"), """{"data": "suns"}""");
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The command line ({0} is a folder), and what its one line of error must hold.</summary>
    public static TheoryData<string, string> Mistakes => new()
    {
        { "run --data suns --out {0}/r", "--data: There is no data set 'suns'. Choose one of: moons, 8gaussians, s-curve, checkerboard, spirals, pinwheel, swiss-roll, digits, gaussian:D, csv:FILE, npy:FILE, parquet:FILE, idx:FOLDER, images:FOLDER." },
        { "run --data gaussian:0 --out {0}/r", "--data: There is no data set 'gaussian:0'" },
        { "run --data gaussian:x --out {0}/r", "--data: There is no data set 'gaussian:x'" },
        { "run --data csv: --out {0}/r", "--data: There is no data set 'csv:'" },
        { "run --data csv:{0}/none.csv --out {0}/r", "There is no file {0}/none.csv" },
        { "run --data csv:{0} --out {0}/r", "is a folder. Name a file." },
        { "run --data csv:{0}/file --out {0}/r", "file is empty" },
        { "run --data npy:{0}/text.json --out {0}/r", "text.json is no NumPy array" },
        { "run --data parquet:{0}/text.json --out {0}/r", "text.json cannot be read as Parquet" },
        { "run --data csv:{0}/table.csv --out {0}/r", "table.csv, line 2, column 'kind': 'red' is no finite number. Make it a number, take it out, or name its column as the label column (--label-column)." },
        { "run --data csv:{0}/table.csv --label-column sort --out {0}/r", "there is no column 'sort' for the labels. Choose one of: size, kind." },
        { "run --data moons --label-column x --out {0}/r", "--label-column: The data set 'moons' takes no label column ('x'); tables do: csv:FILE, npy:FILE, parquet:FILE." },
        { "run --out {0}/r", "--data" },
        { "run --data moons", "--out" },
        { "run --data moons --out {0}/r --steps 0", "--steps: " },
        { "run --data moons --out {0}/r --steps x", "--steps: 'x' cannot be read" },
        { "run --data moons --out {0}/r --seed -1", "--seed: '-1' cannot be read" },
        { "run --data moons --out {0}/r --set network", "--set: 'network' sets nothing" },
        { "run --data moons --out {0}/r --set network.widht=3", "unknown field 'network.widht'" },
        { "run --data moons --out {0}/r --set network.width=wide", "'network.width' has a value of the wrong kind" },
        { "run --data moons --out {0}/r --set network.width=0", "field 'network.width' is 0. Give a whole number from 1 to 65536." },
        { "run --data digits --out {0}/r --set network.kind=cnn", "field 'network.kind' has a value of the wrong kind, \"cnn\". Give one of: mlp, unet, dit." },
        { "run --data digits --out {0}/r --set network.kind=3", "field 'network.kind' has a value of the wrong kind, 3. Give one of: mlp, unet, dit." },
        { "run --data digits --out {0}/r --set network.patch=2 --set network.kind=unet", "unknown field 'network.patch'. Known here: width, multipliers, blocks, groups, attention_levels, heads, frequencies." },
        { "run --data digits --out {0}/r --set network.kind=unet --set network.multipliers=[1,0]", "field 'network.multipliers' is [1, 0]. Give 1 to 8 whole numbers" },
        { "run --data digits --out {0}/r --set network.kind=unet --set network.multipliers=[1,1,1,1,1]", "network: A U-Net of 5 levels halves its images 4 times, so both sides must be multiples of 16; these are 8×8. Give fewer multipliers." },
        { "run --data digits --out {0}/r --set network.kind=dit --set network.patch=3", "network: Images of 8×8 cannot be cut into patches of 3×3. Give a patch that divides both sides." },
        { "run --data moons --out {0}/r --set network.kind=unet", "network: A U-Net takes images [C, H, W]; these states are [2]. Take an mlp." },
        { "run --data moons --out {0}/r --set training.learning_rate=-1", "field 'training.learning_rate' is -1. Give a positive number" },
        { "run --data moons --out {0}/r --set training.ema_decay=1", "field 'training.ema_decay' is 1. Give" },
        { "run --data moons --out {0}/r --set training.threads=100000", "field 'training.threads' is 100000. Give 1 to 256 threads." },
        { "run --data moons --out {0}/r --set pictures.every=-1", "field 'pictures.every' is -1. Give a whole number of steps, or 0 for no pictures." },
        { "report {0}/empty", "empty holds no finished run: config.json or weights.safetensors is missing. Make one with flow-train run." },
        { "report {0}/none", "none holds no finished run" },
        { "run --data moons --out {0}/r --set path.sigma_min=1", "field 'path.sigma_min' is 1. Give a blur" },
        { "run --data moons --out {0}/r --set path.kind=straight", "field 'path.kind' has a value of the wrong kind, \"straight\". Give one of: conditional-ot, vp, ve, cosine" },
        { "run --data moons --out {0}/r --set path.kind=tabulated", "path.alpha_bar" },
        { "run --data moons --out {0}/r --set path.coupling=sinkhorn", "objective.coupling" },
        { "run --data moons --out {0}/r --set objective.times=early", "field 'objective.times' is early. Give one of uniform, logit-normal(MEAN,SCALE)" },
        { "run --data moons --out {0}/r --set objective.times=beta(1)", "field 'objective.times' is beta(1)." },
        { "run --data moons --out {0}/r --set objective.times=logit-normal --set objective.importance_weights=true", "variance of 1/p(t) is infinite" },
        { "run --data moons --out {0}/r --set objective.coupling=sinkhorn --set objective.prediction=noise", "predicts velocities alone" },
        { "run --data moons --out {0}/r --set path.kind=schrodinger-bridge --set objective.prediction=data", "prediction" },
        { "run --data moons --out {0}/r --set objective.coupling_batches=0", "at least 1" },
        { "bench-2d --out {0}/b --part chess", "--part: there is no part 'chess'" },
        { "bench-2d --out {0}/b --part tong --task class", "--task: there is no class in tong" },
        { "bench-2d --out {0}/b --part conditions --method SB", "--method: there is no SB in conditions" },
        { "bench-2d --out {0}/b --seeds 0", "--seeds: 0" },
        { "run --data moons --out {0}/r --set data=suns", "suns" },
        { "run --data moons --out {0}/r --config {0}/none.json", "none.json" },
        { "run --data moons --out {0}/r --config {0}/text.json", "text.json: this is not JSON" },
        { "run --out {0}/r --config {0}/unknown.json", "unknown field 'training.stepz'" },
        { "run --out {0}/r --config {0}/nodata.json", "--data" },
        { "run --out {0}/r --config {0}/otherdata.json", "suns" },
        { "run --data moons --out {0}/file/r", "--out: " },
        { "demo --out {0}/file/r", "--out: " },
        { "demo --steps 3", "--steps" },
        { "run --data moons --out {0}/r --minutes 0", "--minutes: Give a positive number, such as 10." },
        { "run --data moons --out {0}/r --minutes 1 --steps 3", "Give --steps or --minutes, not both." },
        { "run --data moons --out {0}/r --init {0}/none", "--init: there is no run or file {0}/none" },
        { "run --data moons --out {0}/r --init {0}/empty", "--init: {0}/empty holds no finished run" },
        { "run --data moons --out {0}/r --init {0}/text.json", "text.json is no safetensors file" },
        { "run --data moons --out {0}/r --set training.accumulation=0", "field 'training.accumulation' is 0" },
        { "run --data moons --out {0}/r --set training.checkpoint_every=0", "field 'training.checkpoint_every' is 0" },
        { "run --data moons --out {0}/r --set training.more_ema_decays=[0.5,2]", "field 'training.more_ema_decays' is 2. Give" },
        { "run --data moons --out {0}/r --set training.device=npu", "training.device" },
        { "bench --steps 0", "--steps: 0 is no number of steps" },
        { "bench --rounds 0", "--rounds: 0 is no number of rounds" },
        { "bench --network chess", "--network: there is no network 'chess'. Choose of: selu, mlp, unet." },
        { "resume {0}/empty", "{0}/empty holds no run to go on with" },
        { "resume {0}/none", "{0}/none holds no run to go on with" },
        { "export {0}/empty --out {0}/m.onnx", "empty holds no finished run" },
        { "export {0}/none --out {0}/m.onnx", "none holds no finished run" },
        { "export {0}/empty", "--out" },
        { "export {0}/empty --out {0}/m.onnx --precision int4", "--precision: there is no 'int4'. Choose one of: float32, float16, int8." },
        { "export {0}/empty --out {0}/m.onnx --precision 1", "--precision: there is no '1'. Choose one of: float32, float16, int8." },
        { "export {0}/empty --out {0}/m.onnx --precision", "--precision" },
        { "export {0}/empty --out {0}/m.onnx --divergence some", "--divergence: there is no 'some'. Choose one of: exact, hutchinson." },
        { "export {0}/empty --out {0}/m.onnx --max-change -1", "--max-change: -1 is no change. Give a share of the velocity of at least 0, such as 0.05." },
        { "export {0}/empty --out {0}/m.onnx --max-change NaN", "--max-change: NaN is no change." },
        { "export {0}/empty --out {0}/m.onnx --max-change x", "--max-change: 'x' cannot be read. Give a number." },
        { "fly", "fly" },
    };

    [Theory, MemberData(nameof(Mistakes))]
    public async Task A_mistake_is_one_line_that_names_it_and_leaves_nothing(string commandLine, string expected)
    {
        string[] before = Everything();
        TrainRun run = await TrainRun.Of([.. commandLine.Split(' ').Select(word => word.Replace("{0}", _folder, StringComparison.Ordinal))]);
        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        string line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected.Replace("{0}", _folder, StringComparison.Ordinal), line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        Assert.Equal(before, Everything());
    }

    [Fact]
    public async Task Without_a_verb_the_trainer_says_what_to_do_next()
    {
        TrainRun run = await TrainRun.Of();
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        foreach (string verb in (string[])["demo", "run", "resume", "export"])
            Assert.Contains($"flow-train {verb}", run.Output, StringComparison.Ordinal);
    }

    [Theory, InlineData("demo"), InlineData("run"), InlineData("resume"), InlineData("export"), InlineData("bench")]
    public async Task Every_verb_has_help_with_an_example(string verb)
    {
        TrainRun run = await TrainRun.Of(verb, "--help");
        Assert.Equal(CommandHost.Done, run.ExitCode);
        Assert.Contains($"flow-train {verb}", run.Output, StringComparison.Ordinal);
        Assert.Contains("Example", run.Output, StringComparison.Ordinal);
    }

    private string[] Everything() => [.. Directory.GetFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Order()];
}
