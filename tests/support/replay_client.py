"""Asking a replay server through the provider under test."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from backend.genai.errors import CompletionError
from backend.genai.providers import Provider, open_provider
from backend.genai.schemas import ModelSpec, Prompt, ProviderEvent, TextDelta, Usage, UserMessage
from tests.support.replay import API_KEY, Replay
from tests.support.replay_answers import Answer

PROMPT = Prompt([UserMessage("What is a mole?")])


@asynccontextmanager
async def provider_of(spec: ModelSpec) -> AsyncIterator[Provider]:
    """An open provider, closed in the end."""
    provider = open_provider(spec)
    try:
        yield provider
    finally:
        await provider.aclose()


async def ask(replay: Replay, prompt: Prompt = PROMPT, **changes: Any) -> list[ProviderEvent]:
    """The whole answer of the server's model; `changes` are to its spec."""
    async with provider_of(replay.spec(**changes)) as provider:
        return [event async for event in provider.stream(prompt)]


async def answered(answer: Answer, prompt: Prompt = PROMPT, **changes: Any) -> list[ProviderEvent]:
    """What becomes of one scripted answer."""
    async with Replay(answer) as replay:
        return await ask(replay, prompt, **changes)


async def failed(
    answer: Answer, prompt: Prompt = PROMPT, **changes: Any
) -> tuple[list[ProviderEvent], CompletionError]:
    """What comes before the error that a scripted answer ends in, and the error."""
    async with Replay(answer) as replay:
        return await failure_of(replay.spec(**changes), prompt)


async def failure_of(spec: ModelSpec, prompt: Prompt = PROMPT) -> tuple[list[ProviderEvent], CompletionError]:
    """What comes before the error that a model ends in, and the error, which holds no secret."""
    events: list[ProviderEvent] = []
    async with provider_of(spec) as provider:
        try:
            async for event in provider.stream(prompt):
                events.append(event)
        except CompletionError as error:
            assert API_KEY not in error.detail
            return events, error
    raise AssertionError(f"no error, but {events}")


def text_of(events: Sequence[ProviderEvent]) -> str:
    """The answer's text."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def usage_of(events: Sequence[ProviderEvent]) -> Usage:
    """The answer's one usage, which stands directly before the last event."""
    usages = [event for event in events if isinstance(event, Usage)]
    assert len(usages) == 1
    assert events[-2] is usages[0]
    return usages[0]
