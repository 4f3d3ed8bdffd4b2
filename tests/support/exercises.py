"""An exercise in the small school, and a stand-in for the sandbox that runs the tests' own programs on this machine."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlmodel import select

from backend.core.database import transaction
from backend.core.ids import new_id
from backend.courses.exercises import Exercise
from backend.courses.models import Block, BlockKind, Lesson
from backend.sandbox import Command, Outcome, SandboxUnavailable, Verdict
from tests.support.school import School

SECRETS = (
    "hidden-in",
    "hidden-out",
    "hidden-name",
    "due-in",
    "due-out",
    "published-in",
    "published-out",
    "my-solution",
)
"""What a student must not read anywhere, before it is opened."""

SHOUT = {
    "title": "Shout",
    "statement": "Write `shout`.",
    "starter": "def shout(text):\n    return text\n",
    "solution": "# my-solution\n",
    "max_attempts": 3,
    "tests": [
        {"kind": "call", "name": "One word", "call": "shout('seen-in')", "expected": "'SEEN-IN'"},
        {
            "kind": "call",
            "name": "hidden-name",
            "call": "shout('hidden-in')",
            "expected": "'hidden-out'",
            "points": 2,
            "visibility": "hidden",
        },
        {
            "kind": "stdio",
            "name": "Later",
            "stdin": "due-in",
            "expected": "due-out",
            "visibility": "after_due_date",
        },
        {
            "kind": "stdio",
            "name": "Last",
            "stdin": "published-in",
            "expected": "published-out",
            "visibility": "after_published",
        },
    ],
}
HALF_RIGHT = "def shout(text):\n    print('I got', text)\n    return text.upper()\n\n\nprint(open(0).read())\n"
"""It passes the visible test only, and tells all it learns."""
RIGHT = """\
def shout(text):
    return {"seen-in": "SEEN-IN", "hidden-in": "hidden" + "-out"}[text]


print(open(0).read().replace("in", "out"))
"""


async def add_exercise(school: School, exercise: dict[str, Any] = SHOUT) -> UUID:
    """Put an exercise at the end of the lesson `flour`; its key."""
    text = Exercise.model_validate(exercise)
    async with transaction() as session:
        lesson = (await session.exec(select(Lesson.id).where(Lesson.slug == "flour"))).one()
        block = Block(lesson_id=lesson, key=new_id(), position=9, kind=BlockKind.EXERCISE, body=text.model_dump_json())
        session.add(block)
    return block.key


class LocalBox:
    """Runs a command as a process of this machine. Only for programs that are in the tests."""

    def __init__(self, machine: "LocalMachine") -> None:
        self._machine = machine
        self.verdict: Verdict | None = None

    async def run(self, command: Command) -> Outcome:
        """One command in a folder of its own."""
        self._machine.commands.append(command)
        if self._machine.breakdowns:
            self._machine.breakdowns -= 1
            raise SandboxUnavailable
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path, data in command.files.items():
                (folder / path).write_bytes(data)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command.argv[1:],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            stdout, stderr = await process.communicate(command.stdin)
            files = {path: (folder / path).read_bytes() for path in command.collect if (folder / path).exists()}
        if self._machine.away:
            raise SandboxUnavailable
        return Outcome(exit_code=process.returncode, stdout=stdout, stderr=stderr, files=files)


class LocalMachine:
    """In the place of the sandbox: it can be away, and break down in the middle of so many commands.

    `sign`: a file that is there while it is away, for several processes.
    """

    def __init__(self, sign: Path | None = None) -> None:
        self._sign = sign
        self._away = False
        self.breakdowns = 0
        self.owners: list[str] = []
        self.commands: list[Command] = []

    @property
    def away(self) -> bool:
        """Whether it can't be reached now."""
        return self._sign.exists() if self._sign else self._away

    @away.setter
    def away(self, value: bool) -> None:
        self._away = value

    @asynccontextmanager
    async def box(self, owner: str, limits: Any = None, person_id: UUID | None = None) -> AsyncIterator[LocalBox]:
        """A box, unless the machine is away."""
        if self.away:
            raise SandboxUnavailable
        self.owners.append(owner)
        yield LocalBox(self)
