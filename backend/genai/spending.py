"""What administrators should know about money and models: budgets of this month, and models that answer as others."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from backend.access import Action, Actor, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.genai import queries, service_queries, usage_queries
from backend.genai.budgets import Spending, month_start


@dataclass(frozen=True, slots=True)
class Budget:
    """A service config that has a budget, and what it spent this month."""

    id: UUID
    name: str
    spending: Spending


@dataclass(frozen=True, slots=True)
class Drift:
    """A registered model was asked for `pinned`, and `times` the response said that `answered` served it."""

    id: UUID
    name: str
    pinned: str
    answered: str
    times: int
    since: datetime
    last: datetime


async def read_budgets(actor: Actor) -> list[Budget]:
    """Every service config with a budget, by name."""
    require(actor, Action.GENAI_OBSERVE)
    async with transaction() as session:
        configs = [each for each in await queries.service_configs(session) if each.budget_usd is not None]
        rows = await service_queries.spending_of(session, [each.id for each in configs], month_start(now()))
    spent = {config_id: (usd, unpriced) for config_id, usd, unpriced in rows}
    return [
        Budget(each.id, each.name, Spending(*spent.get(each.id, (Decimal(0), 0)), each.budget_usd)) for each in configs
    ]


async def read_drifts(actor: Actor) -> list[Drift]:
    """Models that answer as another than the one they are pinned to, the latest first."""
    require(actor, Action.GENAI_OBSERVE)
    async with transaction() as session:
        rows = await usage_queries.drifts(session)
    return [Drift(*row) for row in rows]
