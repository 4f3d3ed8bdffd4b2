"""The `stoa` command."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from backend.core.embedded.errors import CannotStart
from backend.core.errors import Invalid, StoaError
from backend.genai.schemas import Feature
from backend.jobs import Lane

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
    work: Callable[[], Awaitable[Result]],
    needs: Collection["Need"] = ("postgres", "redis"),
    command: str = "stoa",
    before: Callable[[], None] = lambda: None,
) -> Result:
    """Run a command's coroutine where every service it `needs` is up and its schema newest.

    Attaches to a running `stoa up`, or starts the embedded services for as long as `work` takes, migrates and seeds.
    A database of the operator's own is theirs to migrate: the command refuses when it isn't at the newest schema.
    `command` is what a second command is told it waits for; `before` runs once the services are there.
    """
    from backend import wiring
    from backend.core.embedded.migrations import require_newest_schema
    from backend.core.embedded.services import use_services

    wiring.register_job_kinds()
    with use_services(needs, prepare=_prepare, command=command):
        require_newest_schema()
        before()
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
    run_everything(lambda: _prepare(demo and not in_production, bucket=True), announce=_announce, say=_say)


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
def worker(
    lane: Annotated[Lane, typer.Option(help="io: language models and storage; cpu: media and sandboxes.")],
    count: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 1,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Do jobs of one lane until asked to stop; then finish them, or leave them to others."""
    from backend import wiring
    from backend.core.embedded.migrations import require_newest_schema
    from backend.core.embedded.processes import watch_parent
    from backend.core.embedded.services import EVERYTHING, use_services
    from backend.core.embedded.workers import keep_workers, patience
    from backend.core.logs import configure_logging
    from backend.core.settings import get_settings

    if parent is not None:
        watch_parent(parent, patience())
    # Beside a database of the operator's own, a storage of this machine alone would be one that nobody else reads.
    needs = EVERYTHING if get_settings().database_url is None else ("postgres", "redis")
    with use_services(needs, prepare=lambda: _prepare(bucket="storage" in needs), command="stoa worker"):
        require_newest_schema()
        if count > 1:
            keep_workers(lane.value, count, _say)
        else:
            configure_logging()
            asyncio.run(_closing(wiring.work(lane)))


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema and seed its configuration; waits while another process does so.

    With S3_ENDPOINT it creates the bucket, too, if it is missing.
    """
    from backend.core.embedded.services import use_services
    from backend.core.settings import get_settings

    with use_services(["postgres"], command="stoa migrate"):
        _prepare(bucket=get_settings().s3_endpoint is not None)
    _say("The database has the newest schema.")


@cli.command()
def doctor() -> None:
    """Say what is there, what is missing, what that means and how to fix it."""
    from backend.core.embedded.doctor import examine
    from backend.sandbox import sandbox_findings

    if not examine(sandbox_findings()):
        raise typer.Exit(1)


@cli.command()
def seed(
    demo_activity: Annotated[
        bool, typer.Option("--demo-activity", help="Let a term have happened in its sections, with made-up classmates.")
    ] = False,
) -> None:
    """Create what is missing of the demo: courses, sections, people. Changes nothing that exists."""
    from backend import wiring
    from backend.core.settings import get_settings

    made = run(wiring.seed_demo, needs=["postgres"], command="stoa seed")
    if made:
        _show_sign_ins(made)
    else:
        _say(f"The demo is all there. Its sign-ins were written to {get_settings().data_dir / wiring.SIGN_INS_FILE}.")
    if demo_activity:
        seeded = run(wiring.seed_demo_activity, needs=["postgres"], command="stoa seed")
        _say(f"A term happened in {', '.join(seeded)}." if seeded else "Its sections have conversations already.")


@cli.command("rotate-key")
def rotate_key() -> None:
    """Encrypt every stored secret under a new key: one made here, or the SECRET_KEY that was changed."""
    from backend.access import SYSTEM
    from backend.core.embedded.key_rotation import new_secret_key
    from backend.core.embedded.migrations import require_newest_schema
    from backend.core.settings import get_settings
    from backend.genai import reseal_secrets

    chosen = get_settings().secret_key is not None
    with new_secret_key(_prepare):
        require_newest_schema()
        done = asyncio.run(_closing(reseal_secrets(SYSTEM)))
    _say(f"{done.changed} of {done.total} stored secrets were encrypted anew; all are under the present key.")
    if chosen and get_settings().old_secret_keys:
        _say("STOA_OLD_SECRET_KEYS can be unset now, once every process of Stoa was started with the new SECRET_KEY.")
    elif chosen and not done.changed:
        _say("To change the key, put it into STOA_OLD_SECRET_KEYS, a new one into SECRET_KEY, and run this again.")


@cli.command()
def complete(
    prompt: Annotated[str, typer.Argument(help="What to ask; - reads standard input.")],
    feature: Annotated[Feature, typer.Option(help="Whose chain of models answers.")] = Feature.STUDENT_DIALOGUE,
    section: Annotated[str | None, typer.Option(help="Slug of the section whose override counts.")] = None,
    model: Annotated[str | None, typer.Option(help="Ask this registered model, whatever the chain.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one event per line as JSON.")] = False,
) -> None:
    """Ask a model and stream its answer. Exit status 0 only when the answer is whole."""
    from backend.terminal import complete_in_terminal

    text = sys.stdin.buffer.read().decode("utf-8", "replace") if prompt == "-" else prompt
    whole = run(
        lambda: complete_in_terminal(text, feature, section, model, as_json=as_json),
        command="stoa complete",
        before=_observe,
    )
    if not whole:
        raise typer.Exit(1)


genai = typer.Typer(help="Models, service configs and feature configs as a file.", no_args_is_help=True)
cli.add_typer(genai, name="genai")


@genai.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="YAML or JSON; - reads standard input.", allow_dash=True)],
) -> None:
    """Create or update by name what the file lists: all of it, or nothing when any of it is wrong."""
    from backend.access import SYSTEM
    from backend.genai import import_catalogue, parse_catalogue

    catalogue = parse_catalogue(_read_yaml(file))
    run(lambda: import_catalogue(SYSTEM, catalogue), needs=["postgres"], command="stoa genai import")
    _say(
        f"Stored {len(catalogue.models)} models, {len(catalogue.service_configs)} service configs, "
        f"{len(catalogue.feature_configs)} feature configs."
    )


@genai.command("export")
def export_file() -> None:
    """Write everything registered to standard output, as `import` takes it, without secrets."""
    import yaml

    from backend.access import SYSTEM
    from backend.genai import export_catalogue

    exported = run(lambda: export_catalogue(SYSTEM), needs=["postgres"], command="stoa genai export")
    print(yaml.safe_dump(exported, sort_keys=False, allow_unicode=True), end="")


sandbox = typer.Typer(help="Running programs that nobody trusts.", no_args_is_help=True)
cli.add_typer(sandbox, name="sandbox")


@sandbox.command("build")
def build_image() -> None:
    """Build or pull the sandbox's image now, so that no first run waits for it."""
    from backend.sandbox import prepare_image

    _say(f"The image is there: {prepare_image()}.")


@sandbox.command("run")
def run_file(
    file: Annotated[Path, typer.Argument(help="A Python program.", exists=True, dir_okay=False)],
    stdin: Annotated[Path | None, typer.Option(help="Its standard input.", exists=True, dir_okay=False)] = None,
    tests: Annotated[
        Path | None, typer.Option(help="Tests as an exercise has them, JSON or YAML.", exists=True, dir_okay=False)
    ] = None,
    seconds: Annotated[float, typer.Option("--time", help="Seconds it may take.", min=0.1, max=300)] = 5.0,
    memory: Annotated[int, typer.Option(help="Megabytes it may use.", min=32, max=4096)] = 128,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Run a Python program in the sandbox, or grade it by tests.

    Exit status 0 only when it ended well within its limits, and passed every test.
    """
    from backend.core.logs import configure_logging
    from backend.grading import try_tests
    from backend.sandbox import Limits, try_file
    from backend.terminal import show_results, show_run

    configure_logging()
    limits = Limits(wall_seconds=seconds, cpu_seconds=seconds, memory_mb=memory)
    if tests is not None:
        results = _in_sandbox(try_tests(file.read_text("utf-8"), _read_yaml(tests), limits))
        show_results(results, as_json=as_json)
        raise typer.Exit(0 if results.passed else 1)
    given = stdin.read_bytes() if stdin else b""
    result = _in_sandbox(try_file(file.name, file.read_bytes(), given, limits))
    show_run(result, as_json=as_json)
    if result["verdict"]:
        raise typer.Exit(1)


def _in_sandbox(work: Coroutine[None, None, Result]) -> Result:
    from backend.sandbox import SandboxUnavailable

    try:
        return asyncio.run(work)
    except SandboxUnavailable:
        _say("stoa: the sandbox can't run anything now; `stoa doctor` says what is missing.")
        raise typer.Exit(1) from None


def _read_yaml(file: Path) -> object:
    import yaml

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} can't be read: {error}") from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Invalid(f"{file} is neither YAML nor JSON: {error}") from error


def _prepare(demo: bool = False, bucket: bool = False) -> "list[DemoSignIn]":
    """Newest schema, the configuration of the environment and, if wanted, bucket and demo. Returns the new sign-ins."""
    from backend import storage, wiring
    from backend.core.embedded.migrations import migrate as upgrade

    async def seed() -> "list[DemoSignIn]":
        await wiring.seed_configuration()
        if bucket:
            await storage.ensure_bucket()
        made = await wiring.seed_demo() if demo else []
        if made:
            await wiring.seed_demo_activity()
        return made

    upgrade()
    return asyncio.run(_closing(seed()))


async def _closing(work: Awaitable[Result]) -> Result:
    """Await `work`, then close the connections that belong to this event loop."""
    from backend.core.database import dispose_engine
    from backend.core.redis import close_redis
    from backend.core.tracing import stop_exporting

    try:
        return await work
    finally:
        await dispose_engine()
        await close_redis()
        await stop_exporting()


def _observe() -> None:
    from backend.core.logs import configure_logging
    from backend.core.tracing import start_exporting

    configure_logging()
    start_exporting()


def _announce(settings: "Settings", sign_ins: "list[DemoSignIn]") -> None:
    from rich.console import Console

    if sign_ins:
        _show_sign_ins(sign_ins)
    Console(highlight=False).print(
        f"[bold green]Stoa runs at {settings.base_url}[/] · data in {settings.data_dir} · Ctrl-C stops it"
    )


def _show_sign_ins(sign_ins: "list[DemoSignIn]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Role", "Name", "E-mail", "Password", title="Demo sign-ins, shown once", title_justify="left")
    for sign_in in sign_ins:
        table.add_row(sign_in.role, sign_in.name, sign_in.email, sign_in.password)
    Console(highlight=False).print(table)


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
            _say(f"  {_variable(problem['loc'])}{problem['msg'].removeprefix('Value error, ')}")
        raise SystemExit(1) from None
    except (CannotStart, StoaError) as error:
        _say(f"stoa: {error}")
        raise SystemExit(1) from None


def _variable(place: tuple[int | str, ...]) -> str:
    """The environment variable that a problem is about, as the start of a line; nothing when it is about several."""
    if not place:
        return ""
    name = str(place[0])
    return f"{name if name.isupper() else 'STOA_' + name.upper()}: "


if __name__ == "__main__":
    main()
