"""The small local model, when `make setup` could install it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from backend.core.embedded.local_model import ensure_local_model, local_model_installed, stop_local_model
from backend.core.errors import Unavailable
from backend.core.settings import PROJECT_ROOT
from tests.support.running import processes_of, wait_until
from tests.support.services import environment

pytestmark = pytest.mark.skipif(not local_model_installed(), reason="the local model isn't installed")

SERVER = "backend.core.embedded.local_model_server"


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with environment(STOA_DATA_DIR=str(tmp_path)):
        yield tmp_path
        stop_local_model()


@pytest.fixture
async def client(data_dir: Path) -> AsyncIterator[httpx.AsyncClient]:
    port = await ensure_local_model()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=None) as made:
        yield made


def servers(data_dir: Path) -> list[int]:
    return [pid for pid, command in processes_of(data_dir).items() if SERVER in command]


async def test_concurrent_first_calls_start_one_server(data_dir: Path) -> None:
    ports = await asyncio.gather(*(ensure_local_model() for _ in range(8)))
    assert len(set(ports)) == 1
    assert len(servers(data_dir)) == 1
    assert await ensure_local_model() == ports[0]


async def test_other_processes_share_it(data_dir: Path) -> None:
    code = "import asyncio; from backend.core.embedded.local_model import *; print(asyncio.run(ensure_local_model()))"
    port = await ensure_local_model()
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}, stdout=subprocess.PIPE
    )
    output, _ = await other.communicate()
    assert int(output) == port
    assert len(servers(data_dir)) == 1


async def test_it_streams(client: httpx.AsyncClient) -> None:
    question = {
        "model": "local",
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 16,
        "stream": True,
    }
    async with client.stream("POST", "/chat/completions", json=question) as response:
        lines = [line async for line in response.aiter_lines() if line.startswith("data:")]
    assert len(lines) > 5
    assert lines[-1] == "data: [DONE]"


async def test_it_obeys_a_json_schema(client: httpx.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "maximum": 99}}, "required": ["age"]}
    question = {
        "model": "local",
        "messages": [{"role": "user", "content": "How old is Ada?"}],
        "max_tokens": 40,
        "response_format": {"type": "json_schema", "json_schema": {"name": "age", "schema": schema, "strict": True}},
    }
    answer = (await client.post("/chat/completions", json=question)).json()["choices"][0]["message"]["content"]
    assert isinstance(httpx.Response(200, text=answer).json()["age"], int)


async def test_a_second_turn_reuses_the_first_ones_prompt(client: httpx.AsyncClient) -> None:
    lesson = " ".join(f"Sentence {number} of the lesson is about variables." for number in range(60))
    messages = [{"role": "system", "content": lesson}, {"role": "user", "content": "What is a variable?"}]
    question = {"model": "local", "messages": messages, "max_tokens": 8}
    first = (await client.post("/chat/completions", json=question)).json()
    messages += [first["choices"][0]["message"], {"role": "user", "content": "And a name?"}]
    usage = (await client.post("/chat/completions", json=question)).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] > 0.8 * usage["prompt_tokens"]


async def test_it_starts_again_after_it_died(data_dir: Path) -> None:
    await ensure_local_model()
    (dead,) = servers(data_dir)
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: not servers(data_dir))
    await ensure_local_model()
    assert servers(data_dir) != [dead]


async def test_it_dies_with_whoever_started_it(data_dir: Path) -> None:
    code = (
        "import asyncio, time; from backend.core.embedded.local_model import *\n"
        "asyncio.run(ensure_local_model()); print('up', flush=True); time.sleep(1000)"
    )
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    assert await starter.stdout.readline() == b"up\n"
    assert len(servers(data_dir)) == 1
    starter.kill()
    await starter.wait()
    wait_until(lambda: not servers(data_dir))
    await ensure_local_model()  # and the next one starts its own
    assert len(servers(data_dir)) == 1


async def test_a_server_that_cannot_start_is_unavailable(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unavailable, match=r"local_model\.log"):
        await ensure_local_model()
