"""Migrations: up, down and up again, and nothing that the tables say is missing."""

import pytest
from alembic.config import Config
from sqlalchemy import create_engine, inspect

from alembic import command
from backend.core.database import driver_url
from backend.core.settings import PROJECT_ROOT


def tables(url: str) -> set[str]:
    engine = create_engine(driver_url(url))
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


@pytest.fixture
def alembic(database: str) -> Config:
    return Config(PROJECT_ROOT / "alembic.ini")


def test_the_migrated_database_is_what_the_tables_say(alembic: Config) -> None:
    command.check(alembic)


def test_down_removes_everything_and_up_brings_it_back(alembic: Config, database: str) -> None:
    before = tables(database)
    command.downgrade(alembic, "base")
    assert tables(database) == {"alembic_version"}
    command.upgrade(alembic, "head")
    assert tables(database) == before
    command.check(alembic)
