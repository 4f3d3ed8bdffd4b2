"""Postgres: the engine, sessions, and the conventions every table shares."""

import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, event, text
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import object_session
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.clock import now
from backend.core.errors import Invalid, Unavailable
from backend.core.ids import new_id
from backend.core.settings import get_settings

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel):
    """Base of every table: a time-ordered id and the moment the row was made."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)


class Versioned(Table):
    """A table that people edit with forms: of two who edit the same row at once, the second is told."""

    version: int = 1
    """Counts the row's changes. A form sends back the one it was filled with."""


@event.listens_for(Versioned, "before_update", propagate=True)
def _count_change(_mapper: Any, _connection: Any, row: Versioned) -> None:
    if (session := object_session(row)) is not None and session.is_modified(row):
        row.version += 1


def moment(**options: Any) -> Any:
    """A `timestamptz` column, UTC; `nullable` unless said otherwise."""
    options.setdefault("default", None)
    return Field(sa_type=DateTime(timezone=True), **options)


def one_of(column: str, values: Sequence[str], name: str | None = None) -> CheckConstraint:
    """A CHECK that `column` holds one of `values`: enums are text + CHECK, because they grow."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or column)


def driver_url(url: str) -> str:
    """`url` with the psycopg 3 driver named, whatever form the person wrote."""
    for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    return url


@lru_cache(maxsize=1)
def get_engine() -> AsyncEngine:
    """This process's engine. Connections are tested before use, so a restarted Postgres costs one reconnect."""
    url = get_settings().database_url
    if url is None:
        raise Unavailable("No database is running. Start Stoa with `make run` or set DATABASE_URL.")
    return create_async_engine(
        driver_url(url.get_secret_value()),
        pool_size=get_settings().database_pool,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5},
    )


async def dispose_engine() -> None:
    """Close every connection; the next session opens a fresh engine.

    A connection whose opening was cancelled is in no pool: only the collector closes it. Until then Postgres keeps a
    half-open session, for which `DROP DATABASE` waits up to a minute.
    """
    if get_engine.cache_info().currsize:
        await get_engine().dispose()
        get_engine.cache_clear()
        gc.collect()


@asynccontextmanager
async def transaction() -> AsyncIterator[AsyncSession]:
    """One boundary: commits at the end, rolls back on error.

    Postgres being away becomes `Unavailable`; a value that no column can hold (NUL, half a character) `Invalid`.
    """
    try:
        async with AsyncSession(get_engine(), expire_on_commit=False) as session, session.begin():
            yield session
    except (OperationalError, InterfaceError, PoolExhausted) as error:
        raise Unavailable from error
    except (DataError, UnicodeEncodeError) as error:
        raise Invalid("That contains something that can't be stored as text.") from error


async def ping_database() -> None:
    """Raises `Unavailable` when Postgres doesn't answer."""
    async with transaction() as session:
        await session.execute(text("SELECT 1"))
