"""Worker processes for crash tests: one process imports everything once and forks a worker each time it is asked to.

`python -m tests.support.job_nursery` reads one JSON object per line, {"role": …, "environment": {…}}, forks, and
answers with the child's pid. The real start, `stoa worker`, has its own test.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

from backend import wiring
from backend.access import SYSTEM
from backend.core.database import transaction
from backend.core.embedded.processes import watch_parent
from backend.core.logs import configure_logging
from backend.core.settings import PROJECT_ROOT, get_settings
from backend.grading import testing
from backend.jobs import Lane, carrier, enqueue, worker
from backend.jobs import work as do_jobs
from backend.jobs.models import Priority
from tests.support.jobs import register_kinds

DIES = 9


def runs(pid: int) -> bool:
    """Whether a process is still there."""
    return Path(f"/proc/{pid}").exists()


class Nursery:
    """The process that forks workers, and the workers that it forked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.job_nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT_ROOT,
            text=True,
        )
        self.pids: list[int] = []

    def start(self, role: str = "worker", **environment: str) -> int:
        """Fork a process; its pid."""
        assert self._process.stdin
        assert self._process.stdout
        order = {"role": role, "environment": {**os.environ, **environment}}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self.pids.append(int(self._process.stdout.readline()))
        return self.pids[-1]

    def start_many(self, count: int, **environment: str) -> None:
        """Fork some workers."""
        for _ in range(count):
            self.start(**environment)

    @property
    def alive(self) -> list[int]:
        """Those that still run."""
        self.pids = [pid for pid in self.pids if runs(pid)]
        return self.pids

    def signal_one(self, sign: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to one of them, chosen at random; its pid."""
        pid = random.choice(self.alive)
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        return pid

    def stop(self) -> None:
        """Ask them all to end, and wait until they have."""
        for pid in self.alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while self.alive:
            time.sleep(0.05)

    def clear(self) -> None:
        """Kill them all."""
        for pid in self.alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the nursery and everything it forked."""
        self.clear()
        self._process.kill()
        self._process.communicate()


def _serve() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order["role"], order["environment"])
        print(pid, flush=True)


def _become(role: str, environment: Mapping[str, str]) -> None:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        watch_parent(os.getppid(), grace=0.1)
        os.environ.update(environment)
        random.seed()
        get_settings.cache_clear()
        configure_logging()
        register_kinds()
        shift = timedelta(hours=float(environment.get("CLOCK_SHIFT", "0")))
        if shift:
            time_machine.travel(datetime.now(UTC) + shift, tick=True).start()
        asyncio.run(ROLES[role](environment))
        status = 0
    finally:
        os._exit(status)


async def _work(environment: Mapping[str, str]) -> None:
    await do_jobs(Lane(environment.get("LANE", "io")))


async def _work_and_die_between_pop_and_claim(environment: Mapping[str, str]) -> None:
    async def die(*_arguments: Any) -> Any:
        os._exit(DIES)

    worker.claim_jobs = die  # type: ignore[attr-defined]
    await do_jobs(Lane.IO)


async def _enqueue_and_die_between_commit_and_push(environment: Mapping[str, str]) -> None:
    async def die(*_arguments: Any) -> bool:
        os._exit(DIES)

    carrier.push = die  # type: ignore[assignment]
    async with transaction() as session:
        for number in range(int(environment["JOBS"])):
            await enqueue(session, SYSTEM, "effect", {}, idempotency_key=f"job {number}", priority=Priority.P1)
    await asyncio.sleep(60)


async def _grade(_environment: Mapping[str, str]) -> None:
    testing.ENGINE_AWAY = 0.3
    await wiring.work(Lane.CPU)


ROLES = {
    "grader": _grade,
    "worker": _work,
    "dies after popping": _work_and_die_between_pop_and_claim,
    "dies before pushing": _enqueue_and_die_between_commit_and_push,
}

if __name__ == "__main__":
    _serve()
