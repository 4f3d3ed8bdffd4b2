"""Postgres as our child: 127.0.0.1 only, a password, durable, quick to stop and start."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from backend.core.embedded.cluster import SUPERUSER, Cluster, open_cluster
from backend.core.embedded.logs import keep_previous
from backend.core.embedded.ports import LOOPBACK, free_port
from backend.core.embedded.processes import POLL, Child, last_lines, spawn, stop

DATABASE = "stoa"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # no socket files: long paths and shared /tmp are a common source of trouble
    "shared_buffers": "128MB",
    "max_connections": "200",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}


@dataclass
class Postgres:
    """A running server."""

    cluster: Cluster
    log: Path
    settings: dict[str, str]
    port: int
    child: Child

    @property
    def url(self) -> str:
        """Address of Stoa's database."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Address of any of its databases."""
        return f"postgresql://{SUPERUSER}:{self.cluster.password}@{LOOPBACK}:{self.port}/{database}"

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
        self.child, self.port = _launch(self.cluster, self.log, self.settings, self.port)

    def stop(self) -> None:
        """Fast shutdown: sessions end, a checkpoint is written, the next start takes 0.1 s."""
        stop(self.child, signal.SIGINT)


def start_postgres(data_dir: Path, settings: dict[str, str] | None = None) -> Postgres:
    """Start the cluster of `data_dir`, making it first if needed; returns when it accepts connections.

    `settings` override ours. Raises `CannotStart`. The caller holds the lock of the data directory.
    """
    settings = {**_SETTINGS, **(settings or {})}
    cluster = open_cluster(data_dir, durable=settings["fsync"] == "on")
    log = data_dir / "logs" / "postgres.log"
    child, port = _launch(cluster, log, settings, None)
    server = Postgres(cluster, log, settings, port, child)
    _create_database(server)
    return server


def _launch(cluster: Cluster, log: Path, settings: dict[str, str], fixed_port: int | None) -> tuple[Child, int]:
    while True:
        _end_leftover(cluster.data)
        keep_previous(log)
        port = fixed_port or free_port()
        child = spawn(
            "Postgres",
            [
                cluster.programs / "postgres",
                *("-D", cluster.data),
                f"--port={port}",
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            log=log,
            account=cluster.account,
            on_parent_death=signal.SIGINT,
            cwd=Path("/"),
        )
        if _becomes_ready(child, cluster.data):
            return child, port
        if not _worth_another_try(last_lines(log), fixed_port):
            raise child.report("stopped while it was starting")
        time.sleep(0.1)


def _becomes_ready(child: Child, data: Path) -> bool:
    """Wait until the server says so in postmaster.pid (line 8); False when it ended first. Recovery may take long."""
    while child.alive:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= 8 and lines[0] == str(child.process.pid) and lines[7].strip() == "ready":
            return True
        time.sleep(POLL)
    return False


def _worth_another_try(output: str, fixed_port: int | None) -> bool:
    """Two passing causes: another program took the port, or backends of a killed server haven't noticed yet."""
    port_taken = "could not create any TCP/IP sockets" in output or "could not bind" in output
    return "pre-existing shared memory block" in output or (port_taken and fixed_port is None)


def _end_leftover(data: Path) -> None:
    """Deal with the postmaster.pid of a server that was killed, or that outlived its supervisor by a moment.

    Postgres refuses to start when the pid in it is anyone's, and after a reboot it may be.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return
    while _serves(pid, data):
        os.kill(pid, signal.SIGINT)
        time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    """Whether `pid` is a server of this cluster: a postmaster's working directory is its data directory."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False


def _create_database(server: Postgres) -> None:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")
