"""The Postgres cluster on disk: where it lives, who owns it, how it is made."""

import hashlib
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from backend.core.embedded import wheels
from backend.core.embedded.account import Account, owner_of, postgres_account
from backend.core.embedded.errors import CannotStart

SYSTEM_FOLDER = Path("/var/lib/stoa")  # where root keeps what an unprivileged account can't reach elsewhere
SUPERUSER = "stoa"


@dataclass(frozen=True)
class Cluster:
    """A cluster's folder, the programs that serve it and the account that may (None: we ourselves)."""

    home: Path
    programs: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """What Postgres calls its data directory."""
        return self.home / "cluster"

    @property
    def password(self) -> str:
        """The superuser's password."""
        return (self.home / "password").read_text()


def open_cluster(data_dir: Path, durable: bool = True) -> Cluster:
    """The cluster of `data_dir`, made when there is none. `durable`: on disk before we return. Raises `CannotStart`."""
    home, account = _home(data_dir)
    cluster = Cluster(home, _programs(account), account)
    if not cluster.data.exists():
        _create(cluster, durable)
    _check_version(cluster)
    return cluster


def forget_cluster(data_dir: Path) -> None:
    """Delete the cluster of `data_dir`, wherever it lives; for tests, which make many."""
    here = data_dir / "postgres"
    shutil.rmtree(here.resolve(), ignore_errors=True)
    here.unlink(missing_ok=True)


def _home(data_dir: Path) -> tuple[Path, Account | None]:
    """`<data_dir>/postgres`; a link to a folder of our own when the account can't reach that.

    The account can't when a folder above is closed to it, such as root's home: then the cluster lives in
    /var/lib/stoa, because opening what somebody closed is not ours to do.
    """
    here = data_dir / "postgres"
    if here.is_symlink() or here.exists():
        home = here.resolve()
        return _make_home(home) if not home.exists() else _existing_home(home)
    account = postgres_account()
    _make_home(here)
    if account is None or account.can_enter(here):
        return here, account
    shutil.rmtree(here)
    home = _make_public(SYSTEM_FOLDER) / hashlib.sha256(bytes(data_dir.resolve())).hexdigest()[:16]
    if home.exists():  # left by a data directory of this name that somebody deleted: not ours to delete
        home.rename(_unused(home))
    _make_home(home)
    here.symlink_to(home)
    return home, account


def _existing_home(home: Path) -> tuple[Path, Account | None]:
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise CannotStart(
            f"The database in {home} belongs to another user. Start Stoa as that user or choose another STOA_DATA_DIR."
        )
    account = owner_of(home) if os.geteuid() == 0 else None
    if account and not account.can_enter(home):
        raise CannotStart(
            f"The database in {home} belongs to {account.name}, who can't open that folder any more: a folder above it "
            "was closed or moved. Open it to others, move the data directory back, or choose another STOA_DATA_DIR."
        )
    return home, account


def _make_home(home: Path) -> tuple[Path, Account | None]:
    account = postgres_account()
    home.mkdir(mode=0o700)
    password = home / "password"
    with os.fdopen(os.open(password, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))
    if account:
        os.chown(password, account.uid, account.gid)
        os.chown(home, account.uid, account.gid)
    return home, account


def _make_public(folder: Path) -> Path:
    """Make `folder` and those above it, where they are missing, open to every account whatever the umask says."""
    if not folder.exists():
        _make_public(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    return folder


def _unused(path: Path) -> Path:
    number = 1
    while (other := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return other


def _programs(account: Account | None) -> Path:
    """Postgres's programs, copied once to where `account` can run them if it can't where they are installed."""
    programs = wheels.postgres_programs()
    if programs is None:
        raise CannotStart("Postgres isn't installed. Run `make setup`, or set DATABASE_URL to use another.")
    if account is None or _can_run(account, programs):
        return programs
    copy = _copy(programs)
    if not _can_run(account, copy):
        raise CannotStart(f"Postgres runs as {account.name}, who can't start the programs in {copy}.")
    return copy


def _can_run(account: Account, programs: Path) -> bool:
    return account.can_run(programs / "postgres") and account.can_run(programs / "initdb")


def _copy(programs: Path) -> Path:
    """A copy of the wheel's folders, whose libraries are found by their place beside each other."""
    package = programs.parents[1]
    stat = (programs / "postgres").stat()
    copy = SYSTEM_FOLDER / "programs" / f"{stat.st_size:x}-{stat.st_mtime_ns:x}"
    if not copy.exists():
        unfinished = _make_public(copy.with_name(f"{copy.name}.{os.getpid()}"))
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, unfinished / folder.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
        for path in unfinished.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            unfinished.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return copy / programs.relative_to(package.parent)


def _create(cluster: Cluster, durable: bool) -> None:
    """initdb beside the final place, then a rename: a half-made cluster is never taken for a whole one."""
    unfinished = cluster.home / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        str(cluster.programs / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={SUPERUSER}",
        f"--pwfile={cluster.home / 'password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",  # the same order and case rules on every machine
        *(() if durable else ("--no-sync",)),
    ]
    options = cluster.account.popen_options() if cluster.account else {}
    done = subprocess.run(command, capture_output=True, check=False, cwd="/", **options)  # noqa: S603
    if done.returncode:
        raise CannotStart(f"Postgres could not create its cluster in {cluster.home}:\n{done.stderr.decode()}")
    unfinished.rename(cluster.data)


def _check_version(cluster: Cluster) -> None:
    ours = subprocess.run([cluster.programs / "postgres", "--version"], capture_output=True, check=True, text=True)  # noqa: S603
    installed = ours.stdout.split()[-1].split(".")[0]
    made_by = (cluster.data / "PG_VERSION").read_text().strip()
    if installed != made_by:
        raise CannotStart(
            f"The database in {cluster.home} was made by Postgres {made_by}, but Postgres {installed} is installed. "
            "Dump it with the old version and load it with the new one, or choose another STOA_DATA_DIR."
        )
