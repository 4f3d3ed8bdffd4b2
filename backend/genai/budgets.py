"""How much of a month's budget is spent, and who is told."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import structlog

from backend.access import Action, Actor, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Unavailable
from backend.genai import limits_queries, service_queries

log = structlog.get_logger(__name__)

WARNING = Decimal("0.8")


class BudgetState(StrEnum):
    """What is left of a budget."""

    UNLIMITED = "unlimited"
    OK = "ok"
    WARNING = "warning"
    """At least 80 % is spent."""
    SPENT = "spent"
    """Nothing is left: requests are refused until the month ends."""


@dataclass(frozen=True, slots=True)
class Spending:
    """USD of one service config in one calendar month (UTC)."""

    usd: Decimal
    unpriced: int
    """Attempts whose price isn't known: they aren't in `usd`."""
    budget_usd: Decimal | None

    @property
    def state(self) -> BudgetState:
        """What is left."""
        if self.budget_usd is None:
            return BudgetState.UNLIMITED
        if self.usd >= self.budget_usd:
            return BudgetState.SPENT
        return BudgetState.WARNING if self.usd >= WARNING * self.budget_usd else BudgetState.OK

    @property
    def share(self) -> float:
        """Spent ÷ budget; 0 without a budget."""
        return float(self.usd / self.budget_usd) if self.budget_usd else 0.0


def month_start(moment: datetime) -> datetime:
    """When the calendar month (UTC) of `moment` began."""
    there = moment.astimezone(UTC)
    return datetime(there.year, there.month, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """A service config that has a budget, and what was spent of it this month."""

    config_id: UUID
    name: str
    spending: Spending


_warned: dict[UUID, datetime] = {}
"""The month in which this process warned of a config's budget last."""


async def budget_states(actor: Actor) -> list[Budget]:
    """Every service config that has a budget, by name."""
    require(actor, Action.GENAI_OBSERVE)
    return await _budgets()


async def note_spending(config_id: UUID) -> None:
    """Warn in the log, once a month and process, when an answer took a config to 80 % of its budget or further.

    To be called after each answer, which never fails for its sake.
    """
    if _warned.get(config_id) == (month := month_start(now())):
        return
    try:
        found = await _budgets(config_id)
    except Unavailable:
        return  # the next answer asks again
    for budget in found:
        if budget.spending.state is not BudgetState.OK:
            _warned[config_id] = month
            _log(budget)


async def _budgets(only: UUID | None = None) -> list[Budget]:
    async with transaction() as session:
        configs = await limits_queries.budgeted_configs(session, only)
        rows = await service_queries.spending_of(session, [each.id for each in configs], month_start(now()))
    spent = {config: (usd, unpriced) for config, usd, unpriced in rows}
    return [
        Budget(each.id, each.name, Spending(*spent.get(each.id, (Decimal(0), 0)), each.budget_usd)) for each in configs
    ]


def _log(budget: Budget) -> None:
    spending = budget.spending
    log.warning(
        "budget_warning",
        service_config=budget.name,
        state=spending.state.value,
        spent_usd=float(spending.usd),
        budget_usd=float(spending.budget_usd or 0),
        share=round(spending.share, 3),
    )
