"""What the benchmarks stand on: services of their own, the demo course, a replay provider, a web process."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from backend import wiring
from backend.access import SYSTEM
from backend.core.database import dispose_engine
from backend.core.embedded.cluster import forget_cluster
from backend.core.embedded.migrations import migrate
from backend.core.embedded.services import use_services
from backend.core.settings import PROJECT_ROOT, get_settings
from backend.genai import import_catalogue, parse_catalogue

PASSWORD = "a password for benchmarks only"
SECTION = "python-autumn"


@contextmanager
def services() -> Iterator[None]:
    """Embedded Postgres and Valkey in a temporary folder, migrated, with configuration and demo."""
    with tempfile.TemporaryDirectory(prefix="stoa-bench-") as folder:
        Path(folder).chmod(0o711)
        os.environ |= {"STOA_DATA_DIR": folder, "STOA_DEMO_PASSWORD": PASSWORD}
        get_settings.cache_clear()
        with use_services(("postgres", "redis"), prepare=_prepare, command="bench"):
            yield
        forget_cluster(Path(folder))


def _prepare() -> None:
    async def seed() -> None:
        await wiring.seed_configuration()
        await wiring.seed_demo()
        await dispose_engine()

    migrate()
    asyncio.run(seed())


@contextmanager
def replay(*options: str) -> Iterator[str]:
    """A replay provider in a process of its own; yields its OpenAI base URL."""
    command = [sys.executable, "-m", "tests.support.replay", *options]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield f"{found[0]}/v1"
        finally:
            process.kill()


async def use_model(url: str) -> None:
    """Let the tutor ask the model at `url`."""
    await import_catalogue(
        SYSTEM,
        parse_catalogue(
            {
                "models": [
                    {
                        "name": "replay",
                        "provider": "openai",
                        "model": "replayed",
                        "url_template": url,
                        "api_key": "sk-replay-0123456789",
                        "price_input": 1,
                        "price_output": 2,
                    }
                ],
                "service_configs": [{"name": "Default", "primary_model": "replay"}],
            }
        ),
    )


@dataclass(frozen=True, slots=True)
class Web:
    """A web process."""

    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time it used so far (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def web(port: int) -> Iterator[Web]:
    """`stoa web` on `port`."""
    environment = os.environ | {"STOA_PORT": str(port), "STOA_LOG_LEVEL": "error"}
    process = subprocess.Popen([sys.executable, "-m", "backend.cli", "web"], cwd=PROJECT_ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            try:
                if httpx2.get(f"{address}/api/health").status_code == 200:
                    break
            except httpx2.TransportError:
                time.sleep(0.2)
        yield Web(address, process.pid)
    finally:
        process.terminate()
        process.wait()


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
