"""`stoa up`: one process that starts everything on this machine, keeps it alive and stops it in order."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from typing import TypeVar

from backend.core.embedded.data_dir import DataDir, Holder, Running
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.frontend import ensure_build
from backend.core.embedded.keeping import Say, keep_alive, signals_end_us
from backend.core.embedded.ports import LOOPBACK, why_unusable
from backend.core.embedded.processes import Child, spawn, stop
from backend.core.embedded.services import (
    EVERYTHING,
    adopt,
    effective_environment,
    replaced_by_nothing,
    start_services,
)
from backend.core.embedded.workers import start_workers, stop_workers
from backend.core.settings import PROJECT_ROOT, Settings, get_settings

WEB_PATIENCE = 5.0  # seconds the web process gets to end its requests
_LOOK = 0.2  # seconds between looks at the children


Prepared = TypeVar("Prepared")


def run_everything(
    prepare: Callable[[], Prepared],
    announce: Callable[[Settings, Prepared], None],
    say: Say,
) -> None:
    """Start services, `prepare` the database, build and serve; `announce` when pages answer; run until a signal.

    `prepare` migrates and seeds once the settings lead to the database; what it returns is handed to `announce`.
    Returns after Ctrl-C, SIGTERM or SIGHUP, with everything stopped. Raises `CannotStart`.
    """
    settings = get_settings()
    if reason := why_unusable(settings.port, settings.host):
        raise CannotStart(_already_running(DataDir(settings.data_dir)) or reason)
    data_dir = DataDir(settings.data_dir)
    with signals_end_us(), _held(data_dir, settings, say), ExitStack() as stack:
        missing = replaced_by_nothing(EVERYTHING)
        started = stack.enter_context(start_services(data_dir, missing))
        adopt(started.environment, missing)
        prepared = prepare()
        settings = get_settings()
        ensure_build(settings, say)
        web = _Web.start(settings)
        stack.callback(web.stop)
        stack.callback(data_dir.withdraw)
        data_dir.publish(Running(Holder.me("stoa up", settings.base_url), effective_environment()))
        workers = start_workers("io", settings.workers_io) + start_workers("cpu", settings.workers_cpu)
        stack.callback(stop_workers, workers)
        announce(settings, prepared)
        keep_alive([*started.services, web, *workers], say)


class _Web:
    """The web process."""

    name = "The web process"

    def __init__(self, child: Child) -> None:
        self.child = child

    @classmethod
    def start(cls, settings: Settings) -> "_Web":
        """Spawn it and wait until its pages answer; a first start that fails is final."""
        web = cls(cls._spawn(settings))
        try:
            while web.alive and not _answers(settings):
                time.sleep(0.05)
            if not web.alive:
                raise CannotStart("The web process ended while it was starting. Its last words stand above.")
        except BaseException:
            web.stop()
            raise
        return web

    @property
    def alive(self) -> bool:
        return self.child.alive

    def restart(self) -> None:
        self.child = self._spawn(get_settings())

    def stop(self) -> None:
        stop(self.child, signal.SIGTERM, WEB_PATIENCE)

    @staticmethod
    def _spawn(settings: Settings) -> Child:
        command = [sys.executable, "-m", "backend.cli", "web", "--parent", str(os.getpid())]
        environment = {**os.environ, "STOA_PORT": str(settings.port), "STOA_DATA_DIR": str(settings.data_dir)}
        return spawn(_Web.name, command, environment=environment, cwd=PROJECT_ROOT)


@contextmanager
def _held(data_dir: DataDir, settings: Settings, say: Say) -> Iterator[None]:
    """The data directory, ours: refused when another `stoa up` has it, waited for when a passing command does."""
    told = False
    while True:
        with data_dir.lock(Holder.me("stoa up", settings.base_url)) as mine:
            if mine:
                data_dir.withdraw()  # left by one that was killed
                yield
                return
        if refusal := _already_running(data_dir):
            raise CannotStart(refusal)
        if not told:
            holder = data_dir.holder()
            say(f"Waiting for {holder.command if holder else 'another command'} to finish with {data_dir.path}.")
            told = True
        time.sleep(_LOOK)


def _already_running(data_dir: DataDir) -> str | None:
    holder = data_dir.holder()
    if holder is None or not holder.alive or holder.address is None:
        return None
    return (
        f"Stoa already runs on the data directory {data_dir.path}: {holder.address}, process {holder.pid}. "
        f"Use that one, stop it with `kill {holder.pid}`, or choose another STOA_DATA_DIR and port."
    )


def _answers(settings: Settings) -> bool:
    host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - read, not bound
    connection = HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", "/ping")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True
