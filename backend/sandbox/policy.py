"""How a container is locked up. Each line here is one of the rules of the sandbox; none depends on who asks."""

import json
import os
import socket
from functools import lru_cache
from pathlib import Path
from typing import Any

from backend.core.embedded.processes import start_time
from backend.sandbox.schemas import Limits

IMAGE_FOLDER = Path(__file__).parent / "image"
USER = "65532:65532"
LABEL = "stoa.sandbox"
"""Whose container it is: `host pid start`, the process that made it."""
MEGABYTE = 1024 * 1024
INODES = 4096
"""Files and folders at once in `/box`, and as many in `/tmp`."""
DESCRIPTORS = 256
RUNNERS_PROCESSES = 1
GVISOR = "runsc"
"""How the name of a runtime that is gVisor begins."""
GVISORS_THREADS = 1024
"""What the engine's count has for gVisor's own threads; there the runner counts those of programs."""


def owner() -> str:
    """This process, as its containers are labelled: it names one process for good, pids are reused."""
    return f"{socket.gethostname()} {os.getpid()} {start_time(os.getpid())}"


@lru_cache(maxsize=1)
def seccomp_profile() -> str:
    """The system calls that are allowed, as the engine takes them: without our comments."""
    profile = json.loads((IMAGE_FOLDER / "seccomp.json").read_text())
    for group in profile["syscalls"]:
        del group["comment"]
    return json.dumps(profile, separators=(",", ":"))


def is_gvisor(runtime: str | None) -> bool:
    """Whether a runtime of this name is gVisor, by the name its makers gave it."""
    return (runtime or "").startswith(GVISOR)


def host_options(limits: Limits, runtime: str | None) -> dict[str, Any]:
    """The engine's options for a container of these limits."""
    folder = f"rw,nosuid,nodev,noexec,size={limits.disk_mb}m,nr_inodes={INODES},mode=0700,uid=65532,gid=65532"
    own = GVISORS_THREADS if is_gvisor(runtime) else RUNNERS_PROCESSES
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "ipc_mode": "none",
        "security_opt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
        "tmpfs": {"/box": folder, "/tmp": folder},  # noqa: S108 - inside the container
        "mem_limit": limits.memory_mb * MEGABYTE,
        "memswap_limit": limits.memory_mb * MEGABYTE,  # memory and swap together: no swap
        "nano_cpus": 1_000_000_000,
        "pids_limit": limits.processes + own,
        "ulimits": [
            {"Name": "nofile", "Soft": DESCRIPTORS, "Hard": DESCRIPTORS},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": limits.disk_mb * MEGABYTE, "Hard": limits.disk_mb * MEGABYTE},
        ],
        "log_config": {"Type": "none"},
        "runtime": runtime,
    }
