"""One submission's box: several commands, one after the other, in a container of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from secrets import token_hex
from typing import Any
from uuid import UUID

import structlog

from backend.core.clock import now
from backend.core.errors import Invalid
from backend.core.settings import get_settings
from backend.sandbox import frames
from backend.sandbox.engine import Container, Engine
from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.schemas import Command, Limits, Outcome, Verdict
from backend.sandbox.verdicts import verdict_of

log = structlog.get_logger(__name__)

GRACE = 10.0
"""Seconds beyond a command's time in which the runner must have answered: killing, collecting, emptying folders."""
LARGEST_INPUT = 8 * 1024 * 1024
"""Bytes of a command's files and standard input together."""
MOST_FILES = 100
LONGEST_PATH = 200
LONGEST_ARGUMENTS = 16_384


@dataclass(slots=True)
class Ran:
    """One command and how it went; None: the sandbox failed."""

    command: Command
    at: datetime
    outcome: Outcome | None


@dataclass(slots=True)
class Run:
    """What is known of a submission's run, for the record."""

    owner: str
    person_id: UUID | None
    limits: Limits
    began: datetime = field(default_factory=now)
    ended: datetime | None = None
    image: str = ""
    containers: tuple[str, ...] = ()
    commands: list[Ran] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    verdict: Verdict | None = None


class Box:
    """Where one submission's commands run. Nothing of a command is left when the next begins."""

    def __init__(
        self, record: Run, container: Container, take: Callable[[], Awaitable[Container]], engine: Engine
    ) -> None:
        self.record = record
        self.containers = [container]
        """Every container it had, the present one last: one that dies of a program is replaced for the next command."""
        self.verdict: Verdict | None = None
        """What the run's record says; unless somebody sets it, the first that a command decided by itself."""
        self._take = take
        self._engine = engine

    async def run(self, command: Command) -> Outcome:
        """Run one command to its end.

        Raises `SandboxUnavailable` when the sandbox failed and nothing is known of the program, `Invalid` for a
        command that can't be asked for.
        """
        check(command)
        container = await self._alive()
        at, limits, secret = now(), self.record.limits, token_hex()
        request = frames.request_of(secret, command, limits, get_settings().sandbox_record)
        seconds = limits.wall_seconds + GRACE
        try:
            answer = await asyncio.to_thread(container.exchange, request, seconds, frames.largest_answer(limits))
            outcome = frames.outcome_of(answer, secret)
        except frames.Broken as error:
            outcome = await self._explained(container, command, error, at)
        self.record.commands.append(Ran(command, at, outcome))
        return outcome

    async def _alive(self) -> Container:
        if not self.containers[-1].alive:
            self.containers.append(await self._take())
        return self.containers[-1]

    async def _explained(self, container: Container, command: Command, error: frames.Broken, at: datetime) -> Outcome:
        """Why there is no answer: want of memory killed the runner too, or the sandbox itself failed."""
        container.hang_up()
        with suppress(SandboxUnavailable):
            if await asyncio.to_thread(self._engine.ran_out_of_memory, container):
                return Outcome(signal=9, out_of_memory=True, wall_seconds=(now() - at).total_seconds())
        self.record.commands.append(Ran(command, at, None))
        log.warning("sandbox_run_broken", owner=self.record.owner, error=str(error))
        raise SandboxUnavailable from error

    def end(self) -> None:
        """Hang up and close the record."""
        for container in self.containers:
            container.hang_up()
        record = self.record
        record.ended = now()
        record.image = self.containers[-1].image
        record.containers = tuple(container.id for container in self.containers)
        decided = (verdict_of(ran.outcome) if ran.outcome else Verdict.SANDBOX_ERROR for ran in record.commands)
        record.verdict = self.verdict or next((verdict for verdict in decided if verdict), None)


def check(command: Command) -> None:
    """Refuse what can't be asked for. Raises `Invalid`."""
    paths = (*command.files, *command.collect)
    if not command.argv or len("\0".join(command.argv).encode("utf-8", "replace")) > LONGEST_ARGUMENTS:
        raise Invalid("The command is empty or too long.")
    if any("\0" in argument for argument in command.argv):
        raise Invalid("An argument of the command holds a character that none can have.")
    if len(paths) > MOST_FILES:
        raise Invalid(f"A run takes and brings back at most {MOST_FILES} files.")
    if wrong := next((path for path in paths if not _is_inside(path)), None):
        raise Invalid(f"{wrong[:60]!r} isn't a path inside the box.")
    if sum(map(len, command.files.values())) + len(command.stdin) > LARGEST_INPUT:
        raise Invalid(f"The files and the input of a run are together at most {LARGEST_INPUT // 1024 // 1024} MB.")


def _is_inside(path: str) -> bool:
    plain = path.isprintable() and str(PurePosixPath(path)) == path and len(path.encode()) <= LONGEST_PATH
    return plain and path != "." and not path.startswith("/") and ".." not in path.split("/")
