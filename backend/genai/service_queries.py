"""All SQL about what the forms of service configs and features show beside the rows themselves."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import case, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.courses.models import Course, Section
from backend.genai.models import ChainLink, CompletionRequest, FeatureConfig, RegisteredModel, ServiceConfig


async def configs_matching(session: AsyncSession, search: str) -> Sequence[ServiceConfig]:
    """The service configs whose name, or the name of one of whose models, holds `search`; by name."""
    with_model = (
        select(ChainLink.config_id)
        .join(RegisteredModel, col(RegisteredModel.id) == col(ChainLink.model_id))
        .where(col(RegisteredModel.name).icontains(search, autoescape=True))
    )
    named = col(ServiceConfig.name).icontains(search, autoescape=True)
    statement = select(ServiceConfig).where(or_(named, col(ServiceConfig.id).in_(with_model)))
    return (await session.exec(statement.order_by(func.lower(col(ServiceConfig.name))))).all()


async def links_of(session: AsyncSession, configs: Collection[UUID]) -> Sequence[tuple[UUID, str, RegisteredModel]]:
    """(config, role, model) of these configs' chains, each in its order."""
    return (
        await session.exec(
            select(ChainLink.config_id, ChainLink.role, RegisteredModel)
            .join(RegisteredModel, col(RegisteredModel.id) == col(ChainLink.model_id))
            .where(col(ChainLink.config_id).in_(configs))
            .order_by(col(ChainLink.position))
        )
    ).all()


async def uses_of(session: AsyncSession, configs: Collection[UUID]) -> Sequence[tuple[UUID, str, str | None]]:
    """(config, feature, slug of the section or None for the default) wherever these configs serve; defaults first."""
    return (
        await session.exec(
            select(FeatureConfig.config_id, FeatureConfig.feature, Section.slug)
            .outerjoin(Section, col(Section.id) == col(FeatureConfig.section_id))
            .where(col(FeatureConfig.config_id).in_(configs))
            .order_by(col(Section.slug).nulls_first(), col(FeatureConfig.feature))
        )
    ).all()


async def spending_of(
    session: AsyncSession, configs: Collection[UUID], since: datetime
) -> Sequence[tuple[UUID, Decimal, int]]:
    """(config, USD spent, attempts whose price isn't known) since a moment; configs that weren't used are left out."""
    unpriced = func.count(case((col(CompletionRequest.unpriced), 1)))
    statement = (
        select(CompletionRequest.config_id, func.sum(CompletionRequest.cost_usd), unpriced)
        .where(col(CompletionRequest.config_id).in_(configs), col(CompletionRequest.created_at) >= since)
        .group_by(col(CompletionRequest.config_id))
    )
    return [(config, spent or Decimal(0), n) for config, spent, n in await session.exec(statement) if config]


async def overrides_of(
    session: AsyncSession, feature: str, after: str, limit: int
) -> Sequence[tuple[FeatureConfig, ServiceConfig, Section, Course]]:
    """A feature's overrides by the slug of their section, those after the slug `after`."""
    return (
        await session.exec(
            select(FeatureConfig, ServiceConfig, Section, Course)
            .join(ServiceConfig, col(ServiceConfig.id) == col(FeatureConfig.config_id))
            .join(Section, col(Section.id) == col(FeatureConfig.section_id))
            .join(Course, col(Course.id) == col(Section.course_id))
            .where(col(FeatureConfig.feature) == feature, col(Section.slug) > after)
            .order_by(col(Section.slug))
            .limit(limit)
        )
    ).all()


async def section_with_course(session: AsyncSession, section_id: UUID) -> tuple[Section, Course] | None:
    """A section and its course."""
    return (
        await session.exec(
            select(Section, Course)
            .join(Course, col(Course.id) == col(Section.course_id))
            .where(col(Section.id) == section_id)
        )
    ).one_or_none()
