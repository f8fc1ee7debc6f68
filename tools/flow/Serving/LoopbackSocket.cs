using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FlowRuntime.Tool.Serving;

/// <summary>A TCP socket on 127.0.0.1, which other machines cannot reach, by the system's own calls.</summary>
/// <remarks>
/// .NET's sockets bring addresses, names and completion queues along, of which a native program would carry more than 100 kB. Here are the calls of BSD sockets that a server needs.
/// None of them blocks: each is preceded by <c>poll</c>, which ends at a deadline. (On a Mac a connection that goes just then lets <c>accept</c> wait for the next one.)
/// Numbers are those of the systems' headers: sys/socket.h, poll.h, errno.h and winsock2.h. Calls with open lists of arguments, such as fcntl, are not among them, since Apple silicon passes those in another way.
/// </remarks>
internal sealed class LoopbackSocket : IDisposable
{
    private const int Internet = 2, Stream = 1; // AF_INET, SOCK_STREAM
    private const int Backlog = 16;
    private const int InterruptedOnUnix = 4, AgainOnLinux = 11, AgainOnMac = 35, InterruptedOnWindows = 10004, AgainOnWindows = 10035;
    private const int AbortedOnLinux = 103, AbortedOnMac = 53, ResetOnWindows = 10054; // a client that was gone before it was accepted
    private const short ReadableOnUnix = 1, WritableOnUnix = 4, ReadableOnWindows = 0x100, WritableOnWindows = 0x10;
    private const int DoNotWaitOnLinux = 0x40, DoNotWaitOnMac = 0x80; // MSG_DONTWAIT
    private const int AddressLength = 16; // of sockaddr_in
    private const int Slice = 100; // milliseconds, between looks at the cancellation

    private static readonly bool OnWindows = OperatingSystem.IsWindows(), OnMac = OperatingSystem.IsMacOS();

    private readonly nint _handle;
    private int _isClosed;

    private LoopbackSocket(nint handle)
    {
        _handle = handle;
        const int NonBlocking = unchecked((int)0x8004667E); // FIONBIO; Unix is told at each call
        uint on = 1;
        if (OnWindows)
            _ = Winsock.Control(handle, NonBlocking, ref on);
    }

    /// <summary>The port that it listens at.</summary>
    public int Port { get; private init; }

    /// <summary>Listens.</summary>
    /// <param name="port">The port; 0 for any that is free.</param>
    /// <exception cref="IOException">It cannot: the port is taken, or may not be had.</exception>
    public static LoopbackSocket Listen(int port)
    {
        if (OnWindows)
        {
            const short Version = 0x202;
            _ = Winsock.Startup(Version, new byte[512]);
        }
        nint handle = OnWindows ? Winsock.Socket(Internet, Stream, 0) : Unix.Socket(Internet, Stream, 0);
        Require(handle != -1, port);
        try
        {
            // On Unix a port whose last connections are still dying can be had; on Windows the same option would share it with others, and another one forbids that.
            (int level, int option) = OnWindows ? (0xFFFF, -5) : OnMac ? (0xFFFF, 4) : (1, 2);
            int on = 1;
            _ = OnWindows ? Winsock.SetOption(handle, level, option, on, sizeof(int)) : Unix.SetOption((int)handle, level, option, on, sizeof(int));

            byte[] address = new byte[AddressLength];
            (address[0], address[1]) = OnMac ? ((byte)AddressLength, (byte)Internet) : ((byte)Internet, (byte)0);
            (address[2], address[3]) = ((byte)(port >> 8), (byte)port);
            (address[4], address[7]) = (127, 1);
            Require((OnWindows ? Winsock.Bind(handle, address, AddressLength) : Unix.Bind((int)handle, address, AddressLength)) == 0, port);
            Require((OnWindows ? Winsock.Listen(handle, Backlog) : Unix.Listen((int)handle, Backlog)) == 0, port);
            int length = AddressLength;
            Require((OnWindows ? Winsock.Name(handle, address, ref length) : Unix.Name((int)handle, address, ref length)) == 0, port);
            return new LoopbackSocket(handle) { Port = address[2] << 8 | address[3] };
        }
        catch
        {
            Close(handle);
            throw;
        }
    }

    /// <summary>Waits for the next connection.</summary>
    /// <exception cref="OperationCanceledException">Nothing more is waited for.</exception>
    public LoopbackSocket Accept(CancellationToken cancellationToken)
    {
        while (true)
        {
            Await(OnWindows ? ReadableOnWindows : ReadableOnUnix, long.MaxValue, cancellationToken);
            nint handle = OnWindows ? Winsock.Accept(_handle, 0, 0) : Unix.Accept((int)_handle, 0, 0);
            if (handle != -1)
                return new LoopbackSocket(handle);
            RequirePassing(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Receives what has come, waiting for the first byte.</summary>
    /// <returns>The number of bytes; 0 where the other side has ended.</returns>
    /// <exception cref="TimeoutException">Nothing came before the deadline, a time of <see cref="Stopwatch"/>.</exception>
    /// <exception cref="IOException">The connection is broken.</exception>
    public int Receive(Span<byte> buffer, long deadline, CancellationToken cancellationToken)
    {
        while (true)
        {
            Await(OnWindows ? ReadableOnWindows : ReadableOnUnix, deadline, cancellationToken);
            ref byte first = ref MemoryMarshal.GetReference(buffer);
            int count = OnWindows ? Winsock.Receive(_handle, ref first, buffer.Length, 0) : (int)Unix.Receive((int)_handle, ref first, buffer.Length, OnMac ? DoNotWaitOnMac : DoNotWaitOnLinux);
            if (count >= 0)
                return count;
            RequirePassing(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Sends all of it.</summary>
    /// <exception cref="TimeoutException">It was not taken before the deadline.</exception>
    /// <exception cref="IOException">The connection is broken.</exception>
    public void Send(ReadOnlySpan<byte> bytes, long deadline, CancellationToken cancellationToken)
    {
        // A connection that is broken is an error and no signal, since .NET ignores SIGPIPE.
        while (bytes.Length > 0)
        {
            Await(OnWindows ? WritableOnWindows : WritableOnUnix, deadline, cancellationToken);
            ref byte first = ref MemoryMarshal.GetReference(bytes);
            int count = OnWindows ? Winsock.Send(_handle, ref first, bytes.Length, 0) : (int)Unix.Send((int)_handle, ref first, bytes.Length, OnMac ? DoNotWaitOnMac : DoNotWaitOnLinux);
            if (count >= 0)
                bytes = bytes[count..];
            else
                RequirePassing(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Says that nothing more will be sent: what was sent arrives before the end.</summary>
    public void EndSending()
    {
        const int Sending = 1;
        _ = OnWindows ? Winsock.Shutdown(_handle, Sending) : Unix.Shutdown((int)_handle, Sending);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
            Close(_handle);
    }

    private void Await(short events, long deadline, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Stopwatch.GetTimestamp() > deadline)
                throw new TimeoutException();
            int ready;
            if (OnWindows)
            {
                var awaited = new WindowsPoll { Handle = _handle, Events = events };
                ready = Winsock.Poll(ref awaited, 1, Slice);
            }
            else
            {
                var awaited = new UnixPoll { Handle = (int)_handle, Events = events };
                ready = Unix.Poll(ref awaited, 1, Slice);
            }
            if (ready > 0)
                return; // an error is told by the call that follows
            if (ready < 0)
                RequirePassing(Marshal.GetLastPInvokeError());
        }
    }

    private static void RequirePassing(int error)
    {
        bool isPassing = OnWindows ? error is InterruptedOnWindows or AgainOnWindows or ResetOnWindows
            : error == InterruptedOnUnix || error == (OnMac ? AgainOnMac : AgainOnLinux) || error == (OnMac ? AbortedOnMac : AbortedOnLinux);
        if (!isPassing)
            throw new IOException(Marshal.GetPInvokeErrorMessage(error));
    }

    private static void Require(bool done, int port)
    {
        if (!done)
            throw new IOException($"Port {port} of 127.0.0.1 cannot be had: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
    }

    private static void Close(nint handle) => _ = OnWindows ? Winsock.Close(handle) : Unix.Close((int)handle);

    private struct UnixPoll
    {
        public int Handle;
        public short Events, Found;
    }

    private struct WindowsPoll
    {
        public nint Handle;
        public short Events, Found;
    }

    private static class Unix
    {
        private const string Library = "libc";

        [DllImport(Library, EntryPoint = "socket", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Socket(int family, int type, int protocol);

        [DllImport(Library, EntryPoint = "setsockopt"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int SetOption(int socket, int level, int option, in int value, int length);

        [DllImport(Library, EntryPoint = "bind", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Bind(int socket, byte[] address, int length);

        [DllImport(Library, EntryPoint = "listen", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Listen(int socket, int backlog);

        [DllImport(Library, EntryPoint = "getsockname", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Name(int socket, byte[] address, ref int length);

        [DllImport(Library, EntryPoint = "accept", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Accept(int socket, nint address, nint length);

        [DllImport(Library, EntryPoint = "poll", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Poll(ref UnixPoll awaited, nuint count, int milliseconds);

        [DllImport(Library, EntryPoint = "recv", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern nint Receive(int socket, ref byte buffer, nint length, int flags);

        [DllImport(Library, EntryPoint = "send", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern nint Send(int socket, ref byte buffer, nint length, int flags);

        [DllImport(Library, EntryPoint = "shutdown"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Shutdown(int socket, int how);

        [DllImport(Library, EntryPoint = "close"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Close(int file);
    }

    private static class Winsock
    {
        private const string Library = "ws2_32";

        [DllImport(Library, EntryPoint = "WSAStartup"), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Startup(short version, byte[] data);

        [DllImport(Library, EntryPoint = "socket", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern nint Socket(int family, int type, int protocol);

        [DllImport(Library, EntryPoint = "setsockopt"), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int SetOption(nint socket, int level, int option, in int value, int length);

        [DllImport(Library, EntryPoint = "ioctlsocket"), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Control(nint socket, int command, ref uint value);

        [DllImport(Library, EntryPoint = "bind", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Bind(nint socket, byte[] address, int length);

        [DllImport(Library, EntryPoint = "listen", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Listen(nint socket, int backlog);

        [DllImport(Library, EntryPoint = "getsockname", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Name(nint socket, byte[] address, ref int length);

        [DllImport(Library, EntryPoint = "accept", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern nint Accept(nint socket, nint address, nint length);

        [DllImport(Library, EntryPoint = "WSAPoll", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Poll(ref WindowsPoll awaited, uint count, int milliseconds);

        [DllImport(Library, EntryPoint = "recv", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Receive(nint socket, ref byte buffer, int length, int flags);

        [DllImport(Library, EntryPoint = "send", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Send(nint socket, ref byte buffer, int length, int flags);

        [DllImport(Library, EntryPoint = "shutdown"), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Shutdown(nint socket, int how);

        [DllImport(Library, EntryPoint = "closesocket"), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern int Close(nint socket);
    }
}
