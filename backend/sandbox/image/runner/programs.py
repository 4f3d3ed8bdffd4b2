"""Running one program: start it, watch its time and output, end it with all its children."""

import _thread
import base64
import os
import resource
import select
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from . import usage
from .record import Record, listen, receive_listener

TICK = 0.05
"""Seconds between looks at the processor time."""
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/box",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",  # its threads would count as the program's
}
PR_SET_DUMPABLE = 4


@dataclass
class Watched:
    """A program that runs, and what is known of it."""

    pid: int
    ends: dict[int, str]
    """Our ends of its pipes that it writes to, by the stream's name."""
    stdin: int
    unwritten: bytes
    listener: int | None
    most: int
    """Bytes of each stream."""
    processes: int
    output: dict[str, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})
    record: Record = field(default_factory=Record)
    status: int | None = None
    max_rss_kb: int = 0
    timed_out: bool = False
    truncated: bool = False
    refused: bool = False


def run_program(request: dict[str, Any]) -> dict[str, Any]:
    """Run `argv` and everything it starts to the end; says how that went."""
    kills, refused, used = usage.oom_kills(), usage.refused_processes(), usage.cpu_seconds()
    began = time.monotonic()
    program = _start(request)
    _watch(program, began + float(request["wall_s"]), used + float(request["cpu_s"]))
    wall = time.monotonic() - began
    _end_everything(program)
    status = program.status or 0
    return {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "timed_out": program.timed_out,
        "truncated": program.truncated,
        "oom": usage.oom_kills() > kills,
        "refused": program.refused or usage.refused_processes() > refused,
        "wall_s": wall,
        "cpu_s": usage.cpu_seconds() - used,
        "maxrss_kb": program.max_rss_kb,
        "executed": list(program.record.executed),
        "opened": list(program.record.opened),
        **{name: base64.b64encode(text).decode() for name, text in program.output.items()},
    }


def _start(request: dict[str, Any]) -> Watched:
    stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            _become(request, theirs, stdin[0], stdout[1], stderr[1])
        except BaseException as error:
            os.write(2, f"{request['argv'][0]}: {error}\n".encode("utf-8", "replace"))
        finally:
            os._exit(127)
    for descriptor in (stdin[0], stdout[1], stderr[1]):
        os.close(descriptor)
    theirs.close()
    with ours:
        listener = receive_listener(ours)
    for descriptor in (stdin[1], stdout[0], stderr[0]):
        os.set_blocking(descriptor, False)
    ends = {stdout[0]: "stdout", stderr[0]: "stderr"}
    unwritten = base64.b64decode(request["stdin"])
    return Watched(pid, ends, stdin[1], unwritten, listener, int(request["output_max"]), int(request["processes"]))


def _become(request: dict[str, Any], channel: socket.socket, *streams: int) -> None:
    """In the child: turn into the program. No other program runs now, so being dumpable for a moment harms nobody."""
    import ctypes

    os.setsid()
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
    for sign in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(sign, signal.SIG_DFL)
    cpu = int(float(request["cpu_s"])) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # short of memory, the kernel takes the program, not the runner
    os.chdir("/box")
    environment = ENVIRONMENT | ({"PYTHONHASHSEED": str(seed)} if (seed := request["hash_seed"]) is not None else {})
    if request["record"]:
        listen(channel)
    channel.close()
    argv: list[str] = request["argv"]
    os.execvpe(argv[0], argv, environment)


def _watch(program: Watched, deadline: float, most_cpu: float) -> None:
    """Until it ends, uses up its time, or writes too much."""
    child = _ending(program.pid)
    poller = select.poll()
    for descriptor in (child, *program.ends, *([program.listener] if program.listener is not None else [])):
        poller.register(descriptor, select.POLLIN)
    poller.register(program.stdin, select.POLLOUT)
    try:
        look = time.monotonic()
        while program.status is None and not program.truncated:
            now = time.monotonic()
            if now >= look:
                program.timed_out = now >= deadline or usage.cpu_seconds() > most_cpu
                program.refused = usage.too_many(program.processes)
                look = min(now + TICK, deadline)
            if program.timed_out or program.refused:
                return
            ready = {descriptor for descriptor, _ in poller.poll((look - now) * 1000 + 1)}
            _serve(program, ready, poller)
            if child in ready:
                _reap(program, program.pid)
        for descriptor in program.ends:
            while _read(program, descriptor):
                pass
    finally:
        for descriptor in (child, program.stdin, *program.ends):
            if descriptor >= 0:
                os.close(descriptor)


def _ending(pid: int) -> int:
    """A descriptor that is ready once `pid` has ended."""
    try:
        return os.pidfd_open(pid)
    except OSError:  # gVisor has no such call
        ended, tell = os.pipe()
        _thread.start_new_thread(_wait, (pid, tell))
        return ended


def _wait(pid: int, tell: int) -> None:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        pass
    finally:
        os.close(tell)


def _serve(program: Watched, ready: set[int], poller: select.poll) -> None:
    if program.listener in ready:
        program.record.hear(program.listener)
    if program.stdin in ready and not _write(program):
        poller.unregister(program.stdin)
        os.close(program.stdin)
        program.stdin = -1
    for descriptor in ready & program.ends.keys():
        if _read(program, descriptor) is False:
            poller.unregister(descriptor)


def _write(program: Watched) -> bool:
    """Write some of its standard input; False once there is no more to write."""
    try:
        written = os.write(program.stdin, program.unwritten[:65536]) if program.unwritten else 0
    except OSError:
        return False
    program.unwritten = program.unwritten[written:]
    return bool(program.unwritten)


def _read(program: Watched, descriptor: int) -> bool | None:
    """Read some of its output: whether the stream goes on; None when there is nothing at the moment."""
    kept = program.output[program.ends[descriptor]]
    try:
        part = os.read(descriptor, 65536)
    except BlockingIOError:
        return None
    room = program.most - len(kept)
    kept += part[:room]
    program.truncated = program.truncated or len(part) > room
    return bool(part) and not program.truncated


def _end_everything(program: Watched) -> None:
    """Kill every process but this one, and wait until all are gone."""
    if program.listener is not None:
        os.close(program.listener)
    try:
        while True:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
            _reap(program, -1)
    except ChildProcessError:
        return


def _reap(program: Watched, which: int) -> None:
    pid, status, used = os.wait4(which, 0)
    program.max_rss_kb = max(program.max_rss_kb, used.ru_maxrss)
    if pid == program.pid:
        program.status = status
