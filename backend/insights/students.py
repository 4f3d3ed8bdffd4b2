"""Which students may need somebody, and why: reasons in words, never a score.

Names stand here, pseudonyms elsewhere. Exact days and counts would lead from one to the other without a reveal.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from backend.access import Action, Actor
from backend.insights import queries
from backend.insights.coverage import MEMORY, day_of
from backend.insights.exercises import Tries, tries_of
from backend.insights.schemas import Signal, SignalKind, StudentList, StudentRow
from backend.insights.sections import Opened, opened, snapshot

WEEK = 7
SILENT_DAYS = 14
"""Days without a question or submission after which somebody is silent."""
RECENT_DAYS = 14
"""Days in which thumbs-down and attempts count as recent."""
MANY_THUMBS_DOWN = 3
RANGES = (20, 10, 5, 1, 0)
"""The least of each range of questions that are told apart."""


async def read_students(actor: Actor, section_id: UUID) -> StudentList:
    """The section's students by name, as of today: those with most signals first."""
    async with snapshot() as session:
        here = await opened(session, actor, section_id, action=Action.INSIGHTS_STUDENTS)
        rows = await queries.students(session, _parameters(here))
        tries = await tries_of(session, here, here.head.today - timedelta(days=RECENT_DAYS))
    students = [_student(here, row, tries.get(row.id, Tries())) for row in rows]
    students.sort(key=lambda each: (-len(each.signals), each.name, each.email))
    return StudentList(here.head, tuple(students))


def _parameters(here: Opened) -> dict[str, Any]:
    today, shown = here.head.today, here.filters
    span = here.counted(min(shown.first, today - MEMORY), max(shown.last, today))
    recent = today - timedelta(days=RECENT_DAYS)
    return span | {"shown_first": shown.first, "shown_last": shown.last, "recent": recent}


def _student(here: Opened, row: Any, tries: Tries) -> StudentRow:
    last = max((day for day in (row.last_active, tries.last_day) if day is not None), default=None)
    return StudentRow(
        person_id=row.id,
        name=row.name,
        email=row.email,
        weeks_quiet=None if last is None else (here.head.today - last).days // WEEK,
        questions=next(least for least in RANGES if row.questions >= least),
        submissions=tries.submissions,
        signals=(*_silence(here, row, last), *_trouble(row, tries)),
    )


def _silence(here: Opened, row: Any, last: date | None) -> Iterator[Signal]:
    """Counted from when they joined, or the section began, for those who never said anything."""
    if not runs(here.head.today, here.starts_on, here.ends_on):
        return
    joined = max(day_of(row.joined_at, here.coverage.zone), here.starts_on or date.min)
    days = (here.head.today - (last or joined)).days
    if days >= SILENT_DAYS:
        since = "" if last else ", that is since they joined"
        yield Signal(SignalKind.SILENT, f"Hasn’t asked or submitted anything for {days // WEEK} weeks{since}.")


def _trouble(row: Any, tries: Tries) -> Iterator[Signal]:
    for title, attempts in tries.stuck:
        yield Signal(SignalKind.FAILING, f"Tried “{title}” {attempts} times lately and hasn’t passed it.")
    if row.thumbs_down >= MANY_THUMBS_DOWN:
        reason = f"Gave {row.thumbs_down} answers a thumbs-down in the last {RECENT_DAYS} days."
        yield Signal(SignalKind.THUMBS_DOWN, reason)


def runs(today: date, starts_on: date | None, ends_on: date | None) -> bool:
    """Whether a section goes on today: outside of its dates silence means nothing."""
    return (starts_on is None or starts_on <= today) and (ends_on is None or today <= ends_on)
