"""What administrators should know about money and models: budgets of this month, and models that answer as others."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from backend.access import Action, Actor, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.genai import usage_queries as queries

WARNING_SHARE = Decimal("0.8")
"""Of a month's budget: from here on somebody should look."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A service config's month (UTC, as completions are refused by it). Unpriced attempts aren't in `spent_usd`."""

    id: UUID
    name: str
    budget_usd: Decimal
    spent_usd: Decimal
    unpriced: int

    @property
    def share(self) -> Decimal:
        """How much of it is spent: 1 is all."""
        return self.spent_usd / self.budget_usd

    @property
    def state(self) -> str:
        """ok, warning (80 % and more), or spent: its features answer with a refusal."""
        return "spent" if self.share >= 1 else "warning" if self.share >= WARNING_SHARE else "ok"


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
    moment = now()
    month = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    async with transaction() as session:
        rows = await queries.spending(session, month)
    return [Budget(*row) for row in rows]


async def read_drifts(actor: Actor) -> list[Drift]:
    """Models that answer as another than the one they are pinned to, the latest first."""
    require(actor, Action.GENAI_OBSERVE)
    async with transaction() as session:
        rows = await queries.drifts(session)
    return [Drift(*row) for row in rows]
