"""What a section costs: by day, feature and model, and against the budgets of what serves it."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor
from backend.core.clock import now
from backend.genai import Figures, Spending, feature_name, month_start
from backend.insights import queries
from backend.insights.counting import COSTS
from backend.insights.schemas import CostDay, CostLine, CostReport, CostRow, Filters, SectionBudget
from backend.insights.sections import Opened, opened, snapshot

NO_MODEL = "No model"


async def read_cost(actor: Actor, section_id: UUID, filters: Filters | None = None) -> CostReport:
    """What a section cost, by default in the last four weeks. The lesson filter changes nothing here."""
    async with snapshot() as session:
        here = await opened(session, actor, section_id, filters)
        rows = await queries.costs(session, here.counted())
        names = await _model_names(session, here, rows)
        found = {row.day: _figures(row) for row in rows if not row.all_days}
        features = [CostRow(row.feature, feature_name(row.feature), _figures(row)) for row in rows if _by_feature(row)]
        models = [
            CostRow(str(row.model_id or ""), _name(names, row), _figures(row)) for row in rows if not row.all_models
        ]
        return CostReport(
            section=here.head,
            totals=_total(rows),
            days=tuple(CostDay(day, found.get(day, Figures())) for day in here.days),
            features=_largest_first(features),
            models=_largest_first(models),
            budgets=await budgets_of(session, here),
        )


async def export_cost(actor: Actor, section_id: UUID, filters: Filters) -> list[CostLine]:
    """Every day, feature and model that cost something, for a file."""
    async with snapshot() as session:
        here = await opened(session, actor, section_id, filters)
        rows = await queries.costs_each(session, here.counted())
        names = await _model_names(session, here, rows)
    return [CostLine(row.day, feature_name(row.feature), _name(names, row), _figures(row)) for row in rows]


async def totals_of(session: AsyncSession, here: Opened) -> Figures:
    """What the days that are shown cost altogether."""
    return _total(await queries.costs(session, here.counted()))


async def budgets_of(session: AsyncSession, here: Opened) -> tuple[SectionBudget, ...]:
    """The service configs that serve the section, and what is spent of their month."""
    rows = await queries.serving(session, here.head.id)
    spent = await queries.spending(session, here.head.id, [row.id for row in rows], month_start(now()))
    return tuple(
        _budget(list(features), spent.get(config_id)) for config_id, features in groupby(rows, lambda row: row.id)
    )


def _budget(rows: Sequence[Any], spent: Any | None) -> SectionBudget:
    row = rows[0]
    used = Spending(spent.spent if spent else Decimal(0), spent.unpriced if spent else 0, row.budget_usd)
    return SectionBudget(
        config_id=row.id,
        config=row.name,
        features=tuple(feature_name(each.feature) for each in rows),
        section_usd=spent.section_spent if spent else Decimal(0),
        spent_usd=used.usd,
        unpriced=used.unpriced,
        budget_usd=row.budget_usd,
        state=used.state,
    )


async def _model_names(session: AsyncSession, here: Opened, rows: Sequence[Any]) -> dict[UUID, str]:
    ids = list({row.model_id for row in rows if row.model_id is not None})
    return dict(await queries.model_names(session, here.head.id, ids)) if ids else {}


def _name(names: dict[UUID, str], row: Any) -> str:
    return names[row.model_id] if row.model_id is not None else NO_MODEL


def _by_feature(row: Any) -> bool:
    return not row.all_features


def _total(rows: Sequence[Any]) -> Figures:
    every = (row for row in rows if row.all_days and row.all_features and row.all_models)
    return next((_figures(row) for row in every), Figures())


def _largest_first(rows: Sequence[CostRow]) -> tuple[CostRow, ...]:
    return tuple(sorted(rows, key=lambda row: (-row.figures.cost_usd, -row.figures.attempts, row.name)))


def _figures(row: Any) -> Figures:
    counts: dict[str, Any] = {name: int(getattr(row, name)) for name in COSTS if name != "cost_usd"}
    return Figures(cost_usd=row.cost_usd, **counts)
