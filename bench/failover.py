"""How long a person waits for the first token when the primary fails, by the way it fails.

    python -m bench.failover [--requests 20]

Claude's wire first, OpenAI's as fallback (and the other way round), both replayed on real sockets; the database and
Redis are real. The breaker is kept out of it: with it, only the first few requests of an outage would wait at all.
"""

import argparse
import asyncio
import time
from contextlib import aclosing

from backend.access import SYSTEM
from backend.core.database import dispose_engine
from backend.core.redis import close_redis
from backend.genai import (
    CompletionRequest,
    Feature,
    Prompt,
    TextDelta,
    UserMessage,
    close_providers,
    import_catalogue,
    parse_catalogue,
    stream,
)
from backend.genai.health import close_breaker, read_health
from bench import stage
from tests.support.genai import model_of
from tests.support.replay import Replay
from tests.support.replay_answers import Answer, anthropic_answer, anthropic_error, openai_answer, openai_error

WELL = {"anthropic": anthropic_answer("one two"), "openai": openai_answer("one two")}
FAILURES: dict[str, dict[str, Answer]] = {
    "none": WELL,
    "429": {"anthropic": anthropic_error(429, "rate_limit_error", "slow"), "openai": openai_error(429, "slow")},
    "503 (one quick retry)": {
        "anthropic": anthropic_error(529, "overloaded_error", "Overloaded"),
        "openai": openai_error(503, "overloaded"),
    },
    "reset (one quick retry)": {wire: answer.reset_before_headers() for wire, answer in WELL.items()},
    "cut after half": {wire: answer.cut(after=1) for wire, answer in WELL.items()},
    "wrong key": {"anthropic": anthropic_error(401, "authentication_error", "no"), "openai": openai_error(401, "no")},
    "silent (limit 1 s; 12 s by default)": {wire: answer.hang_before_headers() for wire, answer in WELL.items()},
}


async def wait(request: CompletionRequest) -> float:
    """Milliseconds to the last first token: after a restart, that of the whole answer."""
    begun, first, restarted = time.perf_counter(), 0.0, True
    async with aclosing(stream(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta) and restarted:
                first, restarted = time.perf_counter(), False
            elif type(event).__name__ == "Restarted":
                restarted = True
    return (first - begun) * 1000


async def measure(primary: str, fallback: str, requests: int) -> None:
    """Print a line per failure."""
    request = CompletionRequest(Feature.STUDENT_DIALOGUE, Prompt(messages=(UserMessage("Go on."),)))
    quiet = {"breaker_min_samples": 1_000_000, "first_token_timeout": 1.0}
    async with Replay(WELL[primary]) as first, Replay(WELL[fallback]) as second:
        models = [model_of(first, "primary", **quiet), model_of(second, "fallback", **quiet)]
        chain = {"name": "Default", "primary_model": "primary", "fallbacks": ["fallback"]}
        for name, answers in FAILURES.items():
            first.play(answers[primary])
            taken = []
            for _ in range(requests if "silent" not in name else 3):
                # storing the models anew forgets a misconfiguration
                await import_catalogue(SYSTEM, parse_catalogue({"models": models, "service_configs": [chain]}))
                await forget()
                taken.append(await wait(request))
            print(f"{primary:9} → {fallback:9} {name:36} p50 {stage.percentile(taken, 0.5):7.1f} ms", flush=True)


async def forget() -> None:
    """Close what earlier failures opened."""
    for model in (await read_health(SYSTEM)).models:
        await close_breaker(SYSTEM, model.id)


async def both(requests: int) -> None:
    """Claude first, then OpenAI first."""
    for primary, fallback in (("anthropic", "openai"), ("openai", "anthropic")):
        await measure(primary, fallback, requests)
    await close_providers()
    await close_redis()
    await dispose_engine()


def main() -> None:
    """Print the waits."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=20)
    options = parser.parse_args()
    with stage.services():
        asyncio.run(both(options.requests))


if __name__ == "__main__":
    main()
