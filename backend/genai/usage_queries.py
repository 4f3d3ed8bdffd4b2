"""SQL about what was used and what it cost: sums over the ledger, and the names of what they are about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, DateTime, Text, Uuid, any_, case, cast, func, literal, select, true
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Person
from backend.courses.models import Course, Section
from backend.genai.models import CompletionRequest, Outcome, RegisteredModel, ServiceConfig


def _columns(table: type[SQLModel]) -> Any:
    return SQLModel.metadata.tables[str(table.__tablename__)].c


LEDGER, MODELS, CONFIGS = _columns(CompletionRequest), _columns(RegisteredModel), _columns(ServiceConfig)
SECTIONS, COURSES, PEOPLE = _columns(Section), _columns(Course), _columns(Person)

NOBODY = "none"
"""The key of attempts that are of no section, person, …: their column is NULL."""


class Dimension(StrEnum):
    """What usage is broken down by."""

    FEATURE = "feature"
    SECTION = "section"
    MODEL = "model"
    PERSON = "person"
    CONFIG = "config"


COLUMNS: Mapping[Dimension, ColumnElement[Any]] = {
    Dimension.FEATURE: LEDGER.feature,
    Dimension.SECTION: LEDGER.section_id,
    Dimension.MODEL: LEDGER.model_id,
    Dimension.PERSON: LEDGER.person_id,
    Dimension.CONFIG: LEDGER.config_id,
}

FIGURES: tuple[ColumnElement[Any], ...] = (
    func.count().filter(LEDGER.attempt == 1).label("requests"),
    func.count().label("attempts"),
    func.count().filter(LEDGER.outcome == Outcome.FAILED.value).label("failed"),
    func.sum(LEDGER.input_tokens).label("input_tokens"),
    func.sum(LEDGER.output_tokens).label("output_tokens"),
    func.sum(LEDGER.cached_tokens).label("cached_tokens"),
    func.sum(LEDGER.reasoning_tokens).label("reasoning_tokens"),
    func.count().filter(LEDGER.tokens_estimated).label("estimated"),
    func.coalesce(func.sum(LEDGER.cost_usd), 0).label("cost_usd"),
    func.count().filter(LEDGER.unpriced).label("unpriced"),
)
"""In the order of `usage.Figures`."""

Filters = Mapping[Dimension, str]
"""Only attempts with this key in each of these dimensions."""


async def sums_by(
    session: AsyncSession, by: Dimension, since: datetime, until: datetime, filters: Filters
) -> Sequence[Any]:
    """(key, figures…) of each value of a dimension."""
    statement = select(_key(by), *FIGURES).where(*_within(since, until, filters)).group_by(COLUMNS[by])
    return (await session.execute(statement)).all()


async def sums_by_day(
    session: AsyncSession, starts: Sequence[datetime], filters: Filters, by: Dimension, keys: Sequence[str] | None
) -> Sequence[Any]:
    """(number of the day, key, figures…), where there is something. `starts`: as of `Period`.

    Only `keys` are told apart, all others are one with an empty key; None tells all apart. One day after the other is
    read by the index of moments: grouping all rows by their day would sort them on disk.
    """
    key = _key(by) if keys is None else _one_of(by, keys)
    begin, end = (literal(list(moments), ARRAY(DateTime(timezone=True))) for moments in (starts[:-1], starts[1:]))
    days = (
        func.unnest(begin, end).table_valued("since", "until", with_ordinality="number", name="days").render_derived()
    )
    of_a_day = (
        select(key.label("key"), *FIGURES)
        .where(*_within(days.c.since, days.c.until, filters))
        .group_by("key")
        .lateral("of_a_day")
    )
    statement = select((days.c.number - 1).label("day"), of_a_day).select_from(days.join(of_a_day, true()))
    return (await session.execute(statement)).all()


async def named(session: AsyncSession, by: Dimension, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """(name, what tells it from others of that name) of sections, models, people or service configs still there."""
    wanted = {
        Dimension.SECTION: select(SECTIONS.id, SECTIONS.title, COURSES.title).where(COURSES.id == SECTIONS.course_id),
        Dimension.MODEL: select(MODELS.id, MODELS.name, MODELS.model),
        Dimension.PERSON: select(PEOPLE.id, PEOPLE.name, PEOPLE.email),
        Dimension.CONFIG: select(CONFIGS.id, CONFIGS.name, literal("")),
    }[by]
    ids = [UUID(key) for key in keys]
    rows = await session.execute(wanted.where(wanted.selected_columns[0] == any_(literal(ids, ARRAY(Uuid)))))
    return {str(row_id): (name, detail) for row_id, name, detail in rows}


async def former_models(session: AsyncSession, keys: Sequence[str]) -> Mapping[str, str]:
    """What providers were asked for by models that aren't registered any more, by their ids."""
    statement = (
        select(LEDGER.model_id, func.max(LEDGER.requested_model))
        .where(LEDGER.model_id.in_([UUID(key) for key in keys]))
        .group_by(LEDGER.model_id)
    )
    return {str(model_id): requested for model_id, requested in await session.execute(statement)}


async def drifts(session: AsyncSession) -> Sequence[Any]:
    """Registered models, as they are pinned now, that another said it answered for; as of `Drift`, the latest first."""
    pinned = (LEDGER.model_id == MODELS.id) & (LEDGER.requested_model == MODELS.model)
    last = func.max(LEDGER.created_at)
    statement = (
        select(
            *(MODELS.id, MODELS.name, MODELS.model, LEDGER.reported_model),
            *(func.count(), func.min(LEDGER.created_at), last),
        )
        .where(pinned, LEDGER.reported_model != LEDGER.requested_model)
        .group_by(MODELS.id, LEDGER.reported_model)
        .order_by(last.desc(), LEDGER.reported_model)
    )
    return (await session.execute(statement)).all()


def _key(by: Dimension) -> ColumnElement[Any]:
    return func.coalesce(cast(COLUMNS[by], Text), NOBODY)


def _one_of(by: Dimension, keys: Sequence[str]) -> ColumnElement[Any]:
    return case(*((_holds(by, key), key) for key in keys), else_="") if keys else cast("", Text)


def _within(since: Any, until: Any, filters: Filters) -> list[ColumnElement[bool]]:
    at = LEDGER.created_at
    return [at >= since, at < until, *(_holds(by, key) for by, key in filters.items())]


def _holds(by: Dimension, key: str) -> ColumnElement[bool]:
    if key == NOBODY:
        return COLUMNS[by].is_(None)
    return COLUMNS[by] == (key if by is Dimension.FEATURE else UUID(key))
