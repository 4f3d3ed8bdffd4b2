"""The first tab: what happened by day and lesson, what it cost, and what is new since the last visit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.insights import queries
from backend.insights.cost import budgets_of, totals_of
from backend.insights.counting import ACTIVITY
from backend.insights.coverage import MEMORY, day_of, start_of
from backend.insights.exercise_queries import submitted_since
from backend.insights.exercises import exercise_rates
from backend.insights.models import Visit
from backend.insights.schemas import Activity, ActivityDay, Changes, Filters, LessonActivity, Overview
from backend.insights.sections import Opened, opened, snapshot

SITTING = 1800.0
"""Seconds away after which coming back is another visit."""


async def read_overview(actor: Actor, section_id: UUID, filters: Filters | None = None) -> Overview:
    """Figures of a section, by default of the last four weeks."""
    async with snapshot() as session:
        here = await opened(session, actor, section_id, filters)
        rows = await queries.activity(session, here.counted())
        return Overview(
            section=here.head,
            totals=total_of(rows),
            days=days_of(here, rows),
            lessons=lessons_of(here, rows),
            exercises=await exercise_rates(session, here),
            cost=await totals_of(session, here),
            budgets=await budgets_of(session, here),
            changes=await _changes(session, actor, here),
        )


async def note_visit(actor: Actor, section_id: UUID) -> None:
    """The actor opened the dashboard: what comes from now on will be new at their next visit."""
    require(actor, Action.INSIGHTS_READ, Scope(section_id=section_id))
    async with transaction() as session:
        await queries.note_visit(session, section_id, actor.person_id, now(), SITTING)


def total_of(rows: Sequence[Any]) -> Activity:
    """The counts of all days and lessons."""
    return next((_activity(row) for row in rows if row.all_days and row.all_lessons), Activity())


def days_of(here: Opened, rows: Sequence[Any]) -> tuple[ActivityDay, ...]:
    """Every day that is shown; empty ones have zeros."""
    found = {row.day: _activity(row) for row in rows if not row.all_days}
    return tuple(ActivityDay(day, found.get(day, Activity())) for day in here.days)


def lessons_of(here: Opened, rows: Sequence[Any]) -> tuple[LessonActivity, ...]:
    """In reading order, then what is gone, then what was beside no lesson."""
    found = {row.lesson_key: _activity(row) for row in rows if not row.all_lessons}
    keys: list[UUID | None] = [key for key in here.titles if here.filters.lesson in {None, key}]
    keys += [key for key in found if key is not None and key not in here.titles]
    keys += [None] if None in found else []
    return tuple(LessonActivity(key, here.lesson_title(key), found.get(key, Activity())) for key in keys)


async def _changes(session: AsyncSession, actor: Actor, here: Opened) -> Changes:
    """Whatever the filters: new is new."""
    moment, zone = now(), here.coverage.zone
    since = _last_visit(await queries.visit_of(session, here.head.id, actor.person_id), moment)
    if since is None:
        return Changes(None, Activity())
    first = day_of(max(since, moment - MEMORY), zone)
    span = here.coverage.span(first, here.head.today, since=max(since, start_of(first, zone)))
    activity = total_of(await queries.activity(session, span | {"lesson": None}))
    return Changes(since, activity, await submitted_since(session, here.head.id, since))


def _last_visit(visit: Visit | None, moment: datetime) -> datetime | None:
    """The end of the last sitting before the one that goes on now."""
    if visit is None:
        return None
    return visit.visited_at if visit.visited_at < moment - timedelta(seconds=SITTING) else visit.previous_at


def _activity(row: Any) -> Activity:
    return Activity(row.active, *(int(getattr(row, name)) for name in ACTIVITY))
