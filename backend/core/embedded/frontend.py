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
from backend.core.embedded.data_dir import DataDir
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.logs import keep_previous
from backend.core.embedded.processes import spawn
from backend.core.settings import PROJECT_ROOT, Settings, get_settings

_LINKED = ("app", "rxconfig.py")
_COPIED = ("assets", "reflex.lock")  # Reflex writes in both
_SOURCES = (*_LINKED, *_COPIED, "requirements/base.txt")
_KEPT_BUILDS = 5
_SERVED = ("build/client", "backend", "env.json", "routes.json", "reflex.json")  # what serving reads of `.web`


def build_folder(settings: Settings) -> Path:
    """Where the build for these settings is, once it exists. Its name hashes whatever shapes the pages."""
    digest = hashlib.sha256(f"{settings.base_url} {settings.port} {version('reflex')}".encode())
    for path in _source_files():
        digest.update(f"\0{path.relative_to(PROJECT_ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return settings.data_dir / "builds" / f"{digest.hexdigest()[:16]}-{settings.port}"


def source_folder(build: Path) -> Path:
    """The working folder of whoever makes or serves `build`: Reflex finds the app there, and writes there."""
    return build / "source"


def web_folder(build: Path) -> Path:
    """What Reflex calls `.web`: the generated JavaScript and the finished pages."""
    return build / "web"


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
            built = _build(settings)
            _keep(built, folder)
            _forget_oldest(folder.parent)
    return folder


def update_lock(settings: Settings) -> None:
    """Build, and bring `reflex.lock` in the project up to the npm packages that the app uses now."""
    with _one_at_a_time(settings.data_dir):
        built = _build(settings)
        for file in (source_folder(built) / "reflex.lock").iterdir():
            shutil.copyfile(file, PROJECT_ROOT / "reflex.lock" / file.name)


def stage(source: Path) -> None:
    """Make a working folder for Reflex that shows the project without letting Reflex write in it."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for name in _LINKED:
        (source / name).symlink_to(PROJECT_ROOT / name)
    for name in _COPIED:
        if (PROJECT_ROOT / name).exists():
            shutil.copytree(PROJECT_ROOT / name, source / name, ignore=shutil.ignore_patterns("external"))
    # Their presence keeps Reflex from choosing a registry for bun; bun's own settings count.
    (source / "bunfig.toml").write_text("[install]\n")
    (source / ".npmrc").write_text("fund=false\n")


def reflex_environment(settings: Settings, build: Path) -> dict[str, str]:
    """Environment under which Reflex stays in our folders, downloads nothing and tells nobody."""
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
        "REFLEX_WEB_WORKDIR": str(web_folder(build)),
        "STOA_DATA_DIR": str(settings.data_dir),
        "STOA_PORT": str(settings.port),
    }


def _build(settings: Settings) -> Path:
    """Build in a folder that every build of this data directory uses, so that npm packages are installed once."""
    folder = settings.data_dir / "building"
    stage(source_folder(folder))
    log = settings.data_dir / "logs" / "build.log"
    keep_previous(log)
    child = spawn(
        "The build of the pages",
        [sys.executable, "-m", "backend.core.embedded.build_frontend", str(os.getpid())],
        log=log,
        environment={**os.environ, **reflex_environment(settings, folder), "PYTHONPATH": str(PROJECT_ROOT)},
        cwd=source_folder(folder),
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
    return folder


def _keep(built: Path, folder: Path) -> None:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source_folder(built), source_folder(unfinished), symlinks=True)
    for name in _SERVED:
        source, target = web_folder(built) / name, web_folder(unfinished) / name
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
    with (DataDir(data_dir).path / "build.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":  # `make lock`
    update_lock(get_settings())
