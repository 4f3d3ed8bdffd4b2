"""The `stoa` command."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from backend.core.embedded.errors import CannotStart
from backend.core.errors import StoaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend.core.embedded.services import Need
    from backend.core.settings import Settings
    from backend.wiring import DemoSignIn

Result = TypeVar("Result")

cli = typer.Typer(
    name="stoa",
    help="Stoa, an AI course platform that people run themselves.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the `stoa` script: expected problems become one clear line and exit status 1."""
    signal.signal(signal.SIGTERM, _end_in_order)
    with _problems_told():
        cli()


def run(
    work: Callable[[], Awaitable[Result]], needs: Collection["Need"] = ("postgres", "redis"), command: str = "stoa"
) -> Result:
    """Run a command's coroutine where every service it `needs` is up, its schema newest and its configuration seeded.

    Attaches to a running `stoa up`, or starts the embedded services for as long as `work` takes. `command` is what a
    second command is told it waits for.
    """
    from backend.core.embedded.services import use_services

    with use_services(needs, prepare=_prepare, command=command):
        return asyncio.run(_closing(work()))


@cli.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port of pages and API.", min=1, max=65535)] = None,
    demo: Annotated[bool, typer.Option(help="Fill an empty database with the demo courses and people.")] = True,
) -> None:
    """Start everything on this machine: database, Valkey, pages. Ctrl-C stops it."""
    from backend.core.embedded.supervisor import run_everything
    from backend.core.settings import get_settings

    if port is not None:
        os.environ["STOA_PORT"] = str(port)
    in_production = get_settings().app_env == "production"
    run_everything(lambda: _prepare(demo and not in_production), announce=_announce, say=_say)


@cli.command()
def web(parent: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Serve pages, websocket and API from the finished build, on the database that the settings name."""
    from backend.core.embedded.frontend import ensure_build
    from backend.core.embedded.migrations import require_newest_schema
    from backend.core.embedded.processes import watch_parent
    from backend.core.embedded.web import serve
    from backend.core.settings import get_settings

    if parent is not None:
        watch_parent(parent)
    require_newest_schema()
    serve(get_settings(), ensure_build(get_settings(), _say))


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema; waits while another process does so."""
    from backend.core.embedded.migrations import migrate as upgrade
    from backend.core.embedded.services import use_services

    with use_services(["postgres"], command="stoa migrate"):
        upgrade()
    _say("The database has the newest schema.")


@cli.command()
def doctor() -> None:
    """Say what is there, what is missing, what that means and how to fix it."""
    from backend.core.embedded.doctor import examine

    if not examine():
        raise typer.Exit(1)


def _prepare(demo: bool = False) -> "list[DemoSignIn]":
    """Newest schema, the configuration of the environment and, if wanted, the demo. Returns the sign-ins it made."""
    from backend import wiring
    from backend.core.embedded.migrations import migrate as upgrade

    async def seed() -> "list[DemoSignIn]":
        await wiring.seed_configuration()
        return await wiring.seed_demo() if demo else []

    upgrade()
    return asyncio.run(_closing(seed()))


async def _closing(work: Awaitable[Result]) -> Result:
    """Await `work`, then close the connections that belong to this event loop."""
    from backend.core.database import dispose_engine
    from backend.core.redis import close_redis

    try:
        return await work
    finally:
        await dispose_engine()
        await close_redis()


def _announce(settings: "Settings", sign_ins: "list[DemoSignIn]") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if sign_ins:
        table = Table("Role", "Name", "E-mail", "Password", title="Demo sign-ins, shown once", title_justify="left")
        for sign_in in sign_ins:
            table.add_row(sign_in.role, sign_in.name, sign_in.email, sign_in.password)
        console.print(table)
    console.print(f"[bold green]Stoa runs at {settings.base_url}[/] · data in {settings.data_dir} · Ctrl-C stops it")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end_in_order(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


@contextmanager
def _problems_told() -> "Iterator[None]":
    try:
        yield
    except ValidationError as error:
        if error.title != "Settings":
            raise
        _say("These settings can't be used:")
        for problem in error.errors(include_url=False):
            name = ".".join(str(part) for part in problem["loc"])
            _say(f"  {name + ': ' if name else ''}{problem['msg'].removeprefix('Value error, ')}")
        raise SystemExit(1) from None
    except (CannotStart, StoaError) as error:
        _say(f"stoa: {error}")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
