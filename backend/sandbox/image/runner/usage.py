"""What the container's control group counted: processor time, kills for want of memory, refused processes.

Each counter is looked for where version 2 and version 1 of control groups have it; one that is nowhere is 0.
"""

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
    return count / (1e6 if place == 0 else 1e9)


def _counter(places: tuple[str, ...]) -> tuple[int, int]:
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
    return 0, 0
