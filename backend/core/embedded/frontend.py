"""The finished frontend: built once for each (sources, address), kept in `<data dir>/builds`."""

import fcntl
import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from backend.core.embedded import wheels
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.logs import keep_previous
from backend.core.embedded.processes import spawn
from backend.core.settings import PROJECT_ROOT, Settings

_SOURCES = ("app", "assets", "reflex.lock", "rxconfig.py", "requirements/base.txt")
_KEPT_BUILDS = 5
_NEEDED = ("build/client", "backend", "env.json", "routes.json", "reflex.json")  # what serving reads of Reflex's folder


def build_folder(settings: Settings) -> Path:
    """Where the build for these settings is, once it exists. Its name hashes whatever shapes the pages."""
    digest = hashlib.sha256(f"{settings.base_url} {settings.port} {version('reflex')}".encode())
    for path in _source_files():
        digest.update(f"\0{path.relative_to(PROJECT_ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return settings.data_dir / "builds" / f"{digest.hexdigest()[:16]}-{settings.port}"


def ensure_build(settings: Settings, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of the finished build, building it first when it is missing; one build runs at a time.

    Nothing is downloaded but npm packages, at the versions of `reflex.lock`. Raises `CannotStart`.
    """
    folder = build_folder(settings)
    if folder.exists():
        os.utime(folder)
        return folder
    with _one_at_a_time(settings.data_dir):
        if not folder.exists():
            say("Building the pages (about 20 s, once for each version and port) …")
            _build(settings)
            _keep(settings.data_dir / "web", folder)
            _forget_oldest(folder.parent)
    return folder


def reflex_environment(settings: Settings, web: Path) -> dict[str, str]:
    """Environment under which Reflex stays in our folders, downloads nothing and tells nobody; `web` is its `.web`."""
    bun = wheels.bun()
    if bun is None:
        raise CannotStart("bun isn't installed, so the pages can't be built. Run `make setup`.")
    return {
        "REFLEX_BUN_PATH": str(bun),
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_DIR": str(settings.data_dir / "reflex"),
        "REFLEX_ENV_MODE": "prod",
        "REFLEX_STATES_WORKDIR": str(settings.data_dir / "states"),
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_USE_NPM": "false",
        "REFLEX_WEB_WORKDIR": str(web),
        "STOA_DATA_DIR": str(settings.data_dir),
        "STOA_PORT": str(settings.port),
    }


def _build(settings: Settings) -> None:
    log = settings.data_dir / "logs" / "build.log"
    keep_previous(log)
    child = spawn(
        "The build of the pages",
        [sys.executable, "-m", "backend.core.embedded.build_frontend", str(os.getpid())],
        log=log,
        environment={**os.environ, **reflex_environment(settings, settings.data_dir / "web")},
        cwd=PROJECT_ROOT,
    )
    try:
        while child.alive:
            time.sleep(0.05)
    finally:
        if child.alive:  # we were interrupted: end bun too, which is in the child's process group
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
    if child.process.returncode != 0:
        raise child.report("failed")


def _keep(web: Path, folder: Path) -> None:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name in _NEEDED:
        source, target = web / name, unfinished / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copyfile(source, target)
    unfinished.rename(folder)


def _forget_oldest(builds: Path) -> None:
    finished = sorted(builds.iterdir(), key=lambda build: build.stat().st_mtime, reverse=True)
    for build in finished[_KEPT_BUILDS:]:
        shutil.rmtree(build, ignore_errors=True)


def _source_files() -> Iterator[Path]:
    for name in _SOURCES:
        path = PROJECT_ROOT / name
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in found:
            generated = "__pycache__" in file.parts or file.is_relative_to(PROJECT_ROOT / "assets" / "external")
            if file.is_file() and not generated:
                yield file


@contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    with (data_dir / "build.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
