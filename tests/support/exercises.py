"""An exercise in the small school, and a sandbox that fails when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlmodel import select

from backend.core.database import transaction
from backend.core.ids import new_id
from backend.courses.exercises import Exercise
from backend.courses.models import Block, BlockKind, Lesson
from backend.sandbox import Box, Limits, Sandbox
from backend.sandbox.engine import Engine
from tests.support.school import School
from tests.support.services import environment

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


class Machine:
    """The sandbox on a real engine, which can be away, and lose so many containers before their first command."""

    def __init__(self) -> None:
        self._here = Sandbox(warm=0)
        with environment(DOCKER_HOST="unix:///nowhere/docker.sock"):
            self._nowhere = Sandbox(warm=0)
        self.away = False
        self.breakdowns = 0
        self.owners: list[str] = []

    @asynccontextmanager
    async def box(self, owner: str, limits: Limits, person_id: UUID | None) -> AsyncIterator[Box]:
        """A box; noted once there is one."""
        sandbox = self._nowhere if self.away else self._here
        async with sandbox.box(owner, limits, person_id) as box:
            self.owners.append(owner)
            if self.breakdowns:
                self.breakdowns -= 1
                await asyncio.to_thread(_take_away, box.containers[0].id)
            yield box

    async def close(self) -> None:
        """Destroy what is left."""
        await self._here.close()
        await self._nowhere.close()


def _take_away(container_id: str) -> None:
    engine = Engine()
    engine.api.remove_container(container_id, force=True)
    engine.close()
