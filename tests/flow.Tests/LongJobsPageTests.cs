using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace FlowRuntime.Tool.Tests;

/// <summary>The worked examples of docs/long-jobs.md: the manifest is one that Kubernetes takes, and what it and the Slurm script run gives one run's bytes.</summary>
public sealed class LongJobsPageTests : IDisposable
{
    /// <summary>The fields of each level that the manifest uses, and those that it must have. Source: Kubernetes' API reference, batch/v1 Job and core/v1 PodTemplateSpec.</summary>
    private static readonly Dictionary<string, (string[] Required, string[] Allowed)> Fields = new()
    {
        [""] = (["apiVersion", "kind", "metadata", "spec"], ["status"]),
        ["metadata"] = (["name"], ["labels", "annotations", "namespace", "generateName"]),
        ["spec"] = (["template", "completionMode", "completions", "parallelism"], ["backoffLimit", "backoffLimitPerIndex", "maxFailedIndexes", "podFailurePolicy", "podReplacementPolicy", "successPolicy", "suspend", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "selector", "manualSelector", "managedBy"]),
        ["spec.podFailurePolicy"] = (["rules"], []),
        ["spec.podFailurePolicy.rules[]"] = (["action"], ["onExitCodes", "onPodConditions"]),
        ["spec.podFailurePolicy.rules[].onExitCodes"] = (["operator", "values"], ["containerName"]),
        ["spec.podFailurePolicy.rules[].onPodConditions[]"] = (["type"], ["status"]),
        ["spec.template"] = (["spec"], ["metadata"]),
        ["spec.template.spec"] = (["containers", "restartPolicy"], ["terminationGracePeriodSeconds", "securityContext", "volumes", "initContainers", "nodeSelector", "tolerations", "affinity", "serviceAccountName", "imagePullSecrets"]),
        ["spec.template.spec.securityContext"] = ([], ["runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy", "seccompProfile", "supplementalGroups"]),
        ["spec.template.spec.containers[]"] = (["name", "image"], ["command", "args", "env", "resources", "volumeMounts", "securityContext", "workingDir", "imagePullPolicy"]),
        ["spec.template.spec.containers[].resources"] = ([], ["requests", "limits", "claims"]),
        ["spec.template.spec.containers[].resources.requests"] = ([], ["cpu", "memory", "ephemeral-storage"]),
        ["spec.template.spec.containers[].resources.limits"] = ([], ["cpu", "memory", "ephemeral-storage"]),
        ["spec.template.spec.containers[].securityContext"] = ([], ["allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities", "runAsNonRoot", "runAsUser", "privileged"]),
        ["spec.template.spec.containers[].volumeMounts[]"] = (["name", "mountPath"], ["readOnly", "subPath", "subPathExpr"]),
        ["spec.template.spec.volumes[]"] = (["name"], ["configMap", "persistentVolumeClaim", "emptyDir", "hostPath", "nfs", "secret", "csi"]),
        ["spec.template.spec.volumes[].configMap"] = (["name"], ["items", "optional", "defaultMode"]),
        ["spec.template.spec.volumes[].persistentVolumeClaim"] = (["claimName"], ["readOnly"]),
    };

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_manifest_has_the_fields_of_an_indexed_job_and_no_others()
    {
        YamlMappingNode manifest = Manifest();
        CheckFields(manifest, "");
        Assert.Equal(("batch/v1", "Job"), (Text(manifest, "apiVersion"), Text(manifest, "kind")));
        YamlMappingNode spec = At(manifest, "spec"), pod = At(manifest, "spec", "template", "spec");
        Assert.Equal("Indexed", Text(spec, "completionMode"));
        Assert.InRange(Number(spec, "parallelism"), 1, Number(spec, "completions"));
        Assert.Equal("Never", Text(pod, "restartPolicy")); // a pod failure policy needs it
        Assert.Matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", Text(At(manifest, "metadata"), "name"));
        YamlMappingNode container = Container(manifest);
        string[] volumes = [.. ((YamlSequenceNode)pod["volumes"]).Select(volume => Text((YamlMappingNode)volume, "name"))];
        Assert.All((YamlSequenceNode)container["volumeMounts"], mount =>
        {
            Assert.Contains(Text((YamlMappingNode)mount, "name"), volumes);
            Assert.StartsWith("/", Text((YamlMappingNode)mount, "mountPath"), StringComparison.Ordinal);
        });
        Assert.All(At(container, "resources").Children.Values.SelectMany(kind => ((YamlMappingNode)kind).Children.Values),
            quantity => Assert.Matches("^[0-9]+(\\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$", ((YamlScalarNode)quantity).Value!));
        foreach (YamlMappingNode rule in ((YamlSequenceNode)At(spec, "podFailurePolicy")["rules"]).Cast<YamlMappingNode>())
        {
            Assert.Matches("^(FailJob|FailIndex|Ignore|Count)$", Text(rule, "action"));
            Assert.Single(rule.Children.Keys.Cast<YamlScalarNode>(), key => key.Value!.StartsWith("on", StringComparison.Ordinal));
        }
        YamlMappingNode codes = ((YamlSequenceNode)At(spec, "podFailurePolicy")["rules"]).Cast<YamlMappingNode>().Select(rule => rule.Children.TryGetValue("onExitCodes", out YamlNode? found) ? (YamlMappingNode)found : null).First(found => found is not null)!;
        Assert.Equal(("In", Text(container, "name")), (Text(codes, "operator"), Text(codes, "containerName")));
        Assert.Equal([$"{CommandLine.CommandHost.BadInput}"], ((YamlSequenceNode)codes["values"]).Select(code => ((YamlScalarNode)code).Value));
    }

    [Fact]
    public async Task What_the_pods_run_gives_the_bytes_of_one_run()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Runs a shell's commands.");
        YamlMappingNode manifest = Manifest(), container = Container(manifest);
        int shards = Number(At(manifest, "spec"), "completions");
        string[] command = [.. ((YamlSequenceNode)container["command"]).Concat((YamlSequenceNode)container["args"]).Select(word => ((YamlScalarNode)word).Value!)];
        Assert.Equal(["/bin/sh", "-c"], command[..2]);
        string line = command[2].Replace("/models/", Path.GetDirectoryName(Models.Moons)! + "/", StringComparison.Ordinal)
            .Replace("/out/", _folder[""] + "/", StringComparison.Ordinal).Replace("1000000", "200", StringComparison.Ordinal);
        Assert.Contains($"/{shards}", line, StringComparison.Ordinal);
        line = line.Replace($"/{shards}", "/3", StringComparison.Ordinal); // a few pods do

        (await Script($"for i in 0 1 2; do (export JOB_COMPLETION_INDEX=$i; {line}) || exit; done; flow join {_folder["samples-"]}*.npy --out {_folder["joined.npy"]}; flow sample {Models.Moons} --count 200 --seed 7 --out {_folder["whole.npy"]}")).EnsureSuccess();

        Assert.Equal(await File.ReadAllBytesAsync(_folder["whole.npy"], TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(_folder["joined.npy"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_the_job_array_runs_gives_the_bytes_of_one_run()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Runs a shell's commands.");
        string script = Example("slurm-array.sh"), text = await File.ReadAllTextAsync(script, TestContext.Current.CancellationToken);
        int last = int.Parse(Regex.Match(text, @"(?m)^#SBATCH --array=0-(\d+)$").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.Contains($"--shard \"$SLURM_ARRAY_TASK_ID/{last + 1}\"", text, StringComparison.Ordinal);
        string few = _folder["few.sh"]; // a few tasks do
        await File.WriteAllTextAsync(few, text.Replace($"/{last + 1}\"", "/3\"", StringComparison.Ordinal), TestContext.Current.CancellationToken);

        (await Script($"export MODEL={Models.Moons} OUT={_folder["samples"]} COUNT=200; for i in 0 1 2; do SLURM_ARRAY_TASK_ID=$i bash {few} || exit; done; flow join {_folder["samples-"]}*.npy --out {_folder["joined.npy"]}; flow sample {Models.Moons} --count 200 --seed 7 --out {_folder["whole.npy"]}")).EnsureSuccess();

        Assert.Equal(await File.ReadAllBytesAsync(_folder["whole.npy"], TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(_folder["joined.npy"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_task_out_of_time_keeps_what_it_has_and_is_queued_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Runs a shell's commands.");
        await File.WriteAllTextAsync(_folder["scontrol"], "#!/bin/sh\necho \"$@\" > " + _folder["requeued"] + "\n", TestContext.Current.CancellationToken);

        ToolRun run = await Script($"chmod +x {_folder["scontrol"]}; export MODEL={Models.Digits} OUT={_folder["samples"]} COUNT=100000000 SLURM_ARRAY_TASK_ID=0 SLURM_JOB_ID=77; bash {Example("slurm-array.sh")} & while [ ! -e {_folder["samples-0.npy.partial.json"]} ]; do sleep 0.1; done; kill -TERM $!; wait $!");

        Assert.Equal(CommandLine.CommandHost.Interrupted, run.ExitCode);
        Assert.Equal("requeue 77\n", await File.ReadAllTextAsync(_folder["requeued"], TestContext.Current.CancellationToken));
        Assert.Contains("samples-0.npy.partial", _folder.Entries);
    }

    /// <summary>Runs a script to which the tool is the command flow.</summary>
    private Task<ToolRun> Script(string script) => ToolRun.InShell(
        "printf '#!/bin/sh\\nexec \"%s\" \"%s\" \"$@\"\\n' \"$0\" \"$1\" > \"$2/flow\"; chmod +x \"$2/flow\"; export PATH=\"$2:$PATH\"; exec bash -c \"$3\"", _folder[""], script);

    private static string Example(string name) => Path.Combine(AppContext.BaseDirectory, "Examples", name);

    private static YamlMappingNode Manifest()
    {
        var yaml = new YamlStream();
        using var reader = new StreamReader(Example("kubernetes-indexed-job.yaml"));
        yaml.Load(reader);
        return (YamlMappingNode)yaml.Documents.Single().RootNode;
    }

    private static YamlMappingNode Container(YamlMappingNode manifest) => (YamlMappingNode)((YamlSequenceNode)At(manifest, "spec", "template", "spec")["containers"]).Single();

    private static YamlMappingNode At(YamlMappingNode node, params string[] names) => names.Aggregate(node, (at, name) => (YamlMappingNode)at[name]);

    private static string Text(YamlMappingNode node, string name) => ((YamlScalarNode)node[name]).Value!;

    private static int Number(YamlMappingNode node, string name) => int.Parse(Text(node, name), CultureInfo.InvariantCulture);

    private static void CheckFields(YamlNode node, string level)
    {
        if (node is YamlSequenceNode list)
        {
            foreach (YamlNode item in list.Where(item => item is not YamlScalarNode))
                CheckFields(item, level + "[]");
        }
        if (node is not YamlMappingNode mapping)
            return;
        Assert.True(Fields.TryGetValue(level, out (string[] Required, string[] Allowed) fields), $"'{level}' is no level that is known.");
        string[] names = [.. mapping.Children.Keys.Select(key => ((YamlScalarNode)key).Value!)];
        Assert.Empty(fields.Required.Except(names));
        Assert.Empty(names.Except(fields.Required).Except(fields.Allowed));
        foreach ((YamlNode key, YamlNode value) in mapping.Children)
            CheckFields(value, level.Length == 0 ? ((YamlScalarNode)key).Value! : $"{level}.{((YamlScalarNode)key).Value}");
    }
}
