"""All SQL about the limits of people and sections, and about budgets."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.courses.models import Course, Section
from backend.genai.models import CompletionRequest, ServiceConfig, UsageLimits


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


async def limits_row(session: AsyncSession, section_id: UUID | None) -> UsageLimits | None:
    """The row stored for exactly this section, or the default one."""
    place = col(UsageLimits.section_id)
    where = place.is_(None) if section_id is None else place == section_id
    return (await session.exec(select(UsageLimits).where(where))).one_or_none()


async def section_limits(session: AsyncSession) -> Sequence[tuple[UsageLimits, Section, Course]]:
    """Every section's own row with its section and course, by name."""
    return (
        await session.exec(
            select(UsageLimits, Section, Course)
            .join(Section, col(Section.id) == col(UsageLimits.section_id))
            .join(Course, col(Course.id) == col(Section.course_id))
            .order_by(col(Course.title), col(Section.title))
        )
    ).all()


async def budgets(session: AsyncSession, since: datetime) -> Sequence[tuple[ServiceConfig, Decimal | None]]:
    """Every service config with a budget, by name, and the USD spent through it since a moment; None for nothing."""
    spent = func.sum(CompletionRequest.cost_usd)
    return (
        await session.exec(
            select(ServiceConfig, spent)
            .outerjoin(
                CompletionRequest,
                (col(CompletionRequest.config_id) == col(ServiceConfig.id))
                & (col(CompletionRequest.created_at) >= since),
            )
            .where(col(ServiceConfig.budget_usd).is_not(None))
            .group_by(col(ServiceConfig.id))
            .order_by(col(ServiceConfig.name))
        )
    ).all()


async def config_with_budget(session: AsyncSession, config_id: UUID) -> ServiceConfig | None:
    """The service config with this id, if it has a budget."""
    return (
        await session.exec(
            select(ServiceConfig).where(col(ServiceConfig.id) == config_id, col(ServiceConfig.budget_usd).is_not(None))
        )
    ).one_or_none()
