"""The data directory: what `STOA_DATA_DIR` holds, and who may use it now."""

import fcntl
import getpass
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from backend.core.embedded.errors import CannotStart
from backend.core.embedded.processes import start_time


@dataclass(frozen=True)
class Holder:
    """The process that holds a data directory; `address` is where its pages are, once known."""

    pid: int
    started: str | None
    command: str
    address: str | None = None

    @classmethod
    def me(cls, command: str, address: str | None = None) -> "Holder":
        """This process."""
        return cls(os.getpid(), start_time(os.getpid()), command, address)

    @property
    def alive(self) -> bool:
        """Whether that very process still runs; a reused pid is not it."""
        return self.started is not None and start_time(self.pid) == self.started


@dataclass(frozen=True)
class Running:
    """What services.json says: a live `stoa up`, and the environment of whoever wants to use its services."""

    holder: Holder
    environment: dict[str, str] = field(repr=False)


class DataDir:
    """One data directory. Raises `CannotStart` when it can't be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._services = path / "services.json"
        self._secret_key = path / "secret_key"
        self._former_secret_key = path / "secret_key.former"
        try:
            path.mkdir(mode=0o711, parents=True, exist_ok=True)  # others may pass through to what is theirs inside
            (path / "logs").mkdir(mode=0o700, exist_ok=True)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError("Permission denied")
        except OSError as error:
            raise CannotStart(
                f"{getpass.getuser()} can't write in the data directory {path}: {error.strerror or error}. "
                "Choose another with STOA_DATA_DIR, or change its owner."
            ) from error

    @contextmanager
    def lock(self, holder: Holder) -> Iterator[bool]:
        """Take the directory, if it is free: yields whether it was. The kernel frees it when this process ends."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            os.truncate(descriptor, 0)
            os.write(descriptor, json.dumps(asdict(holder)).encode())
            yield True
        finally:
            os.close(descriptor)

    def holder(self) -> Holder | None:
        """Who holds the lock, as far as it wrote that down."""
        with suppress(OSError, ValueError, TypeError):
            return Holder(**json.loads((self.path / "lock").read_text()))
        return None

    def publish(self, running: Running) -> None:
        """Let other commands attach to these services."""
        write_private(self._services, json.dumps(asdict(running), indent=2))

    def withdraw(self) -> None:
        """No command attaches from now on."""
        self._services.unlink(missing_ok=True)

    def running(self) -> Running | None:
        """The live `stoa up` of this directory, once its services are ready."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            saved = json.loads(self._services.read_text())
            running = Running(Holder(**saved["holder"]), saved["environment"])
            return running if running.holder.alive else None
        return None

    def secret_key(self) -> str:
        """The key that encrypts provider keys; generated once, 0600."""
        if not self._secret_key.exists():
            write_private(self._secret_key, secrets.token_urlsafe(48))
        return self._secret_key.read_text().strip()

    def former_secret_key(self) -> str | None:
        """The key before, while something may still be sealed under it."""
        return self._former_secret_key.read_text().strip() if self._former_secret_key.exists() else None

    def begin_new_secret_key(self) -> None:
        """Generate another key, with the present one kept beside it; goes on with one that was begun and not finished.

        The former key is safe on the disk before the new one takes its place, so that whenever this machine stops,
        the two files read whatever the database holds.
        """
        present = self.secret_key()
        if self.former_secret_key() in {None, present}:
            write_private(self._former_secret_key, present)
            write_private(self._secret_key, secrets.token_urlsafe(48))

    def forget_former_secret_key(self) -> None:
        """Nothing is sealed under it any more."""
        self._former_secret_key.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads (0600), whole or not at all, even when this machine loses power."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
