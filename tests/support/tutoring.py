"""The tutor at work in a test: a turn runner that runs, a replay server as its model, times twenty times shorter."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from backend.access import SYSTEM
from backend.core.events import Frame
from backend.dialogue import get_runner
from backend.dialogue.models import TurnStatus
from backend.dialogue.turns import TurnRunner
from backend.genai import close_providers, import_catalogue, parse_catalogue
from tests.support.replay import API_KEY, Replay
from tests.support.replay_answers import MODEL
from tests.support.school import turn_of
from tests.support.services import environment

FAST = {
    "STOA_TURN_FLUSH": "0.01",
    "STOA_TURN_CHECKPOINT": "0.1",
    "STOA_TURN_SILENCE": "0.75",
    "STOA_TURN_SWEEP": "0.25",
    "STOA_SSE_COMMENT": "0.75",
}
"""The design's times at 1/20."""


@asynccontextmanager
async def tutoring(replay: Replay, **settings: str) -> AsyncIterator[TurnRunner]:
    """This process's runner, running, with `replay` as the only model."""
    with environment(**{**FAST, **settings}):
        await register(replay)
        get_runner.cache_clear()
        try:
            async with get_runner().run():
                yield get_runner()
        finally:
            get_runner.cache_clear()
            await close_providers()


async def register(replay: Replay, **model: Any) -> None:
    """Make `replay` the model of the tutor."""
    entry = {"name": "replay", "provider": "openai", "model": MODEL, "url_template": f"{replay.url}/v1", **model}
    if "api_key_env" not in model:
        entry["api_key"] = API_KEY
    catalogue = {
        "models": [{"price_input": 1.0, "price_output": 2.0, **entry}],
        "service_configs": [{"name": "tutor", "primary_model": "replay"}],
        "feature_configs": [{"feature": "student_dialogue", "service_config": "tutor"}],
    }
    await import_catalogue(SYSTEM, parse_catalogue(catalogue))


async def add_fallback(replay: Replay) -> None:
    """Put `replay` behind the tutor's model."""
    entry = {"name": "fallback", "provider": "openai", "model": MODEL, "url_template": f"{replay.url}/v1"}
    chain = {"name": "tutor", "primary_model": "replay", "fallbacks": ["fallback"]}
    await import_catalogue(SYSTEM, parse_catalogue({"models": [entry], "service_configs": [chain]}))


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until `condition` holds: a function, or an async one."""
    async with asyncio.timeout(seconds):
        while True:
            held = condition()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return
            await asyncio.sleep(0.01)


async def ended(turn_id: UUID, seconds: float = 20) -> TurnStatus:
    """Wait until a turn has ended; how."""

    async def over() -> bool:
        return not TurnStatus((await turn_of(turn_id)).status).active

    await until(over, seconds)
    return TurnStatus((await turn_of(turn_id)).status)


async def frames_of(batches: AsyncIterator[list[Frame]] | None) -> list[Frame]:
    """Everything that a follower is told, to the end; without comments."""
    assert batches is not None
    return [frame async for batch in batches for frame in batch if frame.name]


def fold(frames: Iterable[Frame], text: str = "") -> str:
    """The text that a reader who heard these frames sees, after `text`."""
    for frame in frames:
        data = json.loads(frame.data)
        if frame.name == "text":
            text += data["text"]
        elif frame.name == "snapshot":
            text = data["text"]
        elif frame.name == "restarted":
            text = data.get("text", "")
    return text
