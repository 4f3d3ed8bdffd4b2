"""The Docker engine of the tests: is there one, and what is left on it and on the machine of our containers."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from backend.sandbox import SandboxUnavailable
from backend.sandbox.engine import Engine
from backend.sandbox.policy import LABEL, owner


def why_no_engine() -> str | None:
    """What a test that needs an engine says when there is none."""
    engine = Engine()
    try:
        engine.info()
    except SandboxUnavailable as error:
        return f"no Docker engine can be reached ({error.__cause__}): as root, `make test` starts one"
    finally:
        engine.close()
    return None


def my_containers() -> set[str]:
    """Containers of this process that the engine knows, in whatever state."""
    engine = Engine()
    try:
        return {each["Id"] for each in engine.api.containers(all=True, filters={"label": f"{LABEL}={owner()}"})}
    finally:
        engine.close()


def traces(containers: Iterable[str]) -> list[str]:
    """Processes, mounts and folders on this machine that belong to `containers`."""
    ids = tuple(containers)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            text = (process / "cgroup").read_text() + (process / "mountinfo").read_text()
            found += [f"process {process.name} of {each}" for each in ids if each in text]
    found += [
        f"folder {folder} of {each}" for each in ids for folder in Path("/sys/fs/cgroup").glob(f"*/docker/{each}")
    ]
    return found
