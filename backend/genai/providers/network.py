"""Sockets for the HTTP client that cost little per token.

httpx2 reads through anyio, which pauses and resumes the socket (two system calls) and opens a cancel scope for every
piece it reads: a third of what a streamed token costs. These do the same on plain asyncio. Time limits other than the
one for connecting are kept by `reading`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import httpcore2
import httpx2

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds before the next address of a host is tried as well (RFC 8305, section 8)."""

MAX_BUFFERED = 256 * 1024
"""Unread bytes of a connection after which the server has to wait."""

BROKEN = (
    httpx2.HTTPError,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    OSError,
)
"""How a connection fails."""


class Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 with a connection pool over asyncio's sockets, without proxies."""

    def __init__(self, tls: ssl.SSLContext | None, idle_seconds: float) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls, max_connections=None, keepalive_expiry=idle_seconds, network_backend=_Backend()
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request`; the response's body is still to come. Raises one of `BROKEN`."""
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        response = await self._pool.handle_async_request(
            httpcore2.Request(
                request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
            )
        )
        return httpx2.Response(response.status, headers=response.headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._response.aiter_stream()) as pieces:
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        await self._response.aclose()
