"""Objects through the embedded storage, beside plain files that are synced as well.

    python -m bench.storage

One after the other: put and get of 1 KB and of 10 MB, and what a signed address and a signed form cost.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from backend import storage
from backend.core.embedded.storage import start_storage
from backend.core.settings import get_settings
from bench.stage import percentile

KILOBYTE, MEGABYTES = 1000, 10_000_000


async def timed(times: int, work: Callable[[int], Awaitable[object]]) -> list[float]:
    """Milliseconds of each of `times` runs, after one that doesn't count."""
    await work(-1)
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        await work(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def write(path: Path, data: bytes) -> None:
    """A file that survives a power cut, as an acknowledged object does."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def show(what: str, ours: list[float], theirs: list[float] | None = None) -> None:
    """One line: p50 and p95, beside the plain file's."""
    line = f"{what:24} p50 {percentile(ours, 0.5):7.2f} ms  p95 {percentile(ours, 0.95):7.2f} ms"
    if theirs:
        line += f"   plain file p50 {percentile(theirs, 0.5):7.2f} ms  p95 {percentile(theirs, 0.95):7.2f} ms"
    print(line)


async def measure(folder: Path, times: int) -> None:
    """Print every figure."""
    for name, size, runs in (("1 KB", KILOBYTE, times), ("10 MB", MEGABYTES, max(5, times // 10))):
        data = os.urandom(size)

        async def put(number: int, data: bytes = data) -> None:
            await storage.put_bytes(f"bench/{len(data)}/{number}", data, "application/octet-stream")

        async def get(number: int, size: int = size) -> None:
            await storage.get_bytes(f"bench/{size}/{number}", size)

        async def put_file(number: int, data: bytes = data) -> None:
            await asyncio.to_thread(write, folder / f"{len(data)}-{number}", data)

        async def get_file(number: int, size: int = size) -> None:
            await asyncio.to_thread((folder / f"{size}-{number}").read_bytes)

        show(f"put {name}", await timed(runs, put), await timed(runs, put_file))
        show(f"get {name}", await timed(runs, get), await timed(runs, get_file))
    show("sign an address", await timed(times, lambda _: storage.signed_get("bench/x", filename="x.pdf")))
    show(
        "sign a form",
        await timed(times, lambda _: storage.signed_post("bench/x", content_type="text/plain", max_bytes=1)),
    )


def main() -> None:
    """Start a storage in a temporary folder and measure it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stoa-bench-") as folder:
        begun = time.perf_counter()
        server = start_storage(Path(folder), "bench", [])
        print(f"start {(time.perf_counter() - begun) * 1000:.0f} ms")
        os.environ |= server.environment
        get_settings.cache_clear()
        try:
            (Path(folder) / "plain").mkdir()
            asyncio.run(measure(Path(folder) / "plain", arguments.times))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
