"""What a crash of the file storage leaves: every acknowledged object, whole, and nothing running."""

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from backend.core.embedded.errors import CannotStart
from backend.core.embedded.storage import Storage, start_storage
from backend.core.settings import PROJECT_ROOT
from tests.support.as_user import nobody, run_as_nobody
from tests.support.running import processes_of, wait_until
from tests.support.s3 import Wire

PARENT = """
import sys, time
from pathlib import Path
from backend.core.embedded.storage import start_storage
server = start_storage(Path(sys.argv[1]), "stoa", [])
print(server.port, flush=True)
time.sleep(1000)
"""
REFUSED = """
from pathlib import Path
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.storage import start_storage
try:
    start_storage(Path(os.environ["STOA_DATA_DIR"]), "stoa", [])
except CannotStart as error:
    print(error)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert not processes_of(tmp_path)


def content(key: str, version: int) -> bytes:
    return random.Random(f"{key} {version}").randbytes(1000 + version * 7919 % 300_000)


def kill(server: Storage) -> None:
    server.child.process.kill()
    server.child.process.wait()


def test_a_killed_storage_keeps_every_acknowledged_object_whole(data_dir: Path) -> None:
    """Four writers overwrite a key each and add others; after each kill a key means its last content, or the next."""
    acknowledged: dict[str, int] = {}
    server = start_storage(data_dir, "stoa", [])
    for _ in range(2):
        wire = Wire.of(server.environment)

        def write(writer: int, wire: Wire = wire) -> None:
            key = f"writer {writer}"
            with suppress(OSError, HTTPException):
                while True:
                    version = acknowledged.get(key, 0) + 1
                    for name in (key, f"{key}/{version}"):
                        if wire.to("PUT", name, body=content(key, version)).signed().send().status != 200:
                            return
                    acknowledged[key] = version

        writers = [threading.Thread(target=write, args=[number]) for number in range(4)]
        before = sum(acknowledged.values())
        for writer in writers:
            writer.start()
        wait_until(lambda before=before: sum(acknowledged.values()) > before + 25)
        kill(server)
        for writer in writers:
            writer.join()
        server = start_storage(data_dir, "stoa", [])
        wire = Wire.of(server.environment)
        for key, version in acknowledged.items():
            assert wire.to("GET", key).signed().send().body in (content(key, version), content(key, version + 1))
            for each in range(1, version + 1):
                found = wire.to("GET", f"{key}/{each}").signed().send()
                assert found.headers["etag"].strip('"') == hashlib.md5(found.body).hexdigest()
                assert found.body == content(key, each)
    stored = wire.to("GET", query="list-type=2").signed().send().body.count(b"<Key>")
    assert len(list((data_dir / "storage" / "objects").glob("*/*"))) == stored  # what was half-written is gone
    server.stop()


def test_a_killed_upload_in_parts_stores_nothing_and_may_be_begun_again(data_dir: Path) -> None:
    server = start_storage(data_dir, "stoa", [])
    wire = Wire.of(server.environment)
    begun = wire.to("POST", "whole", "uploads=").signed().send().body.decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    assert wire.to("PUT", "whole", f"partNumber=1&uploadId={upload}", body=b"x" * 10_000).signed().send().status == 200
    kill(server)
    server.restart()
    assert wire.to("GET", "whole").signed().send().status == 404
    etag = hashlib.md5(b"x" * 10_000).hexdigest()
    xml = f"<a><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></a>".encode()
    assert wire.to("POST", "whole", f"uploadId={upload}", body=xml).signed().send().status == 200
    assert wire.to("GET", "whole").signed().send().body == b"x" * 10_000
    server.stop()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_it_is_gone_when_its_parent_is(data_dir: Path, sign: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(data_dir)],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    with parent.stdout:
        port = int(parent.stdout.readline())
    assert any("s3.server" in command for command in processes_of(data_dir).values())
    parent.send_signal(sign)
    parent.wait()
    wait_until(lambda: not processes_of(data_dir))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_that_was_taken_meanwhile_is_named(data_dir: Path) -> None:
    server = start_storage(data_dir, "stoa", [])
    kill(server)
    with socket.create_server(("127.0.0.1", server.port)), pytest.raises(CannotStart) as caught:
        server.restart()
    assert f"port {server.port}" in str(caught.value)
    assert "already in use" in str(caught.value)
    server.restart()
    assert Wire.of(server.environment).to("HEAD").signed().send().status == 200
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_folder_that_is_not_ours_is_named() -> None:
    folder = Path(f"/tmp/stoa-storage-crash-{os.getpid()}")
    folder.mkdir()
    try:
        os.chown(folder, nobody().pw_uid, nobody().pw_gid)
        (folder / "storage").mkdir(mode=0o700)
        said = run_as_nobody(REFUSED, folder)
        assert f"can't use {folder / 'storage'}: Permission denied" in said
        assert "STOA_DATA_DIR" in said
    finally:
        (folder / "storage").rmdir()
        folder.rmdir()
