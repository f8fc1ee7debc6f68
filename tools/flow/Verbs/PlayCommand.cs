using System.CommandLine;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Isolation;
using FlowRuntime.Tool.Serving;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow play MODEL</c>: a page in the browser in which a model's samples flow from noise to data.</summary>
internal sealed class PlayCommand
{
    private const int MostPort = 65535;

    private readonly Argument<string?> _model = new("MODEL") { Description = "The .onnx file. Default: digits.onnx beside the program, or the page's own models.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<int> _port = new("--port") { Description = "Port on 127.0.0.1. Default: any that is free." };
    private readonly Option<string?> _page = new("--page") { Description = "Folder of the page, docs/playground of the repository. Default: playground beside the program." };

    public static Command Make() => new PlayCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("play", """
            Serves a page to the browsers of this machine in which a model's points or images flow from noise to data. The browser computes; nothing is sent anywhere. Ctrl+C ends it.

            Examples:
              flow play
              flow play moons.onnx
              flow play digits.onnx --port 8080 --page docs/playground
            """)
        {
            _model, _port, _page, Sandbox.Option,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        int port = parsed.GetValue(_port);
        if (port is < 0 or > MostPort)
            throw new ArgumentException($"--port: {port} is none. Give 1 to {MostPort}, or leave it out.");
        string page = PageFolder(parsed.GetValue(_page));
        string beside = Path.Combine(AppContext.BaseDirectory, "digits.onnx");
        string? path = parsed.GetValue(_model) ?? (File.Exists(beside) ? beside : null);
        if (path is null && !File.Exists(Path.Combine(page, PlayedModel.List)))
            throw new ArgumentException("There is no digits.onnx beside the program, and the page has no models of its own: name a MODEL.");

        using var played = new PlayedModel();
        using var server = new PageServer(page, played.Folder, port); // a port that is taken is told first
        if (path is not null)
        {
            using FlowModel model = FlowModel.Open(path);
            SandboxedProcess.Works(model);
            played.Add(model, page);
        }
        TextWriter output = parsed.InvocationConfiguration.Output;
        output.WriteLine($"{(path is null ? "The page" : Path.GetFileName(path))} is at {server.Address} (Ctrl+C ends it)");
        output.Flush();
        server.Serve(cancellationToken);
        return CommandHost.Done;
    }

    private static string PageFolder(string? given)
    {
        string folder = Path.GetFullPath(given ?? Path.Combine(AppContext.BaseDirectory, "playground"));
        if (!File.Exists(Path.Combine(folder, "index.html")))
            throw new ArgumentException(given is null ? $"There is no page in {folder}: name its folder with --page, docs/playground of the repository." : $"--page: there is no index.html in {folder}. Name docs/playground of the repository.");
        if (!File.Exists(Path.Combine(folder, "runtime", "runtime.js")))
            throw new ArgumentException($"--page: {folder} has no runtime/runtime.js, with which browsers compute. Run its get-runtime.sh once.");
        return folder;
    }
}
