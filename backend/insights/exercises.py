"""How exercises go: who tried, who passed, who tries in vain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.insights import exercise_queries as queries
from backend.insights.coverage import day_of, start_of
from backend.insights.schemas import ExerciseRate
from backend.insights.sections import Opened

MANY_ATTEMPTS = 5
"""Attempts at one exercise after which not having passed it is a signal."""


@dataclass(slots=True)
class Tries:
    """One student's submissions. `stuck` are (exercise, attempts) that were tried often of late and never passed."""

    submissions: int = 0
    last_day: date | None = None
    stuck: list[tuple[str, int]] = field(default_factory=list)


async def exercise_rates(session: AsyncSession, here: Opened) -> tuple[ExerciseRate, ...]:
    """The section's exercises, as they go in the period."""
    return tuple(
        ExerciseRate(row.key, row.title, row.lesson_key, row.lesson_title, row.tried, row.passed, int(row.attempts))
        for row in await queries.exercises(session, here.listed())
    )


async def tries_of(session: AsyncSession, here: Opened, recent: date) -> Mapping[UUID, Tries]:
    """What each student submitted; those who submitted nothing are left out."""
    everything = here.listed() | {"lesson": None}
    titles = {row.key: row.title for row in await queries.exercises(session, everything)}
    parameters = here.listed() | {"recent": start_of(recent, here.coverage.zone)}
    found: dict[UUID, Tries] = {}
    for row in await queries.trials(session, parameters):
        tries, day = found.setdefault(row.person_id, Tries()), day_of(row.last_at, here.coverage.zone)
        tries.submissions += row.shown
        tries.last_day = max(tries.last_day or day, day)
        if row.recent >= MANY_ATTEMPTS and not row.passed and row.block_key in titles:
            tries.stuck.append((titles[row.block_key], row.recent))
    return found
