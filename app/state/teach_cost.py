"""What a section costs: by day, by feature and by model."""

from typing import Any, TypedDict
from urllib.parse import urlencode

import reflex as rx

from app.state.session import acting
from app.state.teach import DayItem, SeriesItem, TeachState, usd
from app.state.teach_overview import BudgetItem, budget_item
from backend import insights
from backend.core.errors import StoaError


class CostItem(TypedDict):
    """A feature or a model; `cost` is None when none of its attempts has a price."""

    key: str
    name: str
    requests: int
    input: int
    output: int
    unpriced: int
    cost: float | None
    share: float


class TeachCostState(TeachState):
    """The figures of the days that are looked at."""

    total: float | None = 0.0
    requests: int = 0
    input: int = 0
    output: int = 0
    unpriced: int = 0
    series: list[SeriesItem] = [SeriesItem(key="cost", name="Cost")]
    days: list[DayItem] = []
    features: list[CostItem] = []
    models: list[CostItem] = []
    budgets: list[BudgetItem] = []
    csv: str = ""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        try:
            section_id, filters = await self._enter()
            self._show(await insights.read_cost(acting(), section_id, filters))
        except StoaError as error:
            return self._failed(error)
        self.csv = f"/api/v1/sections/{self.slug}/cost.csv?" + urlencode({"from": self.first, "to": self.last})
        self.loading = False
        return None

    def _show(self, report: insights.CostReport) -> None:
        totals = report.totals
        self.total, self.requests, self.unpriced = usd(totals), totals.requests, totals.unpriced
        self.input, self.output = totals.input_tokens, totals.output_tokens
        self.days = [
            DayItem(
                day=each.day.isoformat(), values=[float(each.figures.cost_usd)], unpriced=each.figures.unpriced
            )
            for each in report.days
        ] if totals.attempts else []  # fmt: skip
        self.features, self.models = _rows(report.features), _rows(report.models)
        self.budgets = [budget_item(each) for each in report.budgets]


def _rows(rows: tuple[insights.CostRow, ...]) -> list[CostItem]:
    most = max((float(row.figures.cost_usd) for row in rows), default=0.0) or 1.0
    return [
        CostItem(
            key=row.key,
            name=row.name,
            requests=row.figures.requests,
            input=row.figures.input_tokens,
            output=row.figures.output_tokens,
            unpriced=row.figures.unpriced,
            cost=usd(row.figures),
            share=float(row.figures.cost_usd) / most,
        )
        for row in rows
    ]
