"""Fixtures of every test.

`database` gives a test its own migrated Postgres database, `valkey` an empty Valkey, `services` both, each through the
settings, as in production. Unit tests get none, and may not open connections.
"""

import gc
import os
import socket
from collections.abc import AsyncIterator, Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
import structlog

from backend.core.database import dispose_engine
from backend.core.embedded.storage import Storage, start_storage
from backend.core.embedded.valkey import Valkey, start_valkey
from backend.core.redis import close_redis
from backend.core.settings import get_settings
from backend.genai import close_providers
from backend.genai.routing import forget_resolved
from tests.support import services as support
from tests.support.engine import why_no_engine

hypothesis.settings.register_profile("full", max_examples=2_000, deadline=None)
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
"""The same examples each time: a change is judged by itself, and `make test-full` looks for new ones."""
hypothesis.settings.load_profile("full" if os.environ.get("TEST_FULL") else "steady")

_tests = count(1)
OUTSIDE_PREFIXES = ("OPENAI_", "OTEL_", "ANTHROPIC_", "OLLAMA_", "MIYABI_", "QDRANT_", "STOA_", "S3_", "AWS_")
OUTSIDE_VARIABLES = ("APP_ENV", "DATABASE_URL", "REDIS_URL", "SECRET_KEY")


def pytest_configure(config: pytest.Config) -> None:
    """Forget the machine's own settings, and make the folder that the run's processes share."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure([*structlog.get_config()["processors"][:-1], plain])  # drawing each with its locals takes 1 s
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # it inherits what the controller set
    for name in list(os.environ):
        if name.startswith(OUTSIDE_PREFIXES) or name in OUTSIDE_VARIABLES:
            del os.environ[name]
    folder = support.begin_run()
    os.environ["STOA_DATA_DIR"] = str(folder / "data")
    config.add_cleanup(lambda: support.end_run(folder))


def pytest_collection_finish() -> None:
    """Leave what was imported out of later collections: each engine's end makes one, and would walk it all (130 ms)."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Now and then leave out, too, what has been imported and cached since."""
    if next(_tests) % 100 == 0:
        pytest_collection_finish()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Half a character in a failure's report would end the whole run: xdist can't send it."""
    return _whole((yield))


def _whole(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _whole(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(map(_whole, data))
    return data.encode("utf-8", "backslashreplace").decode() if isinstance(data, str) else data


@pytest.fixture(scope="session")
def databases() -> Iterator[support.Databases]:
    """Makes databases in the run's Postgres."""
    made = support.Databases(support.shared_postgres())
    yield made
    made.close()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """This process's own Valkey."""
    server = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def storage_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """This process's own object storage."""
    server = start_storage(tmp_path_factory.mktemp("storage"), "tests", ["http://localhost:3000"])
    yield server
    server.stop()


@pytest.fixture
async def database(databases: support.Databases) -> AsyncIterator[str]:
    """A database of this test's own with the newest schema and nothing in it; yields its address."""
    with databases.lent() as url, support.environment(DATABASE_URL=url, SECRET_KEY=support.SECRET_KEY):
        yield url
        await close_providers()
        forget_resolved()
        await dispose_engine()


@pytest.fixture
async def valkey(valkey_server: Valkey) -> AsyncIterator[str]:
    """An empty Valkey; yields its address."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    with support.environment(REDIS_URL=valkey_server.url):
        yield valkey_server.url
        await close_redis()


@pytest.fixture
def object_storage(storage_server: Storage) -> Iterator[str]:
    """An object storage that other tests use, too: a test keeps to keys of its own. Yields its address."""
    with support.environment(**storage_server.environment):
        yield storage_server.url


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine: CI fails without one, elsewhere the test is skipped."""
    reason = why_no_engine()
    if reason and (os.environ.get("CI") or os.environ.get("ENGINE_REQUIRED")):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def services(database: str, valkey: str) -> None:
    """Both `database` and `valkey`."""


@pytest.fixture(autouse=True)
def _no_connections_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "unit" in Path(request.node.path).relative_to(request.config.rootpath).parts:
        monkeypatch.setattr(socket.socket, "connect", _refuse)
        monkeypatch.setattr(socket.socket, "connect_ex", _refuse)


@pytest.fixture(autouse=True)
def _settings_read_afresh() -> Iterator[None]:
    yield
    get_settings.cache_clear()


def _refuse(connection: socket.socket, address: object) -> None:
    connection.close()
    raise RuntimeError(f"a unit test tried to connect to {address}")
