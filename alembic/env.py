"""Alembic's entry: migrates the database that the settings name, over one synchronous connection."""

from typing import Literal

from sqlalchemy import create_engine, pool
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from alembic import context
from backend import wiring
from backend.core.database import driver_url
from backend.core.settings import get_settings

wiring.load_tables()


def _plain_strings(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write SQLModel's string type as SQLAlchemy's own, so that migrations don't depend on SQLModel."""
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String({item.length or ''})"
    return False


def run_migrations_online() -> None:
    """Run inside one transaction: a failing migration leaves the schema as it was."""
    url = get_settings().database_url
    if url is None:
        raise SystemExit("No database: run `stoa migrate`, or set DATABASE_URL.")
    engine = create_engine(driver_url(url.get_secret_value()), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=SQLModel.metadata, render_item=_plain_strings)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations read the database, so they don't run offline.")
run_migrations_online()
