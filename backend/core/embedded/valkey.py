"""Valkey as our child: 127.0.0.1 only, a password, an append-only file."""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.core.embedded import wheels
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.logs import keep_previous
from backend.core.embedded.ports import LOOPBACK, free_port
from backend.core.embedded.processes import POLL, Child, last_lines, spawn, stop


@dataclass
class Valkey:
    """A running server."""

    folder: Path
    log: Path
    port: int
    password: str
    child: Child

    @property
    def url(self) -> str:
        """Its address, password included."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def name(self) -> str:
        """What people call it."""
        return self.child.name

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child.alive

    def restart(self) -> None:
        """Start it again on the same port after it died, so that everyone's address stays true."""
        self.child, self.port = _launch(self.folder, self.log, self.password, self.port)

    def stop(self) -> None:
        """SIGTERM makes Valkey write and fsync its append-only file first."""
        stop(self.child, signal.SIGTERM)


def start_valkey(data_dir: Path) -> Valkey:
    """Start Valkey on what `data_dir` holds; returns when it answers.

    Raises `CannotStart`. The caller holds the lock of the data directory.
    """
    folder = data_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    log = data_dir / "logs" / "valkey.log"
    password = token_urlsafe(24)
    child, port = _launch(folder, log, password, None)
    return Valkey(folder, log, port, password, child)


def _launch(folder: Path, log: Path, password: str, fixed_port: int | None) -> tuple[Child, int]:
    program = wheels.valkey_server()
    if program is None:
        raise CannotStart("Valkey isn't installed. Run `make setup`, or set REDIS_URL to use another.")
    while True:
        keep_previous(log)
        port = fixed_port or free_port()
        child = spawn("Valkey", [program, "-"], log=log, stdin=subprocess.PIPE, cwd=folder)
        _send_configuration(child, _configuration(folder, port, password))
        if _answers(child, port, password):
            return child, port
        if fixed_port is not None or "bind: Address already in use" not in last_lines(log):
            raise child.report("stopped while it was starting")


def _configuration(folder: Path, port: int, password: str) -> str:
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f"""\
bind {LOOPBACK}
port {port}
requirepass {password}
daemonize no
dir "{quoted}"
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


def _send_configuration(child: Child, text: str) -> None:
    """Through stdin, so that the password stands neither on the command line nor in a file."""
    pipe = child.process.stdin
    assert pipe is not None
    try:
        pipe.write(text.encode())
        pipe.close()
    except BrokenPipeError:
        pass  # it ended at once: its log says why


def _answers(child: Child, port: int, password: str) -> bool:
    """Wait for an answer to PING; False when the server ended first. Loading a large file may take long."""
    once = Retry(NoBackoff(), 0)
    with redis.Redis(
        host=LOOPBACK, port=port, password=password, socket_connect_timeout=1, socket_timeout=1, retry=once
    ) as client:
        while child.alive:
            try:
                client.ping()
            except redis.RedisError:
                time.sleep(POLL)
            else:
                return True
    return False
