"""Which students may need somebody, and why: reasons in words, never a score."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from backend.access import Action, Actor
from backend.insights import queries
from backend.insights.coverage import MEMORY, day_of
from backend.insights.schemas import Filters, Signal, SignalKind, StudentList, StudentRow
from backend.insights.sections import Opened, opened, snapshot

SILENT_DAYS = 14
"""Days without a question after which somebody is silent."""
RECENT_DAYS = 14
"""Days in which thumbs-down count as recent."""
MANY_THUMBS_DOWN = 3


async def read_students(actor: Actor, section_id: UUID, filters: Filters | None = None) -> StudentList:
    """The section's students by name: those with most signals first. Signals are of today, whatever days are shown."""
    async with snapshot() as session:
        here = await opened(session, actor, section_id, filters, Action.INSIGHTS_STUDENTS)
        rows = await queries.students(session, _parameters(here))
    students = [_student(here, row) for row in rows]
    students.sort(key=lambda each: (-len(each.signals), each.name, each.email))
    return StudentList(here.head, tuple(students))


def _parameters(here: Opened) -> dict[str, Any]:
    today, shown = here.head.today, here.filters
    span = here.counted(min(shown.first, today - MEMORY), max(shown.last, today))
    recent = today - timedelta(days=RECENT_DAYS)
    return span | {"shown_first": shown.first, "shown_last": shown.last, "recent": recent}


def _student(here: Opened, row: Any) -> StudentRow:
    return StudentRow(
        person_id=row.id,
        name=row.name,
        email=row.email,
        last_active=row.last_active,
        questions=int(row.questions),
        submissions=0,
        signals=tuple(_signals(here, row)),
    )


def _signals(here: Opened, row: Any) -> Iterator[Signal]:
    if runs(here.head.today, here.starts_on, here.ends_on):
        joined = max(day_of(row.joined_at, here.coverage.zone), here.starts_on or date.min)
        days = (here.head.today - (row.last_active or joined)).days
        if days >= SILENT_DAYS:
            since = "" if row.last_active else " since the section began for them"
            yield Signal(SignalKind.SILENT, f"Hasn’t asked anything for {days} days{since}.")
    if row.thumbs_down >= MANY_THUMBS_DOWN:
        reason = f"Gave {row.thumbs_down} answers a thumbs-down in the last {RECENT_DAYS} days."
        yield Signal(SignalKind.THUMBS_DOWN, reason)


def runs(today: date, starts_on: date | None, ends_on: date | None) -> bool:
    """Whether a section goes on today: outside of its dates silence means nothing."""
    return (starts_on is None or starts_on <= today) and (ends_on is None or today <= ends_on)
