"""The embedded object storage as a process: its key, its port, its folder."""

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from backend.core.embedded.errors import CannotStart
from backend.core.embedded.storage import Storage, start_storage
from backend.core.settings import get_settings
from tests.support.as_user import nobody, run_as_nobody
from tests.support.s3 import Wire

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")

ORIGINS = ["http://localhost:3000"]
BUILD = """
from pathlib import Path
folder = Path(os.environ["STOA_DATA_DIR"])
server.build(Configuration(os.getpid(), 0, str(folder), "stoa", "us-east-1", "key", "secret", []))
print({path.stat().st_uid for path in folder.rglob("*")}, (folder / "index.sqlite").exists())
"""


def put(server: Storage, key: str, body: bytes) -> int:
    return Wire.of(server.environment).to("PUT", key, body=body).signed().send().status


def get(server: Storage, key: str) -> bytes:
    return Wire.of(server.environment).to("GET", key).signed().send().body


def test_objects_and_signed_addresses_survive_a_restart(tmp_path: Path) -> None:
    server = start_storage(tmp_path, "stoa", ORIGINS)
    assert put(server, "kept", b"yes") == 200
    key = server.key
    server.stop()
    assert not server.alive

    server = start_storage(tmp_path, "stoa", ORIGINS)
    assert server.key == key
    assert get(server, "kept") == b"yes"
    server.stop()


def test_it_comes_back_on_the_same_address(tmp_path: Path) -> None:
    server = start_storage(tmp_path, "stoa", ORIGINS)
    url = server.url
    assert put(server, "kept", b"yes") == 200
    server.child.process.kill()
    server.child.process.wait()
    server.restart()
    assert (server.url, get(server, "kept")) == (url, b"yes")
    server.stop()


def test_its_secret_stands_in_one_private_file_only(tmp_path: Path) -> None:
    server = start_storage(tmp_path, "stoa", ORIGINS)
    process = Path(f"/proc/{server.child.process.pid}")
    secret = server.key.secret_key.encode()
    assert len(secret) > 40
    assert secret not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    holders = [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert holders == [tmp_path / "storage" / "key.json"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert server.key.secret_key not in repr(server)
    server.stop()


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    server = start_storage(tmp_path, "stoa", ORIGINS)
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {place.partition(":")[0] for place in listening if place.endswith(f":{server.port:04X}")}
    assert addresses == {"0100007F"}
    server.stop()


def test_a_folder_with_spaces_and_quotes(tmp_path: Path) -> None:
    folder = tmp_path / 'my "data" \\ here ü'
    folder.mkdir()
    server = start_storage(folder, "stoa", ORIGINS)
    assert put(server, "a", b"b") == 200
    server.stop()


def test_a_key_file_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    for text in ("", "{}", "[1]", json.dumps({"access_key": "a"})):
        (tmp_path / "storage" / "key.json").write_text(text)
        with pytest.raises(CannotStart, match="Delete it"):
            start_storage(tmp_path, "stoa", ORIGINS)


def test_a_broken_index_is_told_with_the_log(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "index.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(CannotStart, match="file is not a database"):
        start_storage(tmp_path, "stoa", ORIGINS)


@as_root
def test_an_ordinary_user_runs_it() -> None:
    """Without starting another Python, which an ordinary user may not be able to when it is root's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chown(folder, nobody().pw_uid, nobody().pw_gid)
        assert run_as_nobody(BUILD, Path(folder)).split() == [f"{{{nobody().pw_uid}}}", "True"]


def test_settings_lead_to_it(object_storage: str) -> None:
    settings = get_settings()
    assert settings.s3_endpoint == object_storage
    assert settings.s3_bucket == "tests"
