"""What our completion layer adds to a streamed request, beside the bare SDK and LiteLLM, on the same replay server.

    python -m bench.completion_overhead [--requests 300] [--tokens 50]

Ours also resolves the chain, prices the answer and writes its ledger row. The three take turns, request by
request, so that whatever else the machine does strikes all of them alike. LiteLLM is measured where it is installed.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import openai

from backend.core.database import dispose_engine
from backend.genai import CompletionRequest, Feature, Prompt, UserMessage, close_providers, stream
from bench import stage

Ask = Callable[[], Awaitable[int]]
WARM_UP = 20


def bare_sdk(url: str) -> Ask:
    """The official SDK, as its documentation shows."""
    client = openai.AsyncOpenAI(base_url=url, api_key="sk-replay-0123456789", max_retries=0)

    async def ask() -> int:
        pieces = 0
        answer = await client.chat.completions.create(
            model="replayed",
            messages=[{"role": "user", "content": "Go on."}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in answer:
            pieces += bool(chunk.choices and chunk.choices[0].delta.content)
        return pieces

    return ask


def ours() -> Ask:
    """`genai.stream`, with routing, prices and ledger."""
    request = CompletionRequest(Feature.STUDENT_DIALOGUE, Prompt(messages=(UserMessage("Go on."),)))

    async def ask() -> int:
        return sum([1 async for event in stream(request) if type(event).__name__ == "TextDelta"])

    return ask


def litellm_sdk(url: str) -> Ask | None:
    """LiteLLM's SDK, if it is installed."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        import litellm
    except ImportError:
        return None

    async def ask() -> int:
        answer = await litellm.acompletion(
            model="openai/replayed",
            api_base=url,
            api_key="sk-replay-0123456789",
            messages=[{"role": "user", "content": "Go on."}],
            stream=True,
            stream_options={"include_usage": True},
        )
        return sum([1 async for chunk in answer if chunk.choices and chunk.choices[0].delta.content])

    return ask


async def measure(url: str, requests: int) -> dict[str, list[float]]:
    """Milliseconds per request, by who asked."""
    await stage.use_model(url)
    asks = {"bare SDK": bare_sdk(url), "Stoa": ours()}
    if litellm := litellm_sdk(url):
        asks["LiteLLM"] = litellm
    taken: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(WARM_UP + requests):
        for name, ask in asks.items():
            begun = time.perf_counter()
            await ask()
            if number >= WARM_UP:
                taken[name].append((time.perf_counter() - begun) * 1000)
    await close_providers()
    await dispose_engine()
    return taken


def main() -> None:
    """Print p50 and p95 of each, and what is added to the bare SDK."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=50)
    options = parser.parse_args()
    with stage.services(), stage.replay("--tokens", str(options.tokens)) as url:
        taken = asyncio.run(measure(url, options.requests))
    base = stage.percentile(taken["bare SDK"], 0.5)
    for name, values in taken.items():
        p50 = stage.percentile(values, 0.5)
        print(
            f"{name:9} p50 {p50:6.2f} ms  p95 {stage.percentile(values, 0.95):6.2f} ms  "
            f"added {p50 - base:+6.2f} ms  ratio {p50 / base:.2f}"
        )


if __name__ == "__main__":
    main()
