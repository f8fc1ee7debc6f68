using System.Text;
using System.Text.Json;
using FlowRuntime.Baking;
using FlowRuntime.Ode;

namespace FlowRuntime.Tool.Serving;

/// <summary>A model as the page takes it: its samplers, and the line that offers it before the page's own models. They lie in a folder that goes with it.</summary>
internal sealed class PlayedModel : IDisposable
{
    /// <summary>The script that offers models, from the page's folder.</summary>
    public const string List = "models/list.js";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flow-play-");

    /// <summary>The folder, whose files take the place of the page's.</summary>
    public string Folder => _folder.FullName;

    /// <summary>Bakes a model by both solvers of the page.</summary>
    /// <param name="model">The model, open.</param>
    /// <param name="page">The page's folder.</param>
    /// <exception cref="NotSupportedException">It cannot be baked, or the page does not draw it.</exception>
    public void Add(FlowModel model, string page)
    {
        RequireDrawn(model);
        _folder.CreateSubdirectory("models");
        SamplerFile.Write(model, Path.Combine(Folder, "models", "own-heun.onnx"), BakeOptions.Of(model, ButcherTableau.Heun) with { Trajectory = true });
        string adaptive = ", dopri5: 'models/own-dopri5.onnx'";
        try
        {
            SamplerFile.Write(model, Path.Combine(Folder, "models", "own-dopri5.onnx"), BakeOptions.Of(model, ButcherTableau.Dopri5) with { Trajectory = true });
        }
        catch (NotSupportedException)
        {
            adaptive = ""; // such as a network that knows whole time steps alone
        }
        string others = Path.Combine(page, List);
        string offer = $"Models.offer({{ name: \"{JsonEncodedText.Encode(Path.GetFileName(model.Path)).Value}\", heun: 'models/own-heun.onnx'{adaptive} }});\n";
        File.WriteAllText(Path.Combine(Folder, List), offer + (File.Exists(others) ? File.ReadAllText(others, Encoding.UTF8) : ""));
    }

    public void Dispose()
    {
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody tidied up.
        }
    }

    private static void RequireDrawn(FlowModel model)
    {
        if (model.Shape is not ([2] or [1 or 3, _, _]))
            throw new NotSupportedException($"{model.Path} is of shape [{string.Join(", ", model.Shape)}]. The page draws points of two values, [2], and images, [1, height, width] or [3, height, width].");
        if (model.Card.Conditions is { } conditions && (conditions.Vectors is { Count: > 0 } || conditions.Sequences is { Count: > 0 }))
            throw new NotSupportedException($"{model.Path} takes conditions other than a class, which the page does not ask for.");
    }
}
