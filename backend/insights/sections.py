"""The way into a section's dashboard: who may, which days and lesson are asked for, and one snapshot of everything."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, can, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Invalid, NotFound, NotSignedIn
from backend.core.ids import parse_id
from backend.genai import Period, period, zone_named
from backend.insights import queries
from backend.insights.coverage import Coverage, day_of
from backend.insights.rollup_queries import coverage_of
from backend.insights.schemas import Filters, SectionHead, TranscriptSwitch

DEFAULT_DAYS = 28
"""Days that are shown when nobody asked for others: the last four weeks."""
NO_LESSON = "Beside no lesson"
GONE_LESSON = "A lesson that is gone"


@dataclass(frozen=True, slots=True)
class Opened:
    """A section's dashboard, within one transaction."""

    head: SectionHead
    coverage: Coverage
    starts_on: date | None
    ends_on: date | None

    @property
    def filters(self) -> Filters:
        """What is shown."""
        return self.head.filters

    @property
    def days(self) -> tuple[date, ...]:
        """Every day that is shown."""
        return self.period.days

    @property
    def period(self) -> Period:
        """The days that are shown, as the section has them."""
        return Period(self.filters.first, self.filters.last, self.coverage.zone)

    @property
    def titles(self) -> Mapping[UUID, str]:
        """The lessons' titles by key."""
        return dict(self.head.lessons)

    def lesson_title(self, key: UUID | None) -> str:
        """What a lesson is called here."""
        return NO_LESSON if key is None else self.titles.get(key, GONE_LESSON)

    def counted(self, first: date | None = None, last: date | None = None, **more: Any) -> dict[str, Any]:
        """Parameters of counts over days, by default those that are shown, and the lesson."""
        span = self.coverage.span(first or self.filters.first, last or self.filters.last, **more)
        return span | {"lesson": self.filters.lesson}

    def listed(self) -> dict[str, Any]:
        """Parameters of lists of what the counts count."""
        starts = self.period.starts
        return {"section": self.head.id, "since": starts[0], "until": starts[-1], "lesson": self.filters.lesson}


def filters(first: str, last: str, lesson: str = "") -> Filters:
    """What a page asks for: two days as `2026-03-01`, and a lesson's key. Raises `Invalid`, naming from, to, lesson."""
    asked = period(first, last, ZoneInfo("UTC"))
    if lesson and parse_id(lesson) is None:
        raise Invalid("lesson: there is no such lesson.")
    return Filters(asked.first, asked.last, parse_id(lesson))


async def open_section_head(actor: Actor, section_slug: str) -> SectionHead:
    """A section by its slug, as the last four weeks are shown. Raises `NotFound` or `Forbidden`."""
    async with snapshot() as session:
        found = await queries.section_id_of(session, section_slug) if section_slug.isprintable() else None
        if found is None:
            _refuse_unknown(actor)
        return (await opened(session, actor, found)).head


@asynccontextmanager
async def snapshot() -> AsyncIterator[AsyncSession]:
    """A transaction in which nothing changes: bars, totals and lists agree though rollups go on beside it."""
    async with transaction() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        yield session


async def opened(
    session: AsyncSession,
    actor: Actor,
    section_id: UUID,
    asked: Filters | None = None,
    action: Action = Action.INSIGHTS_READ,
    moment: datetime | None = None,
) -> Opened:
    """A section's dashboard for an actor who may do `action` in it. Raises `NotFound`, `Forbidden`, `NotSignedIn`."""
    scope = Scope(section_id=section_id)
    require(actor, action, scope)
    row = await queries.section_row(session, section_id)
    if row is None:
        _refuse_unknown(actor)
    zone = zone_named(row.timezone)
    today = day_of(moment or now().astimezone(UTC), zone)
    switches = await queries.switches_row(session, section_id)
    head = SectionHead(
        id=section_id,
        slug=row.slug,
        title=row.title,
        course_title=row.course_title,
        timezone=row.timezone,
        today=today,
        students=row.students,
        lessons=tuple(await queries.lesson_titles(session, row.version_id)),
        filters=asked or Filters(today - timedelta(days=DEFAULT_DAYS - 1), today),
        may_change=can(actor, Action.INSIGHTS_CONFIGURE, scope),
        may_read_students=can(actor, Action.INSIGHTS_STUDENTS, scope),
        transcripts=TranscriptSwitch(switches.transcripts) if switches else TranscriptSwitch.REVEALABLE,
    )
    return Opened(head, await coverage_of(session, section_id, zone), row.starts_on, row.ends_on)


def _refuse_unknown(actor: Actor) -> NoReturn:
    if not actor.signed_in:
        raise NotSignedIn
    raise NotFound("There is no such section, or you aren't in it.")
