"""Real services for tests: one Postgres for each pytest run, one Valkey for each process of it.

`python -m tests.support.services FOLDER CONTROLLER_PID` is the process that holds Postgres. Whichever test needs it
first starts it; it stops when the pytest that the person started is gone, however that ended.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg

from backend.core.embedded.cluster import forget_cluster
from backend.core.embedded.data_dir import DataDir
from backend.core.embedded.migrations import migrate
from backend.core.embedded.postgres import start_postgres
from backend.core.embedded.processes import start_time
from backend.core.settings import PROJECT_ROOT, get_settings

RUN_VARIABLE = "STOA_TEST_RUN"  # the run's folder, inherited by the workers of xdist
SECRET_KEY = "a secret that only tests use, of more than 32 characters"
TEMPLATE = "migrated"

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Databases:
    """Makes, lends and drops copies of the migrated template."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._admin = psycopg.connect(url, autocommit=True)
        self._spare: list[Lent] = []

    def create(self) -> str:
        """A new database with the newest schema, by its address."""
        name = f"test_{uuid4().hex}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return database_url(self._url, name)

    def drop(self, url: str) -> None:
        """Drop it, whoever is still connected."""
        self._admin.execute(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    @contextmanager
    def lent(self) -> Iterator[str]:
        """A database that is like a new copy, by its address, until the end of the block.

        Making and dropping one costs Postgres 250 ms of a busy machine, checkpoint included; emptying one costs 10.
        """
        database = self._spare.pop() if self._spare else Lent(self.create())
        try:
            yield database.url
        finally:
            if database.emptied():
                self._spare.append(database)
            else:
                self.drop(database.url)

    def close(self) -> None:
        """End the connections; the databases go with their Postgres."""
        for database in self._spare:
            database.close()
        self._admin.close()


class Lent:
    """A copy of the template that test after test has for itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = psycopg.connect(url, autocommit=True, options="-c session_replication_role=replica")
        tables = self._admin.execute("SELECT relname FROM pg_class WHERE oid >= 16384 AND relkind = 'r'").fetchall()
        self._rows = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for (name,) in tables if name != "alembic_version"
        )
        self._shape = self._read_shape()
        self._uses = 0

    def emptied(self) -> bool:
        """End what is connected and delete all rows.

        False if it is used up: a test changed more than rows, the server ended, or it holds too many dead rows.
        """
        self._uses += 1
        try:
            self._admin.execute(OTHERS_GONE)
            if self._uses == MOST_USES or self._read_shape() != self._shape:
                self.close()
                return False
            for (name,) in self._admin.execute(self._rows).fetchall():
                self._admin.execute(f'DELETE FROM "{name}"')
        except psycopg.Error:
            self.close()
            return False
        return True

    def close(self) -> None:
        """End the connection."""
        self._admin.close()

    def _read_shape(self) -> object:
        return self._admin.execute(SHAPE).fetchall()


MOST_USES = 50
"""Tests that one database serves: what they deleted slows its tables."""
OTHERS_GONE = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
SHAPE = " UNION ALL ".join(
    f"SELECT count(*), max(xmin::text::bigint) FROM {catalog}"
    for catalog in (
        "alembic_version",
        "pg_class WHERE oid >= 16384",
        "pg_attribute WHERE attrelid >= 16384",
        "pg_constraint WHERE oid >= 16384",
        "pg_trigger WHERE oid >= 16384",
        "pg_proc WHERE oid >= 16384",
    )
)
"""When the schema and its version were last changed, and how much of it there is."""


def database_url(url: str, name: str) -> str:
    """`url` with another database."""
    return f"{url.rsplit('/', 1)[0]}/{name}"


def run_folder() -> Path:
    """The folder of this pytest run, shared by its processes."""
    return Path(os.environ[RUN_VARIABLE])


def begin_run() -> Path:
    """Make the run's folder, in the controller, before workers start; Postgres's account may pass through it."""
    folder = Path(f"/tmp/stoa-tests-{os.getpid()}-{uuid4().hex[:8]}")
    folder.mkdir(mode=0o711)
    (folder / "controller").write_text(str(os.getpid()))
    os.environ[RUN_VARIABLE] = str(folder)
    return folder


def end_run(folder: Path) -> None:
    """Stop what the run started and delete its folder, in the controller."""
    if holder := _holder(folder):
        with suppress(ProcessLookupError):
            os.kill(holder["pid"], signal.SIGTERM)
        while start_time(holder["pid"]) == holder["started"]:
            time.sleep(0.01)
    shutil.rmtree(folder, ignore_errors=True)


def shared_postgres() -> str:
    """Address of the run's Postgres (its database `postgres`), started if this is the first test that needs it."""
    folder = run_folder()
    with (folder / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        holder = _holder(folder) or _start_holder(folder)
    return str(holder["url"])


def _start_holder(folder: Path) -> dict[str, str | int]:
    controller = (folder / "controller").read_text()
    with (folder / "postgres.out").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.services", str(folder), controller],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=PROJECT_ROOT,
        )
    while process.poll() is None:
        if holder := _holder(folder):
            process.returncode = 0  # it outlives us on purpose: no warning about a child left running
            return holder
        time.sleep(0.01)
    raise RuntimeError(f"The tests' Postgres didn't start:\n{(folder / 'postgres.out').read_text()}")


def _holder(folder: Path) -> dict[str, str | int] | None:
    with suppress(OSError, ValueError):
        return json.loads((folder / "holder.json").read_text())
    return None


def _hold(folder: Path, controller: int) -> None:
    """Keep Postgres while the controller lives."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    data_dir = DataDir(folder / "services")
    postgres = start_postgres(data_dir.path, FAST)
    try:
        make_template(postgres.url_of("postgres"))
        me = {"pid": os.getpid(), "started": start_time(os.getpid()), "url": postgres.url_of("postgres")}
        (folder / "unfinished.json").write_text(json.dumps(me))
        (folder / "unfinished.json").replace(folder / "holder.json")
        began = start_time(controller)
        while start_time(controller) == began:
            time.sleep(0.1)
    finally:
        postgres.stop()
        forget_cluster(data_dir.path)
        shutil.rmtree(folder, ignore_errors=True)


def make_template(admin_url: str) -> None:
    """The database that others are copies of, with the newest schema."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {TEMPLATE}")
    os.environ |= {"DATABASE_URL": database_url(admin_url, TEMPLATE), "SECRET_KEY": SECRET_KEY}
    get_settings.cache_clear()
    migrate()


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables for the length of a test, with everything that is cached from them read afresh."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    get_settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        get_settings.cache_clear()


if __name__ == "__main__":
    _hold(Path(sys.argv[1]), int(sys.argv[2]))
