"""A whole Stoa as a child of a test: `stoa up` and other commands, on a data directory of the test's own."""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from backend.core.embedded.cluster import forget_cluster
from backend.core.embedded.frontend import build_folder, source_folder, stage, web_folder
from backend.core.embedded.ports import free_port
from backend.core.embedded.processes import spawn
from backend.core.settings import PROJECT_ROOT, Settings

_INHERITED = ("HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR")


class Command:
    """A `stoa` command that runs, or ran."""

    def __init__(self, data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        descriptor, name = tempfile.mkstemp(suffix=".out")
        os.close(descriptor)
        self._output = Path(name)
        inherited = {variable: os.environ[variable] for variable in _INHERITED if variable in os.environ}
        self.process = spawn(  # so it ends when these tests are killed, too
            "stoa",
            [sys.executable, "-m", "backend.cli", *arguments],
            log=self._output,
            environment={**inherited, "STOA_DATA_DIR": str(data_dir), **(environment or {})},
            cwd=PROJECT_ROOT,
        ).process

    @property
    def output(self) -> str:
        """All it printed so far."""
        return self._output.read_text()

    def says(self, text: str) -> str:
        """Wait until it printed `text`; returns the output. Fails when it ends without."""
        while text not in self.output:
            if self.process.poll() is not None and text not in self.output:
                raise AssertionError(f"ended with status {self.process.returncode} without {text!r}:\n{self.output}")
            time.sleep(0.02)
        return self.output

    def ends(self) -> int:
        """Wait for the end; returns the exit status."""
        return self.process.wait()

    def clean_up(self) -> None:
        """Kill it if it still runs, and forget what it printed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.unlink()

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(sign)
        return self.ends()


@contextmanager
def stoa(data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Command]:
    """A `stoa` command for the length of a block; killed at its end if it still runs."""
    command = Command(data_dir, *arguments, environment=environment)
    try:
        yield command
    finally:
        command.clean_up()


@contextmanager
def stoa_up(
    data_dir: Path, port: int, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[Command]:
    """`stoa up` whose pages answer."""
    with stoa(data_dir, "up", "--port", str(port), *arguments, environment=environment) as up:
        up.says("Stoa runs at")
        yield up


@contextmanager
def data_directory(parent: Path) -> Iterator[Path]:
    """A data directory under `parent` whose cluster is deleted afterwards, wherever it was put."""
    data_dir = parent / ".stoa"
    try:
        yield data_dir
    finally:
        wait_until(lambda: not processes_of(data_dir))
        forget_cluster(data_dir)


def pretend_build(data_dir: Path) -> int:
    """Put a build with one empty page where `stoa up` looks for it; returns the port that it is for."""
    port = free_port()
    folder = build_folder(Settings(data_dir=data_dir, port=port))
    stage(source_folder(folder))
    web = web_folder(folder)
    (web / "build" / "client").mkdir(parents=True)
    (web / "build" / "client" / "index.html").write_text("<title>Stoa</title>")
    (web / "backend").mkdir()
    (web / "backend" / "stateful_pages.json").write_text("[]")
    for name in ("env.json", "routes.json", "reflex.json"):
        (web / name).write_text("{}")
    return port


def services_of(data_dir: Path) -> dict[str, str]:
    """The environment that a running `stoa up` tells other commands."""
    environment: dict[str, str] = json.loads((data_dir / "services.json").read_text())["environment"]
    return environment


def processes_of(data_dir: Path) -> dict[int, str]:
    """Processes that belong to a data directory, by command line: started for it, or working in it."""
    homes = {str(data_dir), str((data_dir / "postgres").resolve())}
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            variables = (folder / "environ").read_bytes().split(b"\0")
            working_in = str((folder / "cwd").readlink())
            if (
                f"STOA_DATA_DIR={data_dir}".encode() in variables
                or any(home in command or working_in.startswith(home) for home in homes)
            ) and command:
                found[int(folder.name)] = command
    return found


def wait_until(condition: Callable[[], object]) -> None:
    """Look again until `condition` holds; the test's own time limit ends it otherwise."""
    while not condition():
        time.sleep(0.02)
