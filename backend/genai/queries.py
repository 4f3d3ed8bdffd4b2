"""All SQL about models, chains and the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from sqlalchemy import case, delete, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from backend.access import AuditEntry
from backend.courses.models import Section
from backend.genai.models import (
    ChainLink,
    CompletionRequest,
    FeatureConfig,
    ProviderLimits,
    RegisteredModel,
    ServiceConfig,
)
from backend.genai.schemas import Feature, ModelKind

_Row = TypeVar("_Row")
_SEEDING = 0x53656564  # "Seed": the advisory lock of a process that seeds


async def lock_seeding(session: AsyncSession) -> None:
    """Wait until no other process seeds; holds until the transaction ends."""
    await session.exec(select(func.pg_advisory_xact_lock(_SEEDING)))


async def feature_config(session: AsyncSession, feature: str, section_id: UUID | None) -> ServiceConfig | None:
    """The service config of a feature: the section's override, else the default."""
    statement = (
        select(ServiceConfig)
        .join(FeatureConfig, col(FeatureConfig.config_id) == col(ServiceConfig.id))
        .where(
            col(FeatureConfig.feature) == feature,
            (col(FeatureConfig.section_id) == section_id) | col(FeatureConfig.section_id).is_(None),
        )
        .order_by(col(FeatureConfig.section_id).is_(None))
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def chain(session: AsyncSession, config_id: UUID) -> Sequence[tuple[ChainLink, RegisteredModel]]:
    """A config's models in order, with their place."""
    return (
        await session.exec(
            select(ChainLink, RegisteredModel)
            .join(RegisteredModel, col(RegisteredModel.id) == col(ChainLink.model_id))
            .where(col(ChainLink.config_id) == config_id)
            .order_by(col(ChainLink.position))
        )
    ).all()


async def models(session: AsyncSession) -> Sequence[RegisteredModel]:
    """Every registered model, by name."""
    return (await session.exec(select(RegisteredModel).order_by(col(RegisteredModel.name)))).all()


async def model_by_id(session: AsyncSession, model_id: UUID) -> RegisteredModel | None:
    """The registered model with this id."""
    return await session.get(RegisteredModel, model_id)


async def provider_limits(session: AsyncSession) -> Sequence[ProviderLimits]:
    """What the models of each provider may take together, where that is limited."""
    return (await session.exec(select(ProviderLimits).order_by(col(ProviderLimits.provider)))).all()


async def model_by_name(session: AsyncSession, name: str) -> RegisteredModel | None:
    """The registered model with this name."""
    return (await session.exec(select(RegisteredModel).where(col(RegisteredModel.name) == name))).one_or_none()


async def service_configs(session: AsyncSession) -> Sequence[ServiceConfig]:
    """Every service config, by name."""
    return (await session.exec(select(ServiceConfig).order_by(col(ServiceConfig.name)))).all()


async def config_by_name(session: AsyncSession, name: str, *, lock: bool = False) -> ServiceConfig | None:
    """The service config with this name; with `lock`, as it is now, and nobody else's until the transaction ends."""
    statement = select(ServiceConfig).where(col(ServiceConfig.name) == name)
    return (await session.exec(_locked(statement) if lock else statement)).one_or_none()


async def config_was_changed(session: AsyncSession, name: str) -> bool:
    """Whether anybody but the seed changed this service config since it was made."""
    changes = select(AuditEntry.id).where(
        col(AuditEntry.action) == "service_config.changed", col(AuditEntry.subject) == name
    )
    return (await session.exec(changes.limit(1))).first() is not None


async def replace_chain(session: AsyncSession, config_id: UUID, links: Sequence[ChainLink]) -> None:
    """Give a config a new chain."""
    await session.exec(delete(ChainLink).where(col(ChainLink.config_id) == config_id))
    await session.flush()
    session.add_all(links)
    await session.flush()


async def feature_row(
    session: AsyncSession, feature: str, section_id: UUID | None, *, lock: bool = False
) -> FeatureConfig | None:
    """The feature config stored for exactly this feature and section; `lock` as in `config_by_name`."""
    place = col(FeatureConfig.section_id)
    statement = select(FeatureConfig).where(
        col(FeatureConfig.feature) == feature, place.is_(None) if section_id is None else place == section_id
    )
    return (await session.exec(_locked(statement) if lock else statement)).one_or_none()


async def misserved_features(session: AsyncSession) -> Sequence[tuple[str, str]]:
    """(feature, service config) where the chain has models of another kind than the feature needs."""
    needed = case(
        (col(FeatureConfig.feature) == Feature.SEMANTIC_SEARCH.value, ModelKind.EMBEDDING.value),
        else_=ModelKind.CHAT.value,
    )
    statement = (
        select(FeatureConfig.feature, ServiceConfig.name)
        .join(ServiceConfig, col(ServiceConfig.id) == col(FeatureConfig.config_id))
        .join(ChainLink, col(ChainLink.config_id) == col(ServiceConfig.id))
        .join(RegisteredModel, col(RegisteredModel.id) == col(ChainLink.model_id))
        .where(col(RegisteredModel.kind) != needed)
        .order_by(col(FeatureConfig.feature))
        .distinct()
    )
    return (await session.exec(statement)).all()


async def config_by_id(session: AsyncSession, config_id: UUID, *, lock: bool = False) -> ServiceConfig | None:
    """The service config with this id; `lock` as in `config_by_name`."""
    statement = select(ServiceConfig).where(col(ServiceConfig.id) == config_id)
    return (await session.exec(_locked(statement) if lock else statement)).one_or_none()


async def feature_rows(session: AsyncSession) -> Sequence[tuple[FeatureConfig, str, str | None]]:
    """Every feature config with the names of its service config and section; defaults first."""
    return (
        await session.exec(
            select(FeatureConfig, ServiceConfig.name, Section.slug)
            .join(ServiceConfig, col(ServiceConfig.id) == col(FeatureConfig.config_id))
            .outerjoin(Section, col(Section.id) == col(FeatureConfig.section_id))
            .order_by(col(Section.slug).nulls_first(), col(FeatureConfig.feature))
        )
    ).all()


async def section_id_by_slug(session: AsyncSession, slug: str) -> UUID | None:
    """The id of the section with this slug."""
    return (await session.exec(select(Section.id).where(col(Section.slug) == slug))).one_or_none()


async def spent_since(session: AsyncSession, config_id: UUID, since: datetime) -> Decimal:
    """USD spent through a config since a moment."""
    total = select(func.sum(CompletionRequest.cost_usd)).where(
        col(CompletionRequest.config_id) == config_id, col(CompletionRequest.created_at) >= since
    )
    return (await session.exec(total)).one() or Decimal(0)


async def lock_models_with_secrets(session: AsyncSession) -> Sequence[RegisteredModel]:
    """The models that have a sealed key or organization, by name; nobody changes them until the transaction ends."""
    statement = (
        select(RegisteredModel)
        .where(col(RegisteredModel.api_key).is_not(None) | col(RegisteredModel.organization).is_not(None))
        .order_by(col(RegisteredModel.name))
        .with_for_update()
    )
    return (await session.exec(statement)).all()


async def set_secrets(session: AsyncSession, model_id: UUID, sealed: Mapping[str, bytes]) -> None:
    """Replace sealed columns of a model, without counting that as a change."""
    await session.exec(update(RegisteredModel).where(col(RegisteredModel.id) == model_id).values(**sealed))


def _locked(statement: SelectOfScalar[_Row]) -> SelectOfScalar[_Row]:
    return statement.with_for_update().execution_options(populate_existing=True)
