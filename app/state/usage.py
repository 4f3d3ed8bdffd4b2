"""What was used and what it cost: a period, broken down, narrowed down, and drawn by day."""

from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypedDict, TypeVar
from urllib.parse import urlencode

import reflex as rx

from app.state.session import Session, acting
from backend.core.clock import now
from backend.core.errors import Invalid, StoaError
from backend.genai import (
    Budget,
    Dimension,
    Drift,
    Figures,
    Measure,
    Period,
    UsageQuery,
    UsageReport,
    UsageRow,
    budget_states,
    period,
    read_drifts,
    read_usage,
    zone_named,
)

Choice = TypeVar("Choice", bound=StrEnum)

ROWS = 25
"""Rows that a list grows by."""
PRESETS: dict[str, Callable[[date], date]] = {
    "7": lambda today: today - timedelta(days=6),
    "30": lambda today: today - timedelta(days=29),
    "90": lambda today: today - timedelta(days=89),
    "month": lambda today: today.replace(day=1),
}
"""The first day of each period that ends today."""
CUSTOM = "custom"
DIMENSION_NAMES = {
    Dimension.FEATURE: "Feature",
    Dimension.SECTION: "Section",
    Dimension.MODEL: "Model",
    Dimension.PERSON: "Person",
    Dimension.CONFIG: "Service config",
}
DAY = "day"
"""What the filter for a picked day is called beside the dimensions."""


class FiguresItem(TypedDict):
    """Sums over attempts; `cost` is None when every attempt is unpriced."""

    requests: int
    attempts: int
    failed: int
    input: int
    output: int
    cached: int
    reasoning: int
    estimated: int
    cost: float | None
    unpriced: int


class RowItem(FiguresItem):
    """One value of what usage is broken down by; `series` is the place of its colour among the bars' parts or -1."""

    key: str
    name: str
    detail: str
    series: int
    chosen: bool


class SeriesItem(TypedDict):
    """A part of the bars."""

    key: str
    name: str


class DayItem(TypedDict):
    """A day's bar: a value for each series."""

    day: str
    values: list[float]
    unpriced: int


class FilterItem(TypedDict):
    """What is counted alone; `day` is what `label` ends with, for the browser to say."""

    by: str
    key: str
    label: str
    day: str


class BudgetItem(TypedDict):
    """A service config's month."""

    id: str
    name: str
    budget: float
    spent: float
    share: float
    state: str
    unpriced: int


class DriftItem(TypedDict):
    """A model that another one answered for."""

    id: str
    name: str
    pinned: str
    answered: str
    times: int
    since: str
    last: str


NO_FIGURES = FiguresItem(
    requests=0, attempts=0, failed=0, input=0, output=0, cached=0, reasoning=0, estimated=0, cost=0.0, unpriced=0
)
COLUMNS = ("name", *NO_FIGURES)
"""What rows can be sorted by."""


class UsageState(Session):
    """The page's choices, and the figures for them."""

    zone: str = ""
    """The reader's time zone; empty until the browser said it."""
    preset: str = "30"
    first: str = ""
    last: str = ""
    range_problem: dict[str, str] = {}
    """What is wrong with the days that were typed, by field (from, to)."""
    by: str = Dimension.FEATURE.value
    measure: str = Measure.COST.value
    picked: str = ""
    filters: list[FilterItem] = []
    totals: FiguresItem = NO_FIGURES
    series: list[SeriesItem] = []
    days: list[DayItem] = []
    search: str = ""
    sort: str = ""
    """The column that rows are sorted by; empty: the largest of the measure first."""
    descending: bool = True
    shown: int = ROWS
    budgets: list[BudgetItem] = []
    drifts: list[DriftItem] = []
    csv: str = ""
    loading: bool = True

    _rows: list[RowItem] = []

    @rx.var
    def rows(self) -> list[RowItem]:
        """The rows that were searched for, in order, as many as are shown."""
        return self._found()[: self.shown]

    @rx.var
    def found(self) -> int:
        """How many rows were searched for."""
        return len(self._found())

    @rx.event
    async def load(self) -> Any:
        """Fill what doesn't depend on the reader's time zone; the rest, too, once that is known."""
        self.problem = ""
        try:
            self.budgets = [_budget(each) for each in await budget_states(acting())]
            self.drifts = [_drift(each) for each in await read_drifts(acting())]
            if self.zone:
                await self._read()
        except StoaError as error:
            return self._refusal(error)
        return None

    @rx.event
    async def in_zone(self, zone: str) -> Any:
        """The browser says where its reader is. A zone that this server doesn't know is shown in UTC."""
        before = self.zone
        try:
            self.zone = zone_named(zone).key if isinstance(zone, str) else "UTC"
        except Invalid:
            self.zone = "UTC"
        if self.zone == before and not self.loading:
            return None
        try:
            await self._read()
        except StoaError as error:
            return self._refusal(error)
        return None

    @rx.event
    async def choose_range(self, preset: str) -> None:
        """A period that ends today, or the fields for another one."""
        if preset not in (*PRESETS, CUSTOM):
            raise Invalid("There is no such period.")
        self.preset, self.range_problem = preset, {}
        if preset != CUSTOM:
            self._forget_day()
            await self._read()

    @rx.event
    async def choose_days(self, form: dict[str, Any]) -> None:
        """The period between two days that were typed."""
        first, last = (str(form.get(name, "")) if isinstance(form, dict) else "" for name in ("from", "to"))
        try:
            chosen = period(first[:10], last[:10], zone_named(self.zone or "UTC"))
        except Invalid as error:
            field, _, rule = error.message.partition(": ")
            self.range_problem = {field: rule[:1].upper() + rule[1:]}
            return
        self.preset, self.range_problem = CUSTOM, {}
        self.first, self.last = chosen.first.isoformat(), chosen.last.isoformat()
        self._forget_day()
        await self._read()

    @rx.event
    async def choose_by(self, by: str) -> None:
        """Break down by something else."""
        self.by = _one_of(Dimension, by).value
        self.search, self.shown = "", ROWS
        await self._read()

    @rx.event
    async def choose_measure(self, measure: str) -> None:
        """Draw cost, requests or tokens."""
        self.measure = _one_of(Measure, measure).value
        self.sort = ""
        await self._read()

    @rx.event
    async def pick(self, key: str) -> None:
        """Count only the row with this key; once more: all of them again."""
        name = next((row["name"] for row in self._rows if row["key"] == key), None)
        if name is None:
            raise Invalid("There is no such row.")
        chosen = [each["key"] for each in self.filters if each["by"] == self.by]
        self.filters = [each for each in self.filters if each["by"] != self.by]
        if key not in chosen:
            label = f"{DIMENSION_NAMES[Dimension(self.by)]}: {name}"
            self.filters = [*self.filters, FilterItem(by=self.by, key=key, label=label, day="")]
        await self._read()

    @rx.event
    async def pick_day(self, day: str) -> None:
        """Count only this day; once more: all of them again."""
        if day not in [each["day"] for each in self.days]:
            raise Invalid("There is no such day.")
        taken_away = day == self.picked
        self._forget_day()
        if not taken_away:
            self.picked = day
            self.filters = [*self.filters, FilterItem(by=DAY, key=day, label="Day: ", day=day)]
        await self._read()

    @rx.event
    async def drop(self, by: str) -> None:
        """Take a filter away."""
        if by == DAY:
            self._forget_day()
        self.filters = [each for each in self.filters if each["by"] != by]
        await self._read()

    @rx.event
    async def show_unpriced(self) -> None:
        """Which models have attempts without a price."""
        self.by, self.search, self.shown = Dimension.MODEL.value, "", ROWS
        self.sort, self.descending = "unpriced", True
        await self._read()

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show only rows with `text` in their name."""
        self.search, self.shown = text[:200] if isinstance(text, str) else "", ROWS

    @rx.event
    async def sort_by(self, column: str) -> None:
        """Sort rows by a column; once more: the other way round."""
        if column not in COLUMNS:
            raise Invalid("There is no such column.")
        self.descending = not self.descending if self.sort == column else column != "name"
        self.sort = column

    @rx.event
    async def show_more(self) -> None:
        """More rows."""
        self.shown += ROWS

    def _found(self) -> list[RowItem]:
        wanted = self.search.strip().casefold()
        rows = [row for row in self._rows if wanted in f"{row['name']} {row['detail']}".casefold()]
        if self.sort == "name":
            return sorted(rows, key=lambda row: row["name"].casefold(), reverse=self.descending)
        if self.sort:
            return sorted(rows, key=lambda row: row[self.sort] or 0, reverse=self.descending)  # type: ignore[literal-required]
        return rows

    def _forget_day(self) -> None:
        self.picked = ""
        self.filters = [each for each in self.filters if each["by"] != DAY]

    async def _read(self) -> None:
        chosen = self._period()
        by = Dimension(self.by)
        filters: dict[Dimension, str] = {
            Dimension(each["by"]): each["key"] for each in self.filters if each["by"] != DAY
        }
        picked = date.fromisoformat(self.picked) if self.picked else None
        measure = Measure(self.measure)
        usage = await read_usage(acting(), UsageQuery(chosen, by, filters, measure, picked))
        self.first, self.last = chosen.first.isoformat(), chosen.last.isoformat()
        self._show(usage, measure, filters.get(by, ""))
        days = {"from": self.picked or self.first, "to": self.picked or self.last, "zone": self.zone, "by": self.by}
        self.csv = "/api/v1/usage.csv?" + urlencode(days | {str(each): key for each, key in filters.items()})
        self.loading = False

    def _period(self) -> Period:
        zone = zone_named(self.zone or "UTC")
        if self.preset == CUSTOM:
            return period(self.first, self.last, zone)
        today = now().astimezone(zone).date()
        return Period(PRESETS[self.preset](today), today, zone)

    def _show(self, usage: UsageReport, measure: Measure, chosen: str) -> None:
        places = {key: place for place, (key, _) in enumerate(usage.series)}
        others = places.get("", -1)
        self.totals = _figures(usage.totals)
        self._rows = [_row(row, places.get(row.key, others), chosen) for row in usage.rows]
        self.series = [SeriesItem(key=key, name=name) for key, name in usage.series]
        self.days = [
            DayItem(
                day=each.day.isoformat(),
                values=[float(part.of(measure)) for part in each.parts],
                unpriced=sum(part.unpriced for part in each.parts),
            )
            for each in usage.days
        ]


def _one_of(choices: type[Choice], value: str) -> Choice:
    try:
        return choices(value)
    except ValueError:
        raise Invalid("There is no such choice.") from None


def _figures(figures: Figures) -> FiguresItem:
    all_unpriced = 0 < figures.attempts == figures.unpriced
    return FiguresItem(
        requests=figures.requests,
        attempts=figures.attempts,
        failed=figures.failed,
        input=figures.input_tokens,
        output=figures.output_tokens,
        cached=figures.cached_tokens,
        reasoning=figures.reasoning_tokens,
        estimated=figures.estimated,
        cost=None if all_unpriced else float(figures.cost_usd),
        unpriced=figures.unpriced,
    )


def _row(row: UsageRow, series: int, chosen: str) -> RowItem:
    return RowItem(
        key=row.key,
        name=row.name,
        detail=row.detail,
        series=series,
        chosen=row.key == chosen,
        **_figures(row.figures),
    )


def _budget(budget: Budget) -> BudgetItem:
    return BudgetItem(
        id=str(budget.config_id),
        name=budget.name,
        budget=float(budget.spending.budget_usd or 0),
        spent=float(budget.spending.usd),
        share=budget.spending.share,
        state=budget.spending.state.value,
        unpriced=budget.spending.unpriced,
    )


def _drift(drift: Drift) -> DriftItem:
    return DriftItem(
        id=str(drift.id),
        name=drift.name,
        pinned=drift.pinned,
        answered=drift.answered,
        times=drift.times,
        since=drift.since.isoformat(),
        last=drift.last.isoformat(),
    )
