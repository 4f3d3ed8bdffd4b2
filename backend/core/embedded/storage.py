"""The embedded object storage as our child: 127.0.0.1 only, a random key, everything in one folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from secrets import token_hex, token_urlsafe

from backend.core.embedded.data_dir import write_private
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.logs import keep_previous
from backend.core.embedded.ports import LOOPBACK
from backend.core.embedded.processes import POLL, Child, spawn, stop
from backend.core.embedded.s3.configuration import Configuration
from backend.core.settings import PROJECT_ROOT

REGION = "us-east-1"
_PATIENCE = 5.0  # seconds that requests get to end


@dataclass(frozen=True, slots=True)
class _Key:
    access_key: str
    secret_key: str = field(repr=False)


@dataclass
class Storage:
    """A running server."""

    folder: Path
    log: Path
    bucket: str
    origins: tuple[str, ...]
    key: _Key
    port: int
    child: Child

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead others to it."""
        return {
            "S3_ENDPOINT": self.url,
            "S3_BUCKET": self.bucket,
            "AWS_ACCESS_KEY_ID": self.key.access_key,
            "AWS_SECRET_ACCESS_KEY": self.key.secret_key,
            "AWS_REGION": REGION,
        }

    @property
    def name(self) -> str:
        """What people call it."""
        return self.child.name

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child.alive

    def restart(self) -> None:
        """Start it again on the same port after it died, so that everyone's address stays true."""
        self.child, self.port = _launch(self.folder, self.log, self.bucket, self.origins, self.key, self.port)

    def stop(self) -> None:
        """Requests get a moment to finish; what was acknowledged is on disk anyway."""
        stop(self.child, signal.SIGTERM, _PATIENCE)


def start_storage(data_dir: Path, bucket: str, origins: Sequence[str]) -> Storage:
    """Start the storage on what `data_dir` holds; returns when it answers. Pages of `origins` may read and upload.

    Raises `CannotStart`. The caller holds the lock of the data directory.
    """
    folder = data_dir / "storage"
    log = data_dir / "logs" / "storage.log"
    key = _key(folder)
    child, port = _launch(folder, log, bucket, tuple(origins), key, 0)
    return Storage(folder, log, bucket, tuple(origins), key, port, child)


def _key(folder: Path) -> _Key:
    """The key of the storage in `folder`, made with it. It outlives a restart, because signed addresses do."""
    file = folder / "key.json"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError("Permission denied")
        if not file.exists():
            write_private(file, json.dumps({"access_key": f"stoa{token_hex(8)}", "secret_key": token_urlsafe(32)}))
        return _Key(**json.loads(file.read_text()))
    except OSError as error:
        raise CannotStart(
            f"The file storage can't use {folder}: {error.strerror or error}. "
            "Start Stoa as the user who owns it, change its owner, or choose another STOA_DATA_DIR."
        ) from error
    except (ValueError, TypeError) as error:
        raise CannotStart(
            f"{file} isn't a key of the file storage. Delete it, and the next start makes one."
        ) from error


def _launch(folder: Path, log: Path, bucket: str, origins: tuple[str, ...], key: _Key, port: int) -> tuple[Child, int]:
    keep_previous(log)
    with _listen(port) as listener:
        configuration = Configuration(
            parent=os.getpid(),
            socket=listener.fileno(),
            folder=str(folder),
            bucket=bucket,
            region=REGION,
            access_key=key.access_key,
            secret_key=key.secret_key,
            origins=list(origins),
        )
        child = spawn(
            "The file storage",
            [sys.executable, "-P", "-m", "backend.core.embedded.s3.server"],
            log=log,
            environment={"PYTHONPATH": str(PROJECT_ROOT), "PATH": os.environ.get("PATH", "")},
            stdin=subprocess.PIPE,
            cwd=folder,
            pass_fds=[listener.fileno()],
        )
        port = int(listener.getsockname()[1])
    _send(child, json.dumps(asdict(configuration)))
    while not _answers(port):
        if not child.alive:
            raise child.report("stopped while it was starting")
        time.sleep(POLL)
    return child, port


def _listen(port: int) -> socket.socket:
    """A socket for the child to accept on; port 0 is any that is free. Ours, so nobody can take it in between."""
    try:
        return socket.create_server((LOOPBACK, port), backlog=1024)
    except OSError as error:
        raise CannotStart(
            f"The file storage can't listen on port {port} any more: {error.strerror or error}. "
            "Stop the program that took it, or start Stoa again."
        ) from error


def _send(child: Child, text: str) -> None:
    """Through stdin, so that the key doesn't stand on the command line or in the environment."""
    pipe = child.process.stdin
    assert pipe is not None
    try:
        pipe.write(text.encode())
        pipe.close()
    except BrokenPipeError:
        pass  # it ended at once: its log says why


def _answers(port: int) -> bool:
    """Whether it answers, which for a request without a signature is a refusal."""
    connection = HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().status == 403
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
