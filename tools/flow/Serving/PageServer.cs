using System.Diagnostics;
using System.Text;

namespace FlowRuntime.Tool.Serving;

/// <summary>Serves the files of a page to the browsers of this machine: a thread for each connection, a connection for each file.</summary>
internal sealed class PageServer : IDisposable
{
    /// <summary>The content type of files that are served, by their ending; others are not.</summary>
    private static string? TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        ".onnx" => "application/octet-stream",
        _ => null,
    };

    /// <summary>
    /// Nothing is kept; nothing is loaded from elsewhere, and nothing from here by pages of elsewhere. The worker and what it loads are made from text of the page (blob:), and compile WebAssembly.
    /// The page is alone with itself, so that its threads may share memory.
    /// </summary>
    private const string Headers = """
        Cache-Control: no-store
        Connection: close
        Content-Security-Policy: default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; worker-src blob:; connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        Cross-Origin-Embedder-Policy: require-corp
        Cross-Origin-Opener-Policy: same-origin
        Cross-Origin-Resource-Policy: same-origin
        Referrer-Policy: no-referrer
        X-Content-Type-Options: nosniff


        """;

    private const int MostConnections = 16;
    private const int SecondsToAsk = 5, SecondsToTake = 60;
    private const int StackBytes = 256 * 1024;

    private readonly string _folder;
    private readonly string _ownFolder;
    private readonly LoopbackSocket _listening;
    private readonly SemaphoreSlim _free = new(MostConnections);

    /// <summary>Listens; <see cref="Serve"/> answers.</summary>
    /// <param name="folder">The page's folder.</param>
    /// <param name="ownFolder">A folder whose files take the place of the page's.</param>
    /// <param name="port">The port; 0 for any that is free.</param>
    /// <exception cref="IOException">The port cannot be had.</exception>
    public PageServer(string folder, string ownFolder, int port)
    {
        (_folder, _ownFolder) = (folder, ownFolder);
        _listening = LoopbackSocket.Listen(port);
    }

    /// <summary>Where the page is.</summary>
    public string Address => $"http://127.0.0.1:{_listening.Port}/";

    /// <summary>Answers until it is cancelled, and returns when the last answer has ended.</summary>
    public void Serve(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _free.Wait(cancellationToken);
                LoopbackSocket connection;
                try
                {
                    connection = _listening.Accept(cancellationToken);
                }
                catch
                {
                    _free.Release();
                    throw;
                }
                new Thread(() => Answer(connection, cancellationToken), StackBytes) { IsBackground = true }.Start();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The end was asked for.
        }
        finally
        {
            for (int i = 0; i < MostConnections; i++)
                _free.Wait(CancellationToken.None); // answers end soon: by the cancellation, or by their deadlines
        }
    }

    public void Dispose()
    {
        _listening.Dispose();
        _free.Dispose();
    }

    private void Answer(LoopbackSocket connection, CancellationToken cancellationToken)
    {
        try
        {
            using (connection)
            {
                PageRequest? request = Asked(connection, cancellationToken);
                if (request is null)
                    return;
                Answer(connection, request, In(SecondsToTake), cancellationToken);
                connection.EndSending();
                // What is left of the request is taken, since closing over it would take the answer back.
                byte[] rest = new byte[1024];
                long deadline = In(1);
                while (connection.Receive(rest, deadline, cancellationToken) > 0)
                {
                }
            }
        }
        catch (Exception e) when (e is IOException or TimeoutException or OperationCanceledException or UnauthorizedAccessException)
        {
            // The browser has gone, or is too slow, or the end has come: there is nobody to tell.
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>Takes a request; null where none came.</summary>
    private PageRequest? Asked(LoopbackSocket connection, CancellationToken cancellationToken)
    {
        const int RequestTimeout = 408, TooLarge = 431;
        byte[] buffer = new byte[PageRequest.MostBytes];
        int length = 0;
        long deadline = In(SecondsToAsk);
        try
        {
            while (length < buffer.Length)
            {
                int count = connection.Receive(buffer.AsSpan(length), deadline, cancellationToken);
                if (count == 0)
                    return null;
                length += count;
                int end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
                if (end >= 0)
                    return PageRequest.Read(buffer.AsSpan(0, end), _listening.Port);
            }
        }
        catch (TimeoutException)
        {
            return length == 0 ? null : new PageRequest(RequestTimeout);
        }
        return new PageRequest(TooLarge);
    }

    private void Answer(LoopbackSocket connection, PageRequest request, long deadline, CancellationToken cancellationToken)
    {
        string? type = request.Status == 200 ? TypeOf(request.Name) : null;
        using FileStream? file = type is null ? null : Opened(_ownFolder, request.Name) ?? Opened(_folder, request.Name);
        int status = request.Status == 200 && file is null ? 404 : request.Status;
        string reason = status switch
        {
            200 => "OK",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            431 => "Request Header Fields Too Large",
            505 => "HTTP Version Not Supported",
            _ => "Bad Request",
        };
        string text = file is null ? $"{status} {reason}\n" : "";
        string head = $"HTTP/1.1 {status} {reason}\nContent-Type: {type ?? "text/plain"}\nContent-Length: {file?.Length ?? text.Length}\n{(status == 405 ? "Allow: GET, HEAD\n" : "")}{Headers}";
        connection.Send(Encoding.ASCII.GetBytes(head.Replace("\n", "\r\n", StringComparison.Ordinal) + (request.HeadersAlone ? "" : text)), deadline, cancellationToken);
        if (file is null || request.HeadersAlone)
            return;
        byte[] buffer = new byte[64 * 1024];
        for (int count; (count = file.Read(buffer)) > 0;)
            connection.Send(buffer.AsSpan(0, count), deadline, cancellationToken);
    }

    /// <summary>Opens a file below a folder; null where there is none, or a link on the way, which may lead anywhere.</summary>
    private static FileStream? Opened(string folder, string name)
    {
        string path = folder;
        foreach (string part in name.Split('/'))
        {
            path = Path.Combine(path, part);
            if (!Path.Exists(path) || (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0)
                return null;
        }
        return File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0) : null;
    }

    /// <summary>The time in some seconds, as <see cref="Stopwatch"/> counts.</summary>
    private static long In(int seconds) => Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
}
