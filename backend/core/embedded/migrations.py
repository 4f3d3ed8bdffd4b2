"""The schema: brought up to date by one process at a time, and checked by everyone who serves."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, pool
from sqlalchemy.exc import OperationalError

from alembic import command
from backend.core.database import driver_url
from backend.core.embedded.errors import CannotStart
from backend.core.settings import PROJECT_ROOT, get_settings

_LOCK = 0x53746F61  # "Stoa": the advisory lock that migrations hold


def migrate() -> None:
    """Upgrade the database of the settings to the newest revision; waits while another process does. No event loop."""
    with _reachable():
        url = driver_url(_url()).replace("+psycopg", "", 1)
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            command.upgrade(_alembic(), "head")


def require_newest_schema() -> None:
    """Raises `CannotStart` unless the database stands exactly at the newest revision."""
    wanted = set(ScriptDirectory.from_config(_alembic()).get_heads())
    engine = create_engine(driver_url(_url()), poolclass=pool.NullPool, connect_args={"connect_timeout": 10})
    with _reachable(), engine.connect() as connection:
        found = set(MigrationContext.configure(connection).get_current_heads())
    if found != wanted:
        revision = ", ".join(sorted(found)) or "empty"
        raise CannotStart(
            f"The database is {revision}, this version of Stoa needs {', '.join(sorted(wanted))}. Run `stoa migrate`."
        )


def _alembic() -> Config:
    return Config(PROJECT_ROOT / "alembic.ini")


def _url() -> str:
    url = get_settings().database_url
    if url is None:
        raise CannotStart("No database: start everything with `stoa up`, or set DATABASE_URL.")
    return url.get_secret_value()


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, OperationalError) as error:
        url = make_url(driver_url(_url()))
        reason = str(getattr(error, "orig", error)).strip()
        raise CannotStart(f"The database at {url.host}:{url.port or 5432} can't be reached: {reason}") from error
