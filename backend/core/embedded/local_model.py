"""The small local model: started on its first call, one server for each data directory, gone with its starter."""

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from backend.core.embedded import wheels
from backend.core.embedded.data_dir import DataDir, write_private
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.logs import keep_previous
from backend.core.embedded.ports import LOOPBACK, free_port
from backend.core.embedded.processes import Child, last_lines, spawn, start_time, stop
from backend.core.errors import Unavailable
from backend.core.settings import PROJECT_ROOT, get_settings

_POLL = 0.05  # seconds between looks while it starts

_children: dict[Path, Child] = {}  # the servers that this process started, by data directory


@dataclass(frozen=True)
class _Server:
    pid: int
    started: str | None
    port: int

    @property
    def alive(self) -> bool:
        return self.started is not None and start_time(self.pid) == self.started


def local_model_installed() -> bool:
    """Whether llama.cpp's server and the small model are here; nothing is imported to find out."""
    return find_spec("xllamacpp") is not None and wheels.model_file() is not None


async def ensure_local_model() -> int:
    """The port of 127.0.0.1 where the local model answers, as `local`, in OpenAI's API; starts it if it doesn't run.

    Call it in the main thread's event loop; any number of tasks and processes may, at once. Raises `Unavailable`.
    """
    data_dir = get_settings().data_dir
    while True:
        known = _recorded(data_dir)
        server = known or await _start(data_dir)
        if await _becomes_healthy(server):
            return server.port
        if known is None and "couldn't bind" not in last_lines(_log(data_dir), 40):
            raise Unavailable("The local model ended while it was starting; logs/local_model.log says why.")
        # otherwise the one we knew ended just now, or another program took the port in between: once more


def stop_local_model() -> None:
    """End the server of the present data directory, if this process started it."""
    data_dir = get_settings().data_dir
    if child := _children.pop(data_dir, None):
        stop(child, signal.SIGKILL)
        (data_dir / "local_model.json").unlink(missing_ok=True)


async def _start(data_dir: Path) -> _Server:
    if not local_model_installed():
        raise Unavailable("The local model isn't installed. Run `make setup`, or configure another model.")
    try:
        DataDir(data_dir)
    except CannotStart as error:
        raise Unavailable("The local model can't start: the data directory can't be written.") from error
    async with _one_at_a_time(data_dir):
        return _recorded(data_dir) or _spawn(data_dir)


def _spawn(data_dir: Path) -> _Server:
    if dead := _children.pop(data_dir, None):
        dead.process.wait()
    port = free_port()
    keep_previous(_log(data_dir))
    child = spawn(
        "The local model",
        [sys.executable, "-m", "backend.core.embedded.local_model_server", str(port), str(os.getpid())],
        log=_log(data_dir),
        cwd=PROJECT_ROOT,
        on_parent_death=signal.SIGKILL,
    )
    _children[data_dir] = child
    server = _Server(child.process.pid, start_time(child.process.pid), port)
    write_private(data_dir / "local_model.json", json.dumps(asdict(server)))
    return server


def _recorded(data_dir: Path) -> _Server | None:
    """The server that lives, whoever started it and whether or not it answers yet."""
    with suppress(OSError, ValueError, TypeError):
        server = _Server(**json.loads((data_dir / "local_model.json").read_text()))
        return server if server.alive else None
    return None


async def _becomes_healthy(server: _Server) -> bool:
    """Wait for its first good answer; False when it ended before."""
    while server.alive:
        if await _healthy(server.port):
            return True
        await asyncio.sleep(_POLL)
    return False


async def _healthy(port: int) -> bool:
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(f"GET /health HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    return False


@asynccontextmanager
async def _one_at_a_time(data_dir: Path) -> AsyncIterator[None]:
    descriptor = os.open(data_dir / "local_model.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _log(data_dir: Path) -> Path:
    return data_dir / "logs" / "local_model.log"
