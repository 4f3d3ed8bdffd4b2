"""What our completion layer adds to a streamed request, beside the bare SDK and LiteLLM's Router, on one replay server.

    python -m bench.completions [--requests 300] [--tokens 50] [--concurrent 50]

Ours also resolves the chain, passes breaker and admission in Redis, prices the answer and writes its ledger row. First
the three take turns, request by request; then in rounds, each with so many requests at once; so whatever else the
machine does strikes all of them alike. LiteLLM is measured where it is installed. Processor time is this process's.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import openai

from backend.core.database import dispose_engine
from backend.core.redis import close_redis
from backend.genai import CompletionRequest, Feature, Prompt, UserMessage, close_providers, stream
from bench import stage

Ask = Callable[[], Awaitable[int]]
WARM_UP = 20
KEY = "sk-replay-0123456789"


@dataclass(slots=True)
class Taken:
    """What one way of asking took."""

    alone: list[float] = field(default_factory=list)
    """Milliseconds per request, one after the other."""
    together: list[float] = field(default_factory=list)
    """Milliseconds per request, many at once."""
    processor: float = 0.0
    """Seconds of processor in the rounds of many at once."""


def bare_sdk(url: str) -> Ask:
    """The official SDK, as its documentation shows."""
    client = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0)

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


def litellm_router(url: str) -> Ask | None:
    """LiteLLM's Router with two deployments, cooldowns and retries as it has them by default; if it is installed."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        from litellm import Router
    except ImportError:
        return None
    deployment = {"model": "openai/replayed", "api_base": url, "api_key": KEY}
    router = Router(
        model_list=[{"model_name": name, "litellm_params": deployment} for name in ("tutor", "backup")],
        fallbacks=[{"tutor": ["backup"]}],
    )

    async def ask() -> int:
        answer = await router.acompletion(
            model="tutor",
            messages=[{"role": "user", "content": "Go on."}],
            stream=True,
            stream_options={"include_usage": True},
        )
        return sum([1 async for chunk in answer if chunk.choices and chunk.choices[0].delta.content])

    return ask


async def timed(ask: Ask) -> float:
    """Milliseconds of one request."""
    begun = time.perf_counter()
    await ask()
    return (time.perf_counter() - begun) * 1000


async def measure(url: str, requests: int, concurrent: int) -> dict[str, Taken]:
    """What each way of asking took."""
    await stage.use_model(url)
    asks = {"bare SDK": bare_sdk(url), "Stoa": ours()}
    if litellm := litellm_router(url):
        asks["LiteLLM"] = litellm
    taken = {name: Taken() for name in asks}
    for number in range(WARM_UP + requests):
        for name, ask in asks.items():
            milliseconds = await timed(ask)
            if number >= WARM_UP:
                taken[name].alone.append(milliseconds)
    for round_ in range(1 + max(1, requests // concurrent)):
        for name, ask in asks.items():
            begun = time.process_time()
            milliseconds_each = await asyncio.gather(*(timed(ask) for _ in range(concurrent)))
            if round_:
                taken[name].together += milliseconds_each
                taken[name].processor += time.process_time() - begun
    await close_providers()
    await close_redis()
    await dispose_engine()
    return taken


def main() -> None:
    """Print p50 and p95 of each, what is added to the bare SDK, and requests per second of processor."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=50)
    parser.add_argument("--concurrent", type=int, default=50)
    options = parser.parse_args()
    with stage.services(), stage.replay("--tokens", str(options.tokens)) as url:
        taken = asyncio.run(measure(url, options.requests, options.concurrent))
    for way in ("alone", "together"):
        base = stage.percentile(getattr(taken["bare SDK"], way), 0.5)
        print("one at a time" if way == "alone" else f"{options.concurrent} at once")
        for name, each in taken.items():
            values = getattr(each, way)
            p50, p95 = stage.percentile(values, 0.5), stage.percentile(values, 0.95)
            per_core = f"  {len(values) / each.processor:4.0f} requests/s per core" if way == "together" else ""
            print(
                f"  {name:9} p50 {p50:7.2f} ms  p95 {p95:7.2f} ms  added {p50 - base:+7.2f} ms  "
                f"ratio {p50 / base:.2f}{per_core}"
            )


if __name__ == "__main__":
    main()
