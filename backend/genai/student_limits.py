"""The limits that instructors set for each of their students: at most what administrators allow."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from backend.access import Action, Actor, note_change, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors
from backend.courses import open_section
from backend.genai import limits_queries as queries
from backend.genai.limit_forms import CHANGED, parsed_limits
from backend.genai.limits import allowed_in, forget_limits
from backend.genai.models import StudentLimits

STUDENT_FIELDS = ("messages_per_minute", "tokens_per_day_person")


@dataclass(frozen=True, slots=True)
class StudentLimitsView:
    """The instructors' own limits, and by the same names what administrators allow. None: not set; no limit."""

    values: Mapping[str, int | None]
    allowed: Mapping[str, int | None]
    """With the whole section's tokens a day, `tokens_per_day_section`, which only administrators set."""
    version: int | None
    """None when nothing is stored."""


async def student_limits(actor: Actor, slug: str) -> StudentLimitsView:
    """What holds for each student of a section. Raises `NotFound`, and `Forbidden` for the students."""
    section = await open_section(actor, slug)
    require(actor, Action.SECTION_SETTINGS_READ, section.scope)
    return await _view(section.id)


async def save_student_limits(
    actor: Actor, slug: str, given: Mapping[str, str], version: int | None
) -> StudentLimitsView:
    """Store the limits as they were typed; blank ones are as administrators say.

    Raises `FieldErrors`, also for more than is allowed, and `Conflict` when they changed since `version`.
    """
    section = await open_section(actor, slug)
    require(actor, Action.SECTION_CONFIGURE, section.scope)
    values = {name: value for name, value in parsed_limits(given).items() if name in STUDENT_FIELDS}
    allowed = (await _view(section.id)).allowed
    over = [name for name, value in values.items() if value and (most := allowed[name]) and value > most]
    if over:
        raise FieldErrors({name: _too_many(allowed[name]) for name in over})
    try:
        async with transaction() as session:
            row = await queries.student_limits_row(session, section.id, lock=True)
            if (row.version if row else None) != version:
                raise Conflict(CHANGED)
            before = _values(row)
            row = row or StudentLimits(section_id=section.id)
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)
            note_change(session, actor, "student_limits", slug, before, values)
    except IntegrityError as error:
        raise Conflict(CHANGED) from error
    forget_limits()
    return await _view(section.id)


async def _view(section_id: UUID) -> StudentLimitsView:
    allowed = await allowed_in(section_id)
    async with transaction() as session:
        row = await queries.student_limits_row(session, section_id)
    return StudentLimitsView(
        values=_values(row),
        allowed={name: getattr(allowed, name) for name in (*STUDENT_FIELDS, "tokens_per_day_section")},
        version=row.version if row else None,
    )


def _values(row: StudentLimits | None) -> dict[str, int | None]:
    return {name: getattr(row, name, None) for name in STUDENT_FIELDS}


def _too_many(most: int | None) -> str:
    return f"At most {most:,}: that is what your administrators allow here."
