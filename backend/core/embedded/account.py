"""The unprivileged account that Postgres runs as, because it refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from backend.core.embedded.errors import CannotStart


class _PopenOptions(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user of this machine whom root can become."""

    name: str
    uid: int
    gid: int

    def popen_options(self) -> _PopenOptions:
        """Arguments of `subprocess.Popen` that drop every privilege of root."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether the account can work in `folder`; tried, not computed, so that every kind of permission counts."""
        return self._succeeds(["/bin/sh", "-c", 'cd -- "$1" && test -w .', "sh", str(folder)])

    def can_run(self, program: Path) -> bool:
        """Whether the account can start `program`, tried with `--version`."""
        return self._succeeds([str(program), "--version"])

    def _succeeds(self, command: list[str]) -> bool:
        try:
            done = subprocess.run(command, capture_output=True, check=False, cwd="/", **self.popen_options())  # noqa: S603
        except PermissionError:
            return False
        return done.returncode == 0


@lru_cache(maxsize=1)
def postgres_account() -> Account | None:
    """The account to drop to when we are root: `postgres`, else `nobody`. None when we are an ordinary user already.

    Raises `CannotStart` when root finds neither.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise CannotStart("Postgres doesn't run as root, and there is no account `postgres` or `nobody` to run it as.")


def owner_of(folder: Path) -> Account:
    """The account that owns `folder`: a cluster made by an ordinary user stays theirs when root starts it."""
    stat = folder.stat()
    try:
        name = pwd.getpwuid(stat.st_uid).pw_name
    except KeyError:
        name = str(stat.st_uid)
    return Account(name, stat.st_uid, stat.st_gid)
