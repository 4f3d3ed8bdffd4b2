"""One test in the sandbox, warm and cold, beside `docker run --rm`, and a bare interpreter, in turns.

`python -m bench.sandbox [--runs N] [--seconds S] [--beside RUNTIME]`; with `--beside runsc` it measures gVisor beside
the engine's own runtime instead, in turns. Needs a Docker engine (DOCKER_HOST) and its command.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from backend.sandbox import Command, Sandbox
from backend.sandbox.images import image_reference, prepare_image
from bench.stage import percentile
from tests.support.services import environment

SOURCE = b"print(sum(int(each) for each in input().split()))"
COMMAND = Command(("python3", "main.py"), {"main.py": SOURCE}, b"1 2 3\n")
PROGRAMS = {
    "import numpy": Command(("python3", "-c", "import numpy")),
    "processor-bound": Command(("python3", "-c", "print(sum(each * each for each in range(5_000_000)))")),
    "500 files": Command(("python3", "-c", "for each in range(500): open(f'/tmp/{each}', 'w').write('x')")),
}
DOCKER = (
    "docker", "run", "--rm", "-i", "--network=none", "--read-only", "--cap-drop=ALL", "--memory=128m",
    "--entrypoint=python3", image_reference(), "-c", SOURCE.decode(),
)  # fmt: skip


async def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--beside", help="another runtime of the engine")
    options = parser.parse_args()
    await asyncio.to_thread(prepare_image)
    if options.beside:
        await runtimes(options.beside, options.runs)
    else:
        await latencies(options.runs)
        await memory()
        await sustained(options.seconds)


async def latencies(runs: int) -> None:
    """Every way in turn, `runs` times, so that what else the machine does falls on all alike."""
    warm, cold = Sandbox(warm=2), Sandbox(warm=0)
    await filled(warm, 2)
    times: dict[str, list[float]] = {}

    async def timed(name: str, work: Callable[[], Awaitable[None]]) -> None:
        begun = time.perf_counter()
        await work()
        times.setdefault(name, []).append((time.perf_counter() - begun) * 1000)

    async def next_test() -> None:
        assert (await box.run(COMMAND)).stdout == b"6\n"

    for _ in range(runs):
        await timed("warm container, one test", lambda: one_test(warm))
        await filled(warm, 2)
        with environment(STOA_SANDBOX_RECORD="false"):
            await timed("warm container, one test, nothing recorded", lambda: one_test(warm))
        await filled(warm, 2)
        async with warm.box("bench") as box:
            await box.run(COMMAND)
            await timed("next test in the same container", next_test)
        await filled(warm, 2)
        await timed("cold: container made for it", lambda: one_test(cold))
        await cold.settled()
        await timed("docker run --rm", lambda: program(*DOCKER))
        await timed("bare interpreter", lambda: program(sys.executable, "-I", "-c", SOURCE.decode()))
    await warm.close()
    await cold.close()
    rival = percentile(times["docker run --rm"], 0.5)
    for name, found in times.items():
        middle, late = percentile(found, 0.5), percentile(found, 0.95)
        print(f"{name:45} p50 {middle:6.1f} ms  p95 {late:6.1f} ms  1/{rival / middle:.1f} of docker run --rm")


async def runtimes(other: str, runs: int) -> None:
    """The engine's own runtime and another, in turns: the same programs, warm and cold."""
    times: dict[str, dict[str, list[float]]] = {}
    sandboxes = {}
    for runtime in ("", other):
        with environment(STOA_SANDBOX_RUNTIME=runtime):
            sandboxes[runtime] = Sandbox(warm=1), Sandbox(warm=0)
    for _ in range(runs):
        for runtime, (warm, cold) in sandboxes.items():
            await filled(warm, 1)
            for name, spent in [(name, spent) async for name, spent in _programs(warm, cold)]:
                times.setdefault(name, {}).setdefault(runtime, []).append(spent)
    for warm, cold in sandboxes.values():
        await warm.close()
        await cold.close()
    for name, found in times.items():
        own, others = percentile(found[""], 0.5), percentile(found[other], 0.5)
        late = percentile(found[other], 0.95)
        print(
            f"{name:30} own p50 {own:7.1f} ms  {other} p50 {others:7.1f}, p95 {late:7.1f} ms  {others / own:.1f} times"
        )


async def _programs(warm: Sandbox, cold: Sandbox) -> AsyncIterator[tuple[str, float]]:
    """Milliseconds of each program in one visit of each sandbox."""
    async with warm.box("bench") as box:
        for name, command in {"warm, one test": COMMAND, "next test": COMMAND, **PROGRAMS}.items():
            begun = time.perf_counter()
            assert (await box.run(command)).exit_code == 0
            yield name, (time.perf_counter() - begun) * 1000
    begun = time.perf_counter()
    await one_test(cold)
    yield "cold", (time.perf_counter() - begun) * 1000
    await cold.settled()


async def one_test(sandbox: Sandbox) -> None:
    """A submission of one test, until its outcome is known."""
    async with sandbox.box("bench") as box:
        assert (await box.run(COMMAND)).stdout == b"6\n"


async def filled(sandbox: Sandbox, size: int) -> None:
    """Wait until the pool is full again."""
    await sandbox.start()
    await sandbox.settled()
    while sandbox.ready < size:
        await asyncio.sleep(0.01)


async def program(*command: str) -> None:
    """Run a program on this machine to its end."""
    done = await asyncio.to_thread(subprocess.run, command, input=b"1 2 3\n", capture_output=True, check=True)
    assert done.stdout == b"6\n"


async def memory() -> None:
    """What a container that waits costs: its control group's count, and the engine's process that keeps it."""
    sandbox = Sandbox(warm=1)
    async with sandbox.box("bench") as box:
        container = box.containers[0].id
        group = next(Path("/sys/fs/cgroup").rglob(f"{container}*/memory.usage_in_bytes"), None) or next(
            Path("/sys/fs/cgroup").rglob(f"*{container}*/memory.current")
        )
        shims = [
            each.parent for each in Path("/proc").glob("[0-9]*/cmdline") if container.encode() in each.read_bytes()
        ]
        kept = sum(_resident_kb(each) for each in shims)
        print(f"memory per warm container: {int(group.read_text()) / 2**20:.1f} MB, its shim {kept / 1024:.1f} MB")
    await sandbox.close()


def _resident_kb(process: Path) -> int:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def sustained(seconds: float) -> None:
    """Submissions of one and of ten tests, one after the other from two workers' pools, while time lasts."""
    for tests in (1, 10):
        pools = [Sandbox(warm=2), Sandbox(warm=2)]
        for pool in pools:
            await filled(pool, 2)
        begun = time.monotonic()
        done = sum(await asyncio.gather(*(_submissions(pool, tests, begun + seconds) for pool in pools)))
        spent = time.monotonic() - begun
        print(f"sustained, 2 workers, {tests} tests each: {done / spent * 60:.0f} submissions/minute")
        for pool in pools:
            await pool.close()


async def _submissions(sandbox: Sandbox, tests: int, until: float) -> int:
    done = 0
    while time.monotonic() < until:
        async with sandbox.box("bench") as box:
            for _ in range(tests):
                assert (await box.run(COMMAND)).stdout == b"6\n"
        done += 1
    return done


if __name__ == "__main__":
    asyncio.run(main())
