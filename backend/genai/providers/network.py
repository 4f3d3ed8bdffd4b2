"""Sockets for the HTTP client that cost little per token.

httpx2 reads through anyio, which for every piece pauses and resumes the socket (two system calls) and opens a cancel
scope: a third of what a streamed token costs. These do the same on plain asyncio. Of the time limits they keep only
the one for connecting; `limits` has the others.
"""
# ruff: noqa: ASYNC109  (the parameters are httpcore2's)

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import httpcore2
import httpx2

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds before the next address of a host is tried as well (RFC 8305, section 8)."""

MAX_UNREAD = 256 * 1024
"""Unread bytes of a connection after which the server has to wait."""

BROKEN = (httpx2.HTTPError, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError)
"""How a connection fails."""

HUNG_UP = (httpcore2.RemoteProtocolError, httpcore2.ReadError, httpcore2.WriteError)
"""How it looks when the server closed the connection at its end."""


class Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 with a connection pool over asyncio's sockets, without proxies."""

    def __init__(self, tls: ssl.SSLContext | None, idle_seconds: float) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls, max_connections=None, keepalive_expiry=idle_seconds, network_backend=_Backend()
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request`; the body of the response is still to come. Raises one of `BROKEN`.

        A server may hang up an idle connection while the next request is on its way (llama.cpp does after each stream,
        though it promises to keep it), so what fails on a used connection before any answer is sent once more.
        """
        while True:
            connecting = _Connecting()
            try:
                response = await self._pool.handle_async_request(_as_httpcore(request, connecting))
            except HUNG_UP:
                if connecting.seen:
                    raise
            else:
                return httpx2.Response(response.status, headers=response.headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Connecting:
    """Notes whether a request had to open a connection (httpcore's "trace" extension)."""

    def __init__(self) -> None:
        self.seen = False

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        self.seen = self.seen or event == "connection.connect_tcp.started"


def _as_httpcore(request: httpx2.Request, trace: _Connecting) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        request.method,
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions={**request.extensions, "trace": trace},
    )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_stream()

    async def aclose(self) -> None:
        await self._response.aclose()


class _Backend(httpcore2.AsyncNetworkBackend):
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        plain_loop = isinstance(loop, asyncio.BaseEventLoop)  # uvloop tries the addresses one after another
        race: dict[str, Any] = {"happy_eyeballs_delay": HAPPY_EYEBALLS_DELAY} if plain_loop else {}
        try:
            _, socket = await asyncio.wait_for(loop.create_connection(_Socket, host, port, **race), timeout)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return _Stream(socket)


class _Stream(httpcore2.AsyncNetworkStream):
    def __init__(self, socket: "_Socket") -> None:
        self._socket = socket

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return await self._socket.read()
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self._socket.write(buffer)
        except OSError as error:
            raise httpcore2.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self._socket.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            await self._socket.start_tls(ssl_context, server_hostname, timeout)
        except OSError as error:
            self._socket.close()
            raise httpcore2.ConnectError(str(error)) from error
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of an idle connection: readable means that the server hung up
            return self._socket.has_ended
        return self._socket.extra_info(info)


class _Socket(asyncio.Protocol):
    """One connection: what arrived since the last `read`, and whoever waits for more."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.has_ended = False
        self._error: OSError | None = None
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._reader: asyncio.Future[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()

    async def read(self) -> bytes:
        """All that arrived; empty at the end. Raises `OSError` when the connection broke."""
        while not self._unread:
            if self._error:
                raise self._error
            if self.has_ended:
                return b""
            await self._more()
        data = b"".join(self._unread)
        self._unread.clear()
        if self._unread_bytes > MAX_UNREAD and not self._transport.is_closing():
            self._transport.resume_reading()
        self._unread_bytes = 0
        return data

    async def write(self, data: bytes) -> None:
        """Send `data`, waiting while the server is slow to take it. Raises `OSError` when the connection broke."""
        if not self._transport.is_closing():
            self._transport.write(data)
            await self._may_write.wait()
        if self.has_ended or self._transport.is_closing():
            raise self._error or ConnectionResetError("the server closed the connection")

    async def start_tls(self, context: ssl.SSLContext, hostname: str | None, timeout: float | None) -> None:
        """Continue encrypted. Raises `OSError`."""
        transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, context, server_hostname=hostname, ssl_handshake_timeout=timeout
        )
        if transport is None:
            raise ConnectionResetError("the connection was lost during the TLS handshake")
        self._transport = transport

    def close(self) -> None:
        """Close at once: TLS would wait for the server's good-bye, and an answer nobody reads would go on till then."""
        self._transport.abort()

    def extra_info(self, name: str) -> Any:
        """What the transport knows, such as `ssl_object`."""
        return self._transport.get_extra_info(name)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread.append(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > MAX_UNREAD and not self._transport.is_closing():
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.has_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended = True
        self._error = exc if exc is None or isinstance(exc, OSError) else ConnectionResetError(str(exc))
        self._may_write.set()
        self._wake()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    async def _more(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
