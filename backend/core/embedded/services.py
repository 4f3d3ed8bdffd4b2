"""Starting what this machine must provide itself, and finding what already runs."""

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from backend.core.database import get_engine
from backend.core.embedded.data_dir import DataDir, Holder
from backend.core.embedded.postgres import Postgres, start_postgres
from backend.core.embedded.storage import Storage, start_storage
from backend.core.embedded.valkey import Valkey, start_valkey
from backend.core.redis import get_redis
from backend.core.settings import Settings, get_settings

Need = Literal["postgres", "redis", "storage"]
EVERYTHING: tuple[Need, ...] = ("postgres", "redis", "storage")

_VARIABLES: dict[Need, tuple[str, ...]] = {
    "postgres": ("DATABASE_URL", "SECRET_KEY", "STOA_OLD_SECRET_KEYS"),
    "redis": ("REDIS_URL",),
    "storage": ("S3_ENDPOINT", "S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
}


class Service(Protocol):
    """A child that the supervisor keeps alive."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""

    def restart(self) -> None:
        """Start it again after it ended."""

    def stop(self) -> None:
        """End it in order."""


@dataclass(frozen=True)
class Started:
    """Services that run as our children, and the environment that leads others to them."""

    services: tuple[Service, ...]
    environment: dict[str, str]


@contextmanager
def use_services(
    needs: Collection[Need] = ("postgres", "redis"),
    prepare: Callable[[], object] = lambda: None,
    command: str = "stoa",
) -> Iterator[None]:
    """What a `stoa` command wraps itself in: inside, the settings lead to every service of `needs`.

    Attaches to a live `stoa up` on this data directory; else takes the directory (a second command waits and says
    so), starts what no setting replaces, calls `prepare` if it started Postgres, and stops everything afterwards.
    Enter it from the main thread, outside an event loop. Raises `CannotStart`.
    """
    missing = replaced_by_nothing(needs)
    if not missing:
        yield
        return
    data_dir = DataDir(get_settings().data_dir)
    told = False
    while True:
        if running := data_dir.running():
            adopt(running.environment, missing)
            yield
            return
        with data_dir.lock(Holder.me(command)) as mine:
            if mine:
                with start_services(data_dir, missing) as started:
                    adopt(started.environment, missing)
                    if "postgres" in missing:
                        prepare()
                    yield
                return
        if not told:
            print(_waiting_for(data_dir), file=sys.stderr, flush=True)  # noqa: T201
            told = True
        time.sleep(0.2)


@contextmanager
def start_services(data_dir: DataDir, needs: Collection[Need]) -> Iterator[Started]:
    """Start the services of `needs` on a directory that we hold; stops them in reverse, Postgres last."""
    services: list[Service] = []
    environment: dict[str, str] = {}
    with ExitStack() as stack:
        if "postgres" in needs:
            postgres: Postgres = start_postgres(data_dir.path)
            stack.callback(postgres.stop)
            services.append(postgres)
            environment |= {"DATABASE_URL": postgres.url, **_secret_keys(data_dir, get_settings())}
        if "redis" in needs:
            valkey: Valkey = start_valkey(data_dir.path)
            stack.callback(valkey.stop)
            services.append(valkey)
            environment["REDIS_URL"] = valkey.url
        if "storage" in needs:
            settings = get_settings()
            storage: Storage = start_storage(data_dir.path, settings.s3_bucket, settings.origins)
            stack.callback(storage.stop)
            services.append(storage)
            environment |= storage.environment
        yield Started(tuple(services), environment)


def replaced_by_nothing(needs: Collection[Need]) -> frozenset[Need]:
    """Those of `needs` that no setting points elsewhere."""
    settings = get_settings()
    given = {"postgres": settings.database_url, "redis": settings.redis_url, "storage": settings.s3_endpoint}
    return frozenset(need for need in needs if given[need] is None)


def adopt(environment: Mapping[str, str], needs: Collection[Need]) -> None:
    """Let this process's settings lead to the services that `environment` names for `needs`."""
    wanted = {name for need in needs for name in _VARIABLES[need]}
    os.environ.update({name: value for name, value in environment.items() if name in wanted})
    for cached in (get_settings, get_engine, get_redis):
        cached.cache_clear()


def effective_environment() -> dict[str, str]:
    """The variables that lead another process to the services that this one uses."""
    settings = get_settings()
    secrets = {
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
        "STOA_OLD_SECRET_KEYS": settings.old_secret_keys,
        "REDIS_URL": settings.redis_url,
        "AWS_SECRET_ACCESS_KEY": settings.aws_secret_access_key,
    }
    plain = {
        "S3_ENDPOINT": settings.s3_endpoint,
        "S3_BUCKET": settings.s3_bucket,
        "AWS_ACCESS_KEY_ID": settings.aws_access_key_id,
        "AWS_REGION": settings.aws_region,
    }
    known = {name: secret.get_secret_value() for name, secret in secrets.items() if secret}
    return known | {name: value for name, value in plain.items() if value}


def _secret_keys(data_dir: DataDir, settings: Settings) -> dict[str, str]:
    """The key of the environment, with what it says of former ones; else the data directory's."""
    if settings.secret_key:
        return {"SECRET_KEY": settings.secret_key.get_secret_value()}
    former = data_dir.former_secret_key()
    return {"SECRET_KEY": data_dir.secret_key(), **({"STOA_OLD_SECRET_KEYS": former} if former else {})}


def _waiting_for(data_dir: DataDir) -> str:
    holder = data_dir.holder()
    who = f"{holder.command} (process {holder.pid})" if holder else "another stoa command"
    return f"Waiting: {who} is using the data directory {data_dir.path}."
