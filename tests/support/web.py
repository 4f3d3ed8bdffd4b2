"""The API as it is served: behind its guard, in this process or over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import psycopg
from granian.constants import Interfaces
from granian.server.embed import Server

from backend.api import Guard, create_api
from backend.core.embedded.ports import free_port
from backend.core.events import Frame
from tests.support.services import database_url, environment

ORIGIN = "http://localhost:3000"


@asynccontextmanager
async def browser(cookie: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    """A client whose requests look as one of our pages sends them. Redirects are not followed."""
    transport = httpx2.ASGITransport(app=Guard(create_api()), raise_app_exceptions=False)
    headers = {"origin": ORIGIN, **({"cookie": cookie} if cookie else {})}
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The API on a real port."""
    port = free_port()
    server = Server(Guard(create_api()), port=port, interface=Interfaces.ASGINL, log_enabled=False)
    with environment(STOA_PORT=str(port)):
        task = asyncio.create_task(server.serve())
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await writer.wait_closed()
            break
        try:
            yield port
        finally:
            server.stop()
            await task


class EventSource:
    """What a browser does with an event stream, over a connection of its own."""

    def __init__(self, port: int, path: str, cookie: str, last_id: str = "") -> None:
        self._where = (port, path, cookie)
        self.last_id = last_id
        self.head = ""
        self.comments = 0

    async def frames(self) -> AsyncIterator[Frame]:
        """Each event as it arrives; the connection closes when the caller stops."""
        port, path, cookie = self._where
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        resume = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n{resume}"
            "Accept: text/event-stream\r\nConnection: close\r\n\r\n".encode()
        )
        try:
            self.head = (await reader.readuntil(b"\r\n\r\n")).decode()
            async for block in _blocks(reader):
                frame = _frame(block)
                if frame.name:
                    self.last_id = frame.id or self.last_id
                    yield frame
                else:
                    self.comments += block.startswith(":")
        finally:
            writer.close()


async def _blocks(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """Events of a chunked body."""
    text = ""
    while size := int(await reader.readline(), 16):
        text += (await reader.readexactly(size)).decode()
        await reader.readexactly(2)
        *blocks, text = text.split("\n\n")
        for block in blocks:
            yield block


def _frame(block: str) -> Frame:
    fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
    if "data" in fields:
        json.loads(fields["data"])
    return Frame(fields.get("event", ""), fields.get("data", ""), fields.get("id", ""))


@contextmanager
def closed(url: str) -> Iterator[None]:
    """A database that refuses connections, and ends those it has, as a Postgres that restarts does."""
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(database_url(url, "postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
