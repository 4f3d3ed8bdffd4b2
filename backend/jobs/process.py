"""A worker as a process: signals end it in order, a watchdog ends it when its event loop hangs."""

import asyncio
import os
import signal
import threading
import time

import structlog

from backend.core.settings import get_settings
from backend.jobs.context import ArtifactStore
from backend.jobs.models import Lane
from backend.jobs.worker import Worker

log = structlog.get_logger(__name__)

HANGS = 70
"""Exit status of a worker whose event loop hung: "internal software error" of sysexits.h."""


async def work(lane: Lane, store: ArtifactStore | None = None) -> None:
    """Work until SIGTERM, SIGINT or SIGHUP; then finish or queue again what runs."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(sign, stopping.set)
    worker = Worker(lane, store, periodic=True)
    _watch(worker)
    await worker.run(stopping)


def _watch(worker: Worker) -> None:
    """End the process when the loop no longer comes round: its leases run out, and its supervisor starts it again."""

    def watch() -> None:
        patience = get_settings().job_watchdog
        while time.monotonic() - worker.ticked < patience:
            time.sleep(patience / 10)
        log.error("worker_hangs", worker=worker.name, seconds=patience)
        os._exit(HANGS)

    threading.Thread(target=watch, name="watchdog", daemon=True).start()
