"""How much of a month's budget is spent."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

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
