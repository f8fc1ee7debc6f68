using System.Net;
using System.Net.Sockets;
using System.Text;
using FlowRuntime.Tool.Serving;

namespace FlowRuntime.Tool.Tests;

/// <summary>The server of <c>flow play</c> gives the page's files to browsers of this machine, and nothing else to anybody.</summary>
public sealed class PageServerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly WorkFolder _folder = new();
    private readonly CancellationTokenSource _end = new();
    private readonly PageServer _server;
    private readonly Task _serving;

    public PageServerTests()
    {
        Write("page/index.html", "<p>the page</p>");
        Write("page/page.js", "page();");
        Write("page/style.css", "p { color: red }");
        Write("page/icon.svg", "<svg/>");
        Write("page/notes.txt", "notes");
        Write("page/.hidden.js", "hidden();");
        Write("page/models/list.js", "the page's list");
        Write("own/models/list.js", "the own list");
        Write("own/models/own.onnx", new string('m', 3_000_000));
        Write("outside.js", "outside();");
        _server = new PageServer(_folder["page"], _folder["own"], port: 0);
        _serving = Task.Run(() => _server.Serve(_end.Token), TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        _end.Cancel();
        _serving.Wait(Patience, CancellationToken.None);
        _server.Dispose();
        _end.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("", "text/html", "<p>the page</p>")]
    [InlineData("index.html", "text/html", "<p>the page</p>")]
    [InlineData("page.js?version=2", "text/javascript", "page();")]
    [InlineData("style.css", "text/css", "p { color: red }")]
    [InlineData("icon.svg", "image/svg+xml", "<svg/>")]
    [InlineData("models/list.js", "text/javascript", "the own list")]
    public async Task A_file_is_given_whole_and_kept_nowhere(string name, string type, string content)
    {
        using var client = new HttpClient();
        foreach (HttpMethod method in new[] { HttpMethod.Get, HttpMethod.Head })
        {
            using var request = new HttpRequestMessage(method, _server.Address + name);
            using HttpResponseMessage answer = await client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.OK, type), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
            Assert.Equal(content.Length, answer.Content.Headers.ContentLength);
            Assert.Equal(method == HttpMethod.Get ? content : "", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            Assert.True(answer.Headers.CacheControl is { NoStore: true });
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            Assert.StartsWith("default-src 'none'; script-src 'self' ", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
            Assert.Equal("same-origin", Assert.Single(answer.Headers.GetValues("Cross-Origin-Resource-Policy")));
        }
    }

    [Fact]
    public async Task Many_ask_at_once_and_large_files_arrive()
    {
        using var client = new HttpClient();
        byte[][] files = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => client.GetByteArrayAsync(_server.Address + "models/own.onnx", TestContext.Current.CancellationToken)));
        Assert.All(files, file => Assert.Equal(3_000_000, file.Length));
    }

    [Theory]
    [InlineData("GET /../outside.js HTTP/1.1", 404)]
    [InlineData("GET /models/../../outside.js HTTP/1.1", 404)]
    [InlineData("GET /%2e%2e/outside.js HTTP/1.1", 404)]
    [InlineData("GET /..%2foutside.js HTTP/1.1", 404)]
    [InlineData("GET /..\\outside.js HTTP/1.1", 404)]
    [InlineData("GET //page.js HTTP/1.1", 404)]
    [InlineData("GET /models//list.js HTTP/1.1", 404)]
    [InlineData("GET /page.js/ HTTP/1.1", 404)]
    [InlineData("GET /models HTTP/1.1", 404)]
    [InlineData("GET /.hidden.js HTTP/1.1", 404)]
    [InlineData("GET /notes.txt HTTP/1.1", 404)]
    [InlineData("GET /none.js HTTP/1.1", 404)]
    [InlineData("GET /page.js/none.js HTTP/1.1", 404)]
    [InlineData("GET /page.js\0.html HTTP/1.1", 404)]
    [InlineData("GET http://127.0.0.1/page.js HTTP/1.1", 404)]
    [InlineData("GET * HTTP/1.1", 404)]
    [InlineData("POST /page.js HTTP/1.1", 405)]
    [InlineData("OPTIONS * HTTP/1.1", 405)]
    [InlineData("get /page.js HTTP/1.1", 405)]
    [InlineData("GET /page.js HTTP/2.0", 505)]
    [InlineData("GET /page.js", 400)]
    [InlineData("GET  /page.js HTTP/1.1", 400)]
    [InlineData("", 400)]
    public async Task Nothing_else_is_given(string line, int status)
    {
        string answer = await Answer($"{line}\r\nHost: 127.0.0.1:{Port}\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("();", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host: localhost:{port}", 200)]
    [InlineData("host:LOCALHOST:{port} ", 200)]
    [InlineData("Host: 127.0.0.1", 403)]
    [InlineData("Host: 127.0.0.1:1{port}", 403)]
    [InlineData("Host: evil.example:{port}", 403)]
    [InlineData("Host: 127.0.0.1:{port}.evil.example", 403)]
    [InlineData("Host: 192.168.0.1:{port}", 403)]
    [InlineData("Host:", 403)]
    [InlineData("Host: 127.0.0.1:{port}\r\nHost: evil.example", 400)]
    [InlineData("X: Host: 127.0.0.1:{port}", 400)]
    [InlineData("Host 127.0.0.1", 400)]
    [InlineData("X: 1\r\n Host: 127.0.0.1:{port}", 400)]
    public async Task A_page_of_another_name_gets_nothing(string headers, int status)
    {
        string answer = await Answer($"GET /page.js HTTP/1.1\r\n{headers.Replace("{port}", $"{Port}", StringComparison.Ordinal)}\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Equal(status == 200, answer.Contains("page();", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Links_are_not_followed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights there.");
        File.CreateSymbolicLink(_folder["page/linked.js"], _folder["outside.js"]);
        Directory.CreateSymbolicLink(_folder["page/above"], _folder["own"]);
        foreach (string name in new[] { "linked.js", "above/models/list.js" })
            Assert.StartsWith("HTTP/1.1 404 ", await Answer($"GET /{name} HTTP/1.1\r\nHost: 127.0.0.1:{Port}\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_is_too_long_is_refused() =>
        Assert.StartsWith("HTTP/1.1 431 ", await Answer($"GET /page.js HTTP/1.1\r\nHost: 127.0.0.1:{Port}\r\nX: {new string('x', PageRequest.MostBytes)}"), StringComparison.Ordinal);

    [Fact]
    public async Task A_request_that_is_not_finished_in_time_is_given_up_and_hinders_nobody()
    {
        using var slow = new TcpClient();
        await slow.ConnectAsync(IPAddress.Loopback, Port, TestContext.Current.CancellationToken);
        await slow.GetStream().WriteAsync("GET /page.js HT"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.StartsWith("HTTP/1.1 200 ", await Answer($"GET /page.js HTTP/1.1\r\nHost: 127.0.0.1:{Port}\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 408 ", await Rest(slow), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_ends_at_once_whoever_is_connected()
    {
        using var silent = new TcpClient();
        await silent.ConnectAsync(IPAddress.Loopback, Port, TestContext.Current.CancellationToken);
        using var greedy = new TcpClient(); // asks for what it never takes
        await greedy.ConnectAsync(IPAddress.Loopback, Port, TestContext.Current.CancellationToken);
        await greedy.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET /models/own.onnx HTTP/1.1\r\nHost: 127.0.0.1:{Port}\r\n\r\n"), TestContext.Current.CancellationToken);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        await _end.CancelAsync();
        await _serving.WaitAsync(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_port_that_is_taken_is_told()
    {
        var e = Assert.Throws<IOException>(() => new PageServer(_folder["page"], _folder["own"], Port));
        Assert.Contains($"Port {Port} of 127.0.0.1", e.Message, StringComparison.Ordinal);
    }

    private int Port => new Uri(_server.Address).Port;

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllText(_folder[name], content);
    }

    private async Task<string> Answer(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(request), TestContext.Current.CancellationToken);
        return await Rest(client);
    }

    private static async Task<string> Rest(TcpClient client)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
        return await reader.ReadToEndAsync(patience.Token);
    }
}
