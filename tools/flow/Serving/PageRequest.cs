using System.Text;

namespace FlowRuntime.Tool.Serving;

/// <summary>What a browser asks for: the first lines of HTTP/1.1, of which little is understood and the rest refused.</summary>
internal sealed class PageRequest(int status, string name = "", bool headersAlone = false)
{
    /// <summary>200, or why it is refused.</summary>
    public int Status => status;

    /// <summary>The file's name from the page's folder, of letters, digits, '.', '-', '_' and '/' between them.</summary>
    public string Name => name;

    /// <summary>Whether the file itself is not wanted.</summary>
    public bool HeadersAlone => headersAlone;

    /// <summary>Most bytes of a request.</summary>
    public const int MostBytes = 8192;

    private const int BadRequest = 400, Forbidden = 403, NotFound = 404, MethodNotAllowed = 405, VersionNotSupported = 505;

    /// <summary>Reads the lines before the empty one.</summary>
    /// <param name="head">The bytes of the request, up to the empty line.</param>
    /// <param name="port">The port it came to: a page of another name that was led to this machine (DNS rebinding) tells that name as its host.</param>
    public static PageRequest Read(ReadOnlySpan<byte> head, int port)
    {
        string[] lines = Encoding.Latin1.GetString(head).Split("\r\n");
        string[] words = lines[0].Split(' ');
        if (words is not [var method, var target, var version])
            return new PageRequest(BadRequest);
        if (version is not ("HTTP/1.1" or "HTTP/1.0"))
            return new PageRequest(VersionNotSupported);
        string? host = null;
        for (int i = 1; i < lines.Length; i++)
        {
            int colon = lines[i].IndexOf(':');
            if (colon <= 0 || lines[i][0] is ' ' or '\t')
                return new PageRequest(BadRequest);
            if (!lines[i].AsSpan(0, colon).Equals("Host", StringComparison.OrdinalIgnoreCase))
                continue;
            if (host is not null)
                return new PageRequest(BadRequest);
            host = lines[i][(colon + 1)..].Trim();
        }
        if (host is null)
            return new PageRequest(BadRequest);
        if (!IsThis(host, "127.0.0.1", port) && !IsThis(host, "localhost", port))
            return new PageRequest(Forbidden);
        if (method is not ("GET" or "HEAD"))
            return new PageRequest(MethodNotAllowed);
        int query = target.IndexOf('?');
        string path = query < 0 ? target : target[..query];
        string file = path == "/" ? "index.html" : path.StartsWith('/') ? path[1..] : "";
        return IsPlain(file) ? new PageRequest(200, file, method == "HEAD") : new PageRequest(NotFound);
    }

    private static bool IsThis(string host, string expected, int port) =>
        host.Equals($"{expected}:{port}", StringComparison.OrdinalIgnoreCase) || port == 80 && host.Equals(expected, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a name can only lead to a file below a folder: nothing in it is encoded, and no part is empty or begins with a dot.</summary>
    private static bool IsPlain(string file)
    {
        char before = '/';
        foreach (char letter in file)
        {
            if (!(char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' || letter is '.' or '/' && before != '/'))
                return false;
            before = letter;
        }
        return before != '/';
    }
}
