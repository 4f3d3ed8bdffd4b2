"""What a crash leaves: nothing running, and every row that was acknowledged."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis

from backend.core.embedded.postgres import start_postgres
from backend.core.embedded.valkey import start_valkey
from backend.core.settings import PROJECT_ROOT
from tests.support.running import data_directory, pretend_build, processes_of, stoa, stoa_up, wait_until

pytestmark = pytest.mark.timeout(400)  # each start takes 9 s of processor time, and machines are shared


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with data_directory(tmp_path) as made:
        yield made


def test_a_killed_postgres_keeps_every_acknowledged_row(data_dir: Path) -> None:
    data_dir.mkdir()
    server = start_postgres(data_dir)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    acknowledged = -1

    def write() -> None:
        nonlocal acknowledged
        with suppress(psycopg.OperationalError), psycopg.connect(server.url, autocommit=True) as connection:
            while True:
                connection.execute("INSERT INTO kept VALUES (%s)", [acknowledged + 1])
                acknowledged += 1

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: acknowledged > 300)
    server.child.process.kill()
    server.child.process.wait()
    writer.join()

    server = start_postgres(data_dir)
    with psycopg.connect(server.url) as connection:
        rows = connection.execute("SELECT count(DISTINCT n) FROM kept WHERE n <= %s", [acknowledged]).fetchone()
    server.stop()
    assert rows == (acknowledged + 1,)


def test_a_killed_valkey_keeps_what_it_acknowledged(data_dir: Path) -> None:
    data_dir.mkdir()
    server = start_valkey(data_dir)
    with redis.Redis.from_url(server.url) as client:
        for number in range(1000):
            client.set(f"kept:{number}", number)
    server.child.process.kill()
    server.child.process.wait()

    server = start_valkey(data_dir)
    with redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 1000
    server.stop()


def test_a_killed_supervisor_leaves_nothing_running(data_dir: Path) -> None:
    port = pretend_build(data_dir)
    with stoa_up(data_dir, port, "--no-demo") as up:
        names = " ".join(processes_of(data_dir).values())
        expected = ("postgres -D", "valkey-server", "s3.server", "backend.cli web", "--lane io", "--lane cpu")
        assert all(part in names for part in expected)
        os.kill(up.process.pid, signal.SIGKILL)
        up.ends()
        wait_until(lambda: not processes_of(data_dir))
    with stoa_up(data_dir, port, "--no-demo") as up:  # the stale services.json and postmaster.pid don't matter
        assert up.end() == 0


def test_a_supervisor_killed_while_it_builds_leaves_nothing_running(data_dir: Path) -> None:
    with stoa(data_dir, "up", "--port", "1026", "--no-demo") as up:
        up.says("Building the pages")
        wait_until(lambda: any("build_frontend" in command for command in processes_of(data_dir).values()))
        wait_until(lambda: any("bun" in command for command in processes_of(data_dir).values()))
        os.kill(up.process.pid, signal.SIGKILL)
        up.ends()
        wait_until(lambda: not processes_of(data_dir))


def test_a_killed_command_leaves_nothing_running(data_dir: Path) -> None:
    code = (
        "import time\n"
        "from backend.core.embedded.services import use_services\n"
        "with use_services():\n    print('up', flush=True)\n    time.sleep(1000)\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "STOA_DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    with command.stdout:
        assert command.stdout.readline() == "up\n"
    assert any("postgres" in line for line in processes_of(data_dir).values())
    command.kill()
    command.wait()
    wait_until(lambda: not processes_of(data_dir))
