"""All SQL about what the models' page shows beside the rows themselves."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import exists, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.genai.models import ChainLink, ProviderLimits, RegisteredModel, ServiceConfig

USED = exists().where(col(ChainLink.model_id) == col(RegisteredModel.id))
STATES = {
    "enabled": col(RegisteredModel.enabled).is_(True),
    "disabled": col(RegisteredModel.enabled).is_(False),
    "used": USED,
    "unused": ~USED,
    "dev_only": col(RegisteredModel.dev_only).is_(True),
}
NAME = func.lower(col(RegisteredModel.name))
ORDERS = {
    "name": (NAME,),
    "provider": (col(RegisteredModel.provider), NAME),
    "newest": (col(RegisteredModel.id).desc(),),
}


async def models_matching(
    session: AsyncSession, search: str, provider: str, state: str, order: str, limit: int
) -> Sequence[RegisteredModel]:
    """Registered models whose name or version string holds `search`; an empty `provider` or `state` is any."""
    named = [col(column).icontains(search, autoescape=True) for column in (RegisteredModel.name, RegisteredModel.model)]
    statement = select(RegisteredModel).where(or_(*named))
    if provider:
        statement = statement.where(col(RegisteredModel.provider) == provider)
    if state:
        statement = statement.where(STATES[state])
    return (await session.exec(statement.order_by(*ORDERS[order]).limit(limit))).all()


async def uses_of_models(session: AsyncSession, models: Collection[UUID]) -> Sequence[tuple[UUID, UUID, str]]:
    """(model, service config, its name) wherever these models stand in a chain; by name."""
    return (
        await session.exec(
            select(ChainLink.model_id, ServiceConfig.id, ServiceConfig.name)
            .join(ServiceConfig, col(ServiceConfig.id) == col(ChainLink.config_id))
            .where(col(ChainLink.model_id).in_(models))
            .order_by(func.lower(col(ServiceConfig.name)))
        )
    ).all()


async def locked_model(session: AsyncSession, model_id: UUID) -> RegisteredModel | None:
    """The model as it is now, and nobody else's until the transaction ends."""
    return await session.get(RegisteredModel, model_id, with_for_update=True, populate_existing=True)


async def locked_limits(session: AsyncSession, provider: str) -> ProviderLimits | None:
    """The limits of a provider, as `locked_model`."""
    statement = select(ProviderLimits).where(col(ProviderLimits.provider) == provider).with_for_update()
    return (await session.exec(statement)).one_or_none()
