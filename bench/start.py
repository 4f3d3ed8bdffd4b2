"""A fresh clone, and its second start: seconds until the pages answer.

    python -m bench.start

Clones the last commit into a temporary folder and times `make setup`, the first `make run` (database, demo, build of
the pages) and the second. The alternative, `reflex run --env prod`, builds the pages at each start: what that costs is
most of the difference between the two.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from backend.core.embedded.cluster import forget_cluster
from backend.core.embedded.ports import free_port
from backend.core.settings import PROJECT_ROOT


def clone(folder: Path) -> None:
    """The last commit, as somebody else would get it."""
    subprocess.run(["git", "clone", "--quiet", PROJECT_ROOT, folder], check=True)


def environment() -> dict[str, str]:
    """Nothing of this shell's virtual environment."""
    plain = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return plain | {"PATH": ":".join(x for x in plain["PATH"].split(":") if ".venv" not in x)}


def setup(folder: Path) -> float:
    """Seconds of `make setup`."""
    begun = time.monotonic()
    subprocess.run(["make", "setup"], cwd=folder, check=True, env=environment(), stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def start(folder: Path, port: int) -> float:
    """Seconds of `make run` until it says that it runs; it is stopped again."""
    begun = time.monotonic()
    process = subprocess.Popen(
        ["make", "run", f"PORT={port}"], cwd=folder, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if re.search(r"Stoa runs at", line):
                return time.monotonic() - begun
        raise RuntimeError("it ended before it ran")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()


def main() -> None:
    """Print the three figures."""
    folder = Path(tempfile.mkdtemp(prefix="stoa-fresh-"))
    try:
        clone(folder / "stoa")
        installed = setup(folder / "stoa")
        port = free_port()
        first, second = start(folder / "stoa", port), start(folder / "stoa", port)
    finally:
        forget_cluster(folder / "stoa" / ".stoa")
        shutil.rmtree(folder)
    print(f"make setup {installed:.0f} s, first start {first:.0f} s, fresh in all {installed + first:.0f} s")
    print(f"second start {second:.1f} s, {second / first:.2f} of the first")


if __name__ == "__main__":
    main()
