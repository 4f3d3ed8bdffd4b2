"""What was used and what it cost, by day and by what it was for. All figures are sums over the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, require
from backend.core.database import transaction
from backend.core.errors import Invalid
from backend.core.ids import parse_id
from backend.genai import usage_queries as queries
from backend.genai.feature_names import FEATURE_NAMES
from backend.genai.periods import Period
from backend.genai.schemas import Feature
from backend.genai.usage_queries import NOBODY, Dimension, Filters

SERIES = 5
"""Parts that a day's bar has at most: as many as there are colours. The smallest stand together as the last."""

NOT_ANY: Mapping[Dimension, str] = {
    Dimension.SECTION: "Outside of sections",
    Dimension.MODEL: "No model",
    Dimension.PERSON: "Nobody in particular",
    Dimension.CONFIG: "Asked by a model’s name",
}
"""What attempts without one are called."""
GONE: Mapping[Dimension, str] = {
    Dimension.SECTION: "A section that is gone",
    Dimension.MODEL: "A model that is gone",
    Dimension.PERSON: "A person who is gone",
    Dimension.CONFIG: "A service config that is gone",
}


class Measure(StrEnum):
    """What bars show, and what lists are ordered by."""

    COST = "cost"
    REQUESTS = "requests"
    TOKENS = "tokens"
    """Input and output."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over attempts.

    A request counts where its first attempt went, so that requests of parts add up to those of the whole. `estimated`
    and `unpriced` are numbers of attempts; the cost of unpriced ones isn't in `cost_usd`.
    """

    requests: int = 0
    attempts: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def of(self, measure: Measure) -> Decimal | int:
        """The figure that a measure names."""
        if measure is Measure.COST:
            return self.cost_usd
        return self.requests if measure is Measure.REQUESTS else self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One value of a dimension. `detail` tells it from others of its name."""

    key: str
    name: str
    detail: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class UsageDay:
    """A day, with a part for each series; empty days have zeros."""

    day: date
    parts: tuple[Figures, ...]


@dataclass(frozen=True, slots=True)
class UsageReport:
    """`rows` are the largest first; `series` are (key, name) of the bars' parts, an empty key being all the others."""

    totals: Figures
    rows: tuple[UsageRow, ...]
    series: tuple[tuple[str, str], ...]
    days: tuple[UsageDay, ...]


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """What is asked: `picked` is the day that totals and rows are of, instead of the whole period."""

    period: Period
    by: Dimension = Dimension.FEATURE
    filters: Filters = field(default_factory=dict)
    measure: Measure = Measure.COST
    picked: date | None = None


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A day's figures of one value of a dimension, or the day's own (`row` without key and name)."""

    day: date
    row: UsageRow


async def read_usage(actor: Actor, query: UsageQuery) -> UsageReport:
    """Totals, rows and days of a period. Raises `Invalid` for a filter that is none."""
    require(actor, Action.GENAI_OBSERVE)
    filters, starts = _checked(query.filters), query.period.starts
    async with transaction() as session:
        rows = await _rows(session, query, query.period, filters)
        series = _series(rows)
        parts = await queries.sums_by_day(session, starts, filters, query.by, [key for key, _ in series if key])
        if query.picked is not None:
            rows = await _rows(session, query, Period(query.picked, query.picked, query.period.zone), filters)
    return UsageReport(
        totals=sum((row.figures for row in rows), Figures()),
        rows=tuple(rows),
        series=series,
        days=_days(query.period, [key for key, _ in series], parts),
    )


async def export_usage(
    actor: Actor, period: Period, by: Dimension | None = None, filters: Filters | None = None
) -> list[ExportRow]:
    """A period day by day: of each value of a dimension where there is something, or of every day when `by` is None."""
    require(actor, Action.GENAI_OBSERVE)
    filters = _checked(filters or {})
    dimension = by or Dimension.FEATURE
    async with transaction() as session:
        sums = await queries.sums_by_day(session, period.starts, filters, dimension, None if by else [])
        names = await _names(session, dimension, [row.key for row in sums]) if by else {"": ("", "")}
    found = {(row.day, row.key): Figures(*row[2:]) for row in sums}
    keys = sorted(names, key=lambda key: (*names[key], key))
    return [
        ExportRow(day, UsageRow(key, *names[key], found.get((number, key), Figures())))
        for number, day in enumerate(period.days)
        for key in keys
        if by is None or (number, key) in found
    ]


async def _rows(session: AsyncSession, query: UsageQuery, period: Period, filters: Filters) -> list[UsageRow]:
    since, until = period.starts[0], period.starts[-1]
    sums = await queries.sums_by(session, query.by, since, until, filters)
    names = await _names(session, query.by, [row[0] for row in sums])
    rows = [UsageRow(row[0], *names[row[0]], Figures(*row[1:])) for row in sums]
    return sorted(rows, key=lambda row: (-row.figures.of(query.measure), -row.figures.attempts, row.name, row.detail))


def _series(rows: Sequence[UsageRow]) -> tuple[tuple[str, str], ...]:
    if len(rows) <= SERIES:
        return tuple((row.key, row.name) for row in rows)
    shown = rows[: SERIES - 1]
    return (*((row.key, row.name) for row in shown), ("", f"{len(rows) - len(shown)} others"))


def _days(period: Period, keys: Sequence[str], sums: Sequence[Any]) -> tuple[UsageDay, ...]:
    found = {(row.day, row.key): Figures(*row[2:]) for row in sums}
    return tuple(
        UsageDay(day, tuple(found.get((number, key), Figures()) for key in keys))
        for number, day in enumerate(period.days)
    )


async def _names(session: AsyncSession, by: Dimension, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    keys = list(dict.fromkeys(keys))
    if by is Dimension.FEATURE:
        return {key: (FEATURE_NAMES[Feature(key)][0], "") for key in keys}
    known = [key for key in keys if key != NOBODY]
    there = await queries.named(session, by, known)
    names = {key: there.get(key, (GONE[by], "")) for key in known}
    if by is Dimension.MODEL and (gone := [key for key in names if key not in there]):
        former = await queries.former_models(session, gone)
        names |= {key: (former[key], "no longer registered") for key in gone}
    return names | ({NOBODY: (NOT_ANY[by], "")} if NOBODY in keys else {})


def _checked(filters: Filters) -> Filters:
    for by, key in filters.items():
        if not (key == NOBODY or (key in list(Feature) if by is Dimension.FEATURE else parse_id(key) is not None)):
            raise Invalid(f"{by.value}: there is nothing by that name.")
    return filters
