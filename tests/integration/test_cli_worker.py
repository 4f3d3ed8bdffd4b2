"""`stoa worker`: real processes that show life, are replaced when they die, and end when asked to."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from backend.core.settings import get_settings
from tests.support.running import Command, stoa, wait_until
from tests.support.services import SECRET_KEY

pytestmark = pytest.mark.timeout(300)  # each start imports for 2 s of processor time, and machines are shared


def variables() -> dict[str, str]:
    """What leads a command to the test's services."""
    settings = get_settings()
    assert settings.database_url
    assert settings.redis_url
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "SECRET_KEY": SECRET_KEY,
        "STOA_JOB_LEASE": "3",
    }


def workers(connection: psycopg.Connection, lane: str) -> set[int]:
    """The pids of a lane's workers that were seen."""
    rows = connection.execute("SELECT name FROM job_workers WHERE lane = %s", [lane]).fetchall()
    return {int(name.split(":")[-2]) for (name,) in rows}


def ends_in_order(command: Command) -> bool:
    """Whether it ends when asked to, without complaint."""
    return command.end() in {0, -signal.SIGTERM} and "Traceback" not in command.output


@pytest.mark.usefixtures("valkey")
def test_a_worker_shows_life_and_ends_when_asked(database: str, tmp_path: Path) -> None:
    with (
        psycopg.connect(database, autocommit=True) as connection,
        stoa(tmp_path, "worker", "--lane", "cpu", environment=variables()) as command,
    ):
        wait_until(lambda: workers(connection, "cpu") == {command.process.pid})
        assert ends_in_order(command)
        assert workers(connection, "cpu") == set()


@pytest.mark.usefixtures("valkey")
def test_of_several_workers_one_that_dies_is_replaced(database: str, tmp_path: Path) -> None:
    with (
        psycopg.connect(database, autocommit=True) as connection,
        stoa(tmp_path, "worker", "--lane", "io", "--count", "2", environment=variables()) as command,
    ):
        wait_until(lambda: len(workers(connection, "io")) == 2)
        first = workers(connection, "io")
        os.kill(min(first), signal.SIGKILL)
        wait_until(lambda: len(workers(connection, "io")) == 3)
        assert "ended; starting it again" in command.output
        assert ends_in_order(command)
        assert workers(connection, "io") == {min(first)}


@pytest.mark.usefixtures("valkey")
@pytest.mark.parametrize("count", ["1", "2"])
def test_a_worker_refuses_an_old_schema(database: str, tmp_path: Path, count: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with stoa(tmp_path, "worker", "--lane", "io", "--count", count, environment=variables()) as command:
        assert command.ends() == 1
        assert "stoa migrate" in command.output


def test_a_lane_that_doesnt_exist_is_refused(tmp_path: Path) -> None:
    with stoa(tmp_path, "worker", "--lane", "gpu") as command:
        assert command.ends() == 2
        assert "gpu" in command.output
