"""What the container's control group counted: processor time, kills for want of memory, refused processes.

Each counter is looked for where version 2 and version 1 of control groups have it. gVisor shows a program none: there
processor time is the sum of what the processes say, processes are counted one by one, and the rest is 0.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

OOM_KILLS = ("memory.events oom_kill", "memory/memory.oom_control oom_kill")
REFUSED = ("pids.events max", "pids/pids.events max")
CPU = ("cpu.stat usage_usec", "cpuacct/cpuacct.usage")


def oom_kills() -> int:
    """Processes that the kernel killed for want of memory."""
    return _counter(OOM_KILLS)[0]


def refused_processes() -> int:
    """How often a process or thread was refused."""
    return _counter(REFUSED)[0]


def cpu_seconds() -> float:
    """Processor time of everything in the container."""
    count, place = _counter(CPU)
    return count / (1e6 if place == 0 else 1e9) if place is not None else sum(_ticks()) / os.sysconf("SC_CLK_TCK")


def too_many(most: int) -> bool:
    """Whether programs have more processes and threads than `most`, where no control group refuses them."""
    return _counter(REFUSED)[1] is None and sum(_threads()) > most


def _ticks() -> Iterator[int]:
    """What each process used, with its children that ended and were waited for."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/stat") as file:
            yield sum(map(int, file.read().rpartition(")")[2].split()[11:15]))


def _threads() -> Iterator[int]:
    """How many each process but the runner has."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            yield len(os.listdir(f"/proc/{pid}/task")) if pid != "1" else 0


def _counter(places: tuple[str, ...]) -> tuple[int, int | None]:
    """The value, and which of the places it was in."""
    for number, place in enumerate(places):
        path, _, name = place.partition(" ")
        try:
            with open(f"/sys/fs/cgroup/{path}") as file:
                lines = file.read().split("\n")
        except OSError:
            continue
        for line in lines:
            *label, value = line.split() or [""]
            if label == name.split():
                return int(value), number
    return 0, None
