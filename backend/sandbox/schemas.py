"""What goes into the sandbox and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """How a program did. Those that a run decides by itself come from `verdict_of`; a grader knows the others."""

    ACCEPTED = "accepted"
    WRONG_ANSWER = "wrong_answer"
    RUNTIME_ERROR = "runtime_error"
    """It ended with an exit status other than 0, or by a signal."""
    TIME_LIMIT = "time_limit"
    """It, or a child of it, used up its time: by the clock or on the processor."""
    MEMORY_LIMIT = "memory_limit"
    """The kernel killed one of its processes for want of memory."""
    OUTPUT_LIMIT = "output_limit"
    PROCESS_LIMIT = "process_limit"
    """It was refused a process or thread."""
    FORMAT_ERROR = "format_error"
    """What it made can't be graded."""
    SANDBOX_ERROR = "sandbox_error"
    """The sandbox failed, not the program: run it again, charge nothing."""

    @property
    def sentence(self) -> str:
        """What a student is told."""
        return _SENTENCES[self]


_SENTENCES = {
    Verdict.ACCEPTED: "Your program did what was asked.",
    Verdict.WRONG_ANSWER: "Your program ran, but its answer isn't the expected one.",
    Verdict.RUNTIME_ERROR: "Your program stopped with an error.",
    Verdict.TIME_LIMIT: "Your program took too long. Look for a loop that doesn't end, or a quicker way.",
    Verdict.MEMORY_LIMIT: "Your program needed more memory than it may use.",
    Verdict.OUTPUT_LIMIT: "Your program wrote more than it may. Look for a loop that prints without end.",
    Verdict.PROCESS_LIMIT: "Your program started more processes or threads than it may.",
    Verdict.FORMAT_ERROR: "What your program made isn't in the form that was asked for, so it couldn't be graded.",
    Verdict.SANDBOX_ERROR: "Something failed on our side. Your program will be run again; this doesn't count.",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use. Time is for each command; memory, processes and disk hold for all at once."""

    wall_seconds: float = 5.0
    cpu_seconds: float = 5.0
    """Of the program and all its children together."""
    memory_mb: int = 128
    """All its processes and its files in `/box` and `/tmp` together; some 12 MB of it are the runner's."""
    processes: int = 32
    """Processes and threads at once."""
    output_bytes: int = 65_536
    """Of standard output, and as much of standard error."""
    disk_mb: int = 16
    """Of `/box`, and as much of `/tmp`."""
    collect_bytes: int = 1_048_576
    """Of all collected files of a command together."""


@dataclass(frozen=True, slots=True)
class Command:
    """One program to run. It begins in an empty `/box` with `files` in it, and nothing of an earlier command."""

    argv: tuple[str, ...]
    """`("python3", "main.py")`."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """By path inside `/box`."""
    stdin: bytes = b""
    collect: tuple[str, ...] = ()
    """Paths inside `/box` to bring back."""
    hash_seed: int | None = None
    """Fixes the order of sets in Python; None: another one each time, as usual."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command went. What a program wrote and made is its claim, never a fact about it."""

    exit_code: int | None = None
    """None when a signal ended it."""
    signal: int | None = None
    timed_out: bool = False
    truncated: bool = False
    """It wrote more than it may; it was stopped then, and what is here is the beginning."""
    out_of_memory: bool = False
    processes_refused: bool = False
    stdout: bytes = b""
    stderr: bytes = b""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    max_rss_kb: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
    refused_files: Mapping[str, str] = field(default_factory=dict)
    """Why a wanted file isn't in `files`: `missing`, `not a regular file`, `too large`."""
    executed: tuple[str, ...] = ()
    """Programs that it executed, by path: for the record only."""
    opened: tuple[str, ...] = ()
    """Files that it opened, by path: for the record only."""
