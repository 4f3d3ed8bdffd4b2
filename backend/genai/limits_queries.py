"""All SQL about the limits of people and sections, and about budgets."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.courses.models import Course, Section
from backend.genai.models import CompletionRequest, ServiceConfig, StudentLimits, UsageLimits


async def timezone_of(session: AsyncSession, section_id: UUID) -> str | None:
    """The time zone of a section; None when there is no such section."""
    return (await session.exec(select(Section.timezone).where(col(Section.id) == section_id))).one_or_none()


async def limits_for(session: AsyncSession, section_id: UUID) -> Sequence[UsageLimits]:
    """The rows that count in a section: its own first, then the default."""
    place = col(UsageLimits.section_id)
    statement = select(UsageLimits).where((place == section_id) | place.is_(None)).order_by(place.is_(None))
    return (await session.exec(statement)).all()


async def tokens_since(
    session: AsyncSession, section_id: UUID, person_id: UUID | None, since: datetime
) -> tuple[int, int]:
    """Tokens, input and output of all attempts, that a person used in a section since a moment, and everybody did."""
    tokens = func.sum(CompletionRequest.input_tokens + CompletionRequest.output_tokens)
    statement = select(
        func.coalesce(tokens.filter(col(CompletionRequest.person_id) == person_id), 0), func.coalesce(tokens, 0)
    ).where(col(CompletionRequest.section_id) == section_id, col(CompletionRequest.created_at) >= since)
    own, everybody = (await session.exec(statement)).one()
    return int(own), int(everybody)


async def limits_row(session: AsyncSession, section_id: UUID | None, *, lock: bool = False) -> UsageLimits | None:
    """The row stored for exactly this section, or the default one. `lock`: nobody else changes it meanwhile."""
    place = col(UsageLimits.section_id)
    statement = select(UsageLimits).where(place.is_(None) if section_id is None else place == section_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.exec(statement)).one_or_none()


async def student_limits_row(session: AsyncSession, section_id: UUID, *, lock: bool = False) -> StudentLimits | None:
    """What a section's instructors set."""
    statement = select(StudentLimits).where(col(StudentLimits.section_id) == section_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.exec(statement)).one_or_none()


async def sections_with_limits(
    session: AsyncSession, search: str, limit: int
) -> Sequence[tuple[Section, Course, UsageLimits | None]]:
    """Sections whose name, course or slug holds every word of `search`, whether or not they have limits.

    Without a word: those that have. By course and title.
    """
    statement = (
        select(Section, Course, UsageLimits)
        .join(Course, col(Course.id) == col(Section.course_id))
        .outerjoin(UsageLimits, col(UsageLimits.section_id) == col(Section.id))
        .order_by(col(Course.title), col(Section.title), col(Section.slug))
        .limit(limit)
    )
    for word in (words := search.split()):
        names = (col(Section.slug), col(Section.title), col(Course.title))
        statement = statement.where(or_(*(name.icontains(word, autoescape=True) for name in names)))
    if not words:
        statement = statement.where(col(UsageLimits.id).is_not(None))
    return (await session.exec(statement)).all()


async def budgeted_configs(session: AsyncSession, only: UUID | None = None) -> Sequence[ServiceConfig]:
    """The service configs that have a budget, by name; or just this one, if it has."""
    statement = select(ServiceConfig).where(col(ServiceConfig.budget_usd).is_not(None))
    if only is not None:
        statement = statement.where(col(ServiceConfig.id) == only)
    return (await session.exec(statement.order_by(col(ServiceConfig.name)))).all()
