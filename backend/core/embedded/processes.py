"""Child processes that never outlive their parent.

Linux tells a process that its parent died (`PR_SET_PDEATHSIG`, prctl(2)). Three properties of it shape this module:
it fires when the *thread* that spawned the child ends, so everything is spawned from the main thread; a change of
user clears it, so it is set after `setuid`; and it doesn't reach grandchildren, so our own Python children also
watch their parent.
"""

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.core.embedded.account import Account
from backend.core.embedded.errors import CannotStart

POLL = 0.01  # seconds between looks at a child that is starting or stopping

_PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # absent on macOS, where only orderly stops end children


@dataclass(frozen=True)
class Child:
    """A running child and the file its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def report(self, problem: str) -> CannotStart:
        """An error that says `problem` and shows the end of the child's log."""
        lines = last_lines(self.log) if self.log else ""
        return CannotStart(f"{self.name} {problem}." + (f" The end of {self.log}:\n{lines}" if lines else ""))


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    on_parent_death: signal.Signals = signal.SIGTERM,
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start `command` in its own session, so that Ctrl-C reaches it only through us. Call it from the main thread.

    `log` receives both output streams (None: they stay ours); `account` is the user to become.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children die with the thread that started them: spawn from the main thread")
    parent = os.getpid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600) if log else None
    try:
        process = subprocess.Popen(  # noqa: S603
            [str(part) for part in command],
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=lambda: _bind_to(parent, on_parent_death),  # noqa: PLW1509 - two system calls, no locks
            **(account.popen_options() if account else {}),
        )
    finally:
        if output is not None:
            os.close(output)
    return Child(name, process, log)


def stop(child: Child, sign: signal.Signals = signal.SIGTERM, patience: float | None = None) -> None:
    """Send `sign` and wait for the end; after `patience` seconds (None: however long it takes) kill it."""
    if not child.alive:
        return
    child.process.send_signal(sign)
    try:
        child.process.wait(patience)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()


def watch_parent(parent: int, grace: float = 5.0) -> None:
    """In a Python child: ask myself to stop once `parent` is gone, and end hard when `grace` seconds weren't enough."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def last_lines(log: Path, count: int = 12) -> str:
    """The last `count` lines of a log file, or nothing when it can't be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def start_time(pid: int) -> str | None:
    """When `pid` started, in clock ticks since boot (field 22 of proc(5) stat), or None when there is no such process.

    With the pid it names one process for good: pids are reused.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] == "Z" else fields[19]


def _bind_to(parent: int, sign: signal.Signals) -> None:
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
    if os.getppid() != parent:  # it died between fork and prctl: nobody would tell us any more
        os._exit(1)
