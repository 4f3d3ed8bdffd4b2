"""aiohttp under the provider SDKs: its parser is C, and a streamed token costs half of what it does with httpx2."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import aiohttp
import httpx2
from yarl import URL

BROKEN = (httpx2.HTTPError, OSError)
"""How a connection fails."""

HUNG_UP = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError)
"""How it looks when the server closed the connection at its end."""

ADDED_BY_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 with a connection pool, without proxies and cookies. Of the time limits it keeps the one to connect."""

    def __init__(self, tls: ssl.SSLContext | None, idle_seconds: float) -> None:
        self._tls = tls
        self._idle = idle_seconds
        self._opened: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request`; the body of the response is still to come. Raises one of `BROKEN`.

        A server may hang up an idle connection while the next request is on its way (llama.cpp does after each stream,
        though it promises to keep it), so what fails on a used connection before any answer is sent once more.
        """
        body = await request.aread()
        while True:
            connection = _Connection()
            try:
                with _as_httpx(request):
                    response = await self._send(request, body, connection)
            except httpx2.NetworkError as error:
                if not (connection.was_used and isinstance(error.__cause__, HUNG_UP)):
                    raise
            else:
                return httpx2.Response(response.status, headers=response.raw_headers, stream=_Body(request, response))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._opened is not None:
            await self._opened.close()

    async def _send(self, request: httpx2.Request, body: bytes, connection: "_Connection") -> aiohttp.ClientResponse:
        limits = request.extensions.get("timeout", {})
        return await self._session().request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
            data=BytesIO(body),  # aiohttp sends it in pieces
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(sock_connect=limits.get("connect")),
            trace_request_ctx=connection,
        )

    def _session(self) -> aiohttp.ClientSession:
        """The pool, opened in the event loop that uses it."""
        if self._opened is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls or True, limit=0, keepalive_timeout=self._idle),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                auto_decompress=False,
                skip_auto_headers=ADDED_BY_AIOHTTP,
                trace_configs=[trace],
            )
        return self._opened


class _Connection:
    """What a request found out about its connection."""

    was_used = False


async def _note_reuse(_session: Any, context: Any, _params: Any) -> None:
    context.trace_request_ctx.was_used = True


class _Body(httpx2.AsyncByteStream):
    def __init__(self, request: httpx2.Request, response: aiohttp.ClientResponse) -> None:
        self._request = request
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            while piece := await self._next_piece():
                yield piece

    async def _next_piece(self) -> bytes:
        try:
            return await self._response.content.readany()
        except RuntimeError as error:  # how aiohttp says that the session was closed
            raise aiohttp.ClientConnectionError(str(error)) from error

    async def aclose(self) -> None:
        """Give the connection back after the end; before it, close it, so that the server needn't go on."""
        self._response.release() if self._response.content.at_eof() else self._response.close()


@contextmanager
def _as_httpx(request: httpx2.Request) -> Iterator[None]:
    """What the SDKs know by httpx2's names."""
    try:
        yield
    except TimeoutError as error:
        raise httpx2.ConnectTimeout(str(error), request=request) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx2.ConnectError(str(error), request=request) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx2.ReadError(str(error) or type(error).__name__, request=request) from error
