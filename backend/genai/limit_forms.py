"""The limits as administrators see and change them: the default, and sections' own."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import SYSTEM, Action, Actor, note_change, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, NotFound
from backend.courses import SectionName, open_section
from backend.courses.models import Course, Section
from backend.genai import limits_queries as queries
from backend.genai.limits import FIELDS, forget_limits
from backend.genai.models import UsageLimits
from backend.genai.service_queries import section_with_course

MOST = {"messages_per_minute": 1_000, "tokens_per_day_person": 2_000_000_000, "tokens_per_day_section": 2_000_000_000}
"""Tokens fit into Postgres's integer; more messages nobody types."""
DEMO_DEFAULT = {"messages_per_minute": 10, "tokens_per_day_person": 200_000, "tokens_per_day_section": 5_000_000}
SEPARATORS = str.maketrans("", "", ", \u00a0\u202f'’_")
"""What people write between thousands."""
LISTED = 100
CHANGED = "Somebody else changed these limits since you opened them. Nothing was saved."


@dataclass(frozen=True, slots=True)
class LimitsView:
    """The limits stored for a section, or the default ones, which have no section. None: not set here."""

    values: Mapping[str, int | None]
    version: int | None = None
    """None when nothing is stored."""
    section: SectionName | None = None


async def default_limits(actor: Actor) -> LimitsView:
    """What holds wherever a section has nothing of its own."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        return _view(await queries.limits_row(session, None))


async def section_limits(actor: Actor, slug: str) -> LimitsView:
    """A section's own limits. Raises `NotFound`."""
    require(actor, Action.GENAI_CONFIGURE)
    found = await open_section(actor, slug)
    async with transaction() as session:
        row = await queries.limits_row(session, found.id)
    return _view(row, SectionName(found.id, found.slug, found.title, found.course_title))


async def list_limits(actor: Actor, search: str = "") -> list[LimitsView]:
    """The sections that have limits of their own, by course and title; with a search, all sections that it finds.

    `LISTED` at most.
    """
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        rows = await queries.sections_with_limits(session, search, LISTED)
    return [_view(row, _named(section, course)) for section, course, row in rows]


async def save_limits(
    actor: Actor, section_id: UUID | None, given: Mapping[str, str], version: int | None
) -> LimitsView:
    """Store a section's limits, or the default ones, as they were typed. A section's row without any is removed.

    `version` is the one that the form was filled with. Raises `FieldErrors`, `Conflict` when they changed since,
    `NotFound` when the section is gone.
    """
    require(actor, Action.GENAI_CONFIGURE)
    values = parsed_limits(given)
    try:
        async with transaction() as session:
            place = await _place(session, section_id)
            held = await _held(session, section_id, version)
            stored = await _store(session, actor, place, held, values)
    except IntegrityError as error:
        raise Conflict(CHANGED) from error
    forget_limits()
    return _view(stored, place)


async def remove_limits(actor: Actor, section_id: UUID, version: int | None) -> None:
    """Let the default limits hold in a section again. Raises `Conflict` when they changed since `version`."""
    await save_limits(actor, section_id, {}, version)


async def seed_demo_limits(session: AsyncSession) -> None:
    """Give the demo a gentle default, unless there is one: an administrator may have emptied it."""
    if await queries.limits_row(session, None) is None:
        await _store(session, SYSTEM, None, None, DEMO_DEFAULT)


async def _store(
    session: AsyncSession,
    actor: Actor,
    place: SectionName | None,
    held: UsageLimits | None,
    values: Mapping[str, int | None],
) -> UsageLimits | None:
    before = _values(held) if held else None
    wanted = dict(values) if place is None or any(values.values()) else None
    row = held or UsageLimits(section_id=place.id if place else None)
    if wanted is None:
        if held:
            await session.delete(held)
    else:
        for field, value in wanted.items():
            setattr(row, field, value)
        session.add(row)
    await session.flush()
    note_change(session, actor, "usage_limits", place.slug if place else "default", before, wanted)
    return row if wanted is not None else None


async def _place(session: AsyncSession, section_id: UUID | None) -> SectionName | None:
    if section_id is None:
        return None
    if (found := await section_with_course(session, section_id)) is None:
        raise NotFound("This section was deleted in the meantime.")
    return _named(*found)


async def _held(session: AsyncSession, section_id: UUID | None, version: int | None) -> UsageLimits | None:
    """The row, locked, as long as nobody changed it since `version`."""
    row = await queries.limits_row(session, section_id, lock=True)
    if (row.version if row else None) != version:
        raise Conflict(CHANGED)
    return row


def parsed_limits(given: Mapping[str, str]) -> dict[str, int | None]:
    """The limits that were typed; None for a blank one. Raises `FieldErrors`."""
    values: dict[str, int | None] = {}
    faults: dict[str, str] = {}
    for field in FIELDS:
        text = given.get(field, "").translate(SEPARATORS).strip()
        if text and not (text.isascii() and text.isdigit() and int(text[:20]) >= 1):
            faults[field] = "Write a whole number, 1 or more, or leave it blank."
        elif text and (len(text) > 20 or int(text) > MOST[field]):
            faults[field] = f"At most {MOST[field]:,}."
        values[field] = int(text) if text and field not in faults else None
    if faults:
        raise FieldErrors(faults)
    return values


def _values(row: UsageLimits | None) -> dict[str, int | None]:
    return {field: getattr(row, field, None) for field in FIELDS}


def _view(row: UsageLimits | None, place: SectionName | None = None) -> LimitsView:
    return LimitsView(_values(row), row.version if row else None, place)


def _named(section: Section, course: Course) -> SectionName:
    return SectionName(section.id, section.slug, section.title, course.title)
