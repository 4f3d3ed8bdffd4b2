"""The embedded Valkey."""

import socket
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.core.embedded.ports import free_port
from backend.core.embedded.valkey import Valkey, start_valkey


def connect(server: Valkey) -> "redis.Redis[str]":
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_data_survives_a_restart(tmp_path: Path) -> None:
    server = start_valkey(tmp_path)
    with connect(server) as client:
        client.set("kept", "yes")
    server.stop()
    assert not server.alive

    server = start_valkey(tmp_path)
    with connect(server) as client:
        assert client.get("kept") == "yes"
    server.stop()


def test_it_refuses_strangers_and_never_evicts(tmp_path: Path) -> None:
    server = start_valkey(tmp_path)
    with (
        redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    with connect(server) as client:
        settings = client.config_get("maxmemory-policy", "bind", "appendonly", "appendfsync")
    assert settings == {
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
        "appendonly": "yes",
        "appendfsync": "everysec",
    }
    server.stop()


def test_its_password_stands_nowhere_on_disk_or_command_line(tmp_path: Path) -> None:
    server = start_valkey(tmp_path)
    assert server.password not in Path(f"/proc/{server.child.process.pid}/cmdline").read_text()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or server.password.encode() not in file.read_bytes()
    server.stop()


def test_it_comes_back_on_the_same_address(tmp_path: Path) -> None:
    server = start_valkey(tmp_path)
    url = server.url
    with connect(server) as client:
        client.set("kept", "yes")
    server.child.process.kill()
    server.child.process.wait()
    server.restart()
    assert server.url == url
    with connect(server) as client:
        assert client.get("kept") == "yes"
    server.stop()


def test_a_folder_with_spaces_and_quotes(tmp_path: Path) -> None:
    folder = tmp_path / 'my "data" \\ here'
    folder.mkdir()
    server = start_valkey(folder)
    with connect(server) as client:
        assert client.ping()
    server.stop()


def test_a_taken_port_leads_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        offered = [taken.getsockname()[1], free_port()]
        monkeypatch.setattr("backend.core.embedded.valkey.free_port", lambda: offered.pop(0))
        server = start_valkey(tmp_path)
        assert server.port != taken.getsockname()[1]
        server.stop()
