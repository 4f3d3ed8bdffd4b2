"""Worker processes as children: started, restarted when they die, and asked to end in order."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Literal

from backend.core.embedded.keeping import Say, keep_alive, signals_end_us
from backend.core.embedded.processes import Child, spawn, stop
from backend.core.settings import PROJECT_ROOT, get_settings

LaneName = Literal["io", "cpu"]
_LAST_WORDS = 8.0  # seconds beyond the grace period that a worker gets to queue its jobs again


class WorkerProcess:
    """A worker of a lane."""

    def __init__(self, lane: LaneName, number: int) -> None:
        self.name = f"Worker {number} of the {lane} lane"
        self._lane = lane
        self.child = self._spawn()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child.alive

    def restart(self) -> None:
        """Start it again after it ended."""
        self.child = self._spawn()

    def ask_to_stop(self) -> None:
        """Let it finish what it does; `stop` waits for that."""
        if self.alive:
            self.child.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it in order."""
        stop(self.child, signal.SIGTERM, patience())

    def _spawn(self) -> Child:
        command = [sys.executable, "-m", "backend.cli", "worker", "--lane", self._lane, "--parent", str(os.getpid())]
        environment = {**os.environ, "STOA_DATA_DIR": str(get_settings().data_dir)}
        return spawn(self.name, command, environment=environment, cwd=PROJECT_ROOT)


def start_workers(lane: LaneName, count: int) -> list[WorkerProcess]:
    """Start `count` workers of a lane, from the main thread."""
    return [WorkerProcess(lane, number) for number in range(1, count + 1)]


def stop_workers(workers: Sequence[WorkerProcess]) -> None:
    """End all of them in order, at the same time."""
    for worker in workers:
        worker.ask_to_stop()
    for worker in workers:
        worker.stop()


def keep_workers(lane: LaneName, count: int, say: Say) -> None:
    """Run `count` workers of a lane until a signal; one that dies is started again."""
    with signals_end_us():
        workers = start_workers(lane, count)
        try:
            keep_alive(workers, say)
        finally:
            stop_workers(workers)


def patience() -> float:
    """Seconds that a worker which was asked to stop may take."""
    return get_settings().job_grace + _LAST_WORDS
