"""Service configs as administrators see them: chain, settings, where it is used, and what it cost this month."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import NotFound
from backend.genai import queries, service_queries
from backend.genai.budgets import Spending, month_start
from backend.genai.feature_names import name_of
from backend.genai.models import RegisteredModel, ServiceConfig


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A registered model that a chain may hold."""

    name: str
    kind: str
    provider: str
    enabled: bool
    dev_only: bool


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """A model in a chain."""

    role: str
    model: ModelChoice


@dataclass(frozen=True, slots=True)
class Use:
    """Where a service config serves: a feature by default, or in one section (its slug)."""

    feature: str
    section: str | None

    def __str__(self) -> str:
        return name_of(self.feature, self.section)


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service config, where it is used, and what it cost this month."""

    id: UUID
    version: int
    name: str
    chain: tuple[ChainPlace, ...]
    temperature: float | None
    max_output_tokens: int | None
    budget_usd: Decimal | None
    uses: tuple[Use, ...]
    spending: Spending

    @property
    def kind(self) -> str:
        """The kind of its models."""
        return kind_of(self.chain)


async def list_services(actor: Actor, search: str = "") -> list[ServiceView]:
    """The service configs whose name, or a model's in their chain, holds `search`; by name."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        return await views_of(session, await service_queries.configs_matching(session, search.strip()))


async def open_service(actor: Actor, service_id: UUID) -> ServiceView:
    """One service config. Raises `NotFound`."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        row = await queries.config_by_id(session, service_id)
        if row is None:
            raise NotFound("There is no such service config. Somebody may have deleted it.")
        return (await views_of(session, [row]))[0]


async def list_model_choices(actor: Actor) -> list[ModelChoice]:
    """Every registered model, by name."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        return [choice_of(model) for model in await queries.models(session)]


async def places_of(session: AsyncSession, configs: Collection[UUID]) -> dict[UUID, tuple[ChainPlace, ...]]:
    """The chains of these configs."""
    chains: dict[UUID, list[ChainPlace]] = defaultdict(list)
    for config, role, model in await service_queries.links_of(session, configs):
        chains[config].append(ChainPlace(role, choice_of(model)))
    return {config: tuple(chains[config]) for config in configs}


def kind_of(chain: Sequence[ChainPlace]) -> str:
    """The kind of a chain's models; empty for a chain without any."""
    return chain[0].model.kind if chain else ""


def choice_of(model: RegisteredModel) -> ModelChoice:
    """A model as forms name it."""
    return ModelChoice(model.name, model.kind, model.provider, model.enabled, model.dev_only)


async def views_of(session: AsyncSession, rows: Sequence[ServiceConfig]) -> list[ServiceView]:
    """These configs with all that is shown of them."""
    ids = [row.id for row in rows]
    chains = await places_of(session, ids)
    uses: dict[UUID, list[Use]] = defaultdict(list)
    for config, feature, section in await service_queries.uses_of(session, ids):
        uses[config].append(Use(feature, section))
    spending = await service_queries.spending_of(session, ids, month_start(now()))
    spent = {config: (usd, unpriced) for config, usd, unpriced in spending}
    return [
        ServiceView(
            id=row.id,
            version=row.version,
            name=row.name,
            chain=chains[row.id],
            temperature=row.temperature,
            max_output_tokens=row.max_output_tokens,
            budget_usd=row.budget_usd,
            uses=tuple(uses[row.id]),
            spending=Spending(*spent.get(row.id, (Decimal(0), 0)), budget_usd=row.budget_usd),
        )
        for row in rows
    ]
