"""Time limits, cancellation and the connection: at 1/20 of their usual scale."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from backend.genai.errors import ProviderUnavailable
from backend.genai.schemas import Finished, TextDelta
from tests.support.replay import Replay, unanswered_port
from tests.support.replay_answers import (
    Answer,
    Pause,
    anthropic_answer,
    chunk,
    event,
    openai_answer,
    openai_error,
    raw_answer,
)
from tests.support.replay_client import PROMPT, answered, failed, failure_of, provider_of, text_of

LIMITS = {"connect_timeout": 0.25, "first_token_timeout": 0.4, "stall_timeout": 0.4, "total_timeout": 5.0}

both_wires = pytest.mark.parametrize("answer_of", [openai_answer, anthropic_answer], ids=["openai", "anthropic"])


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    """The first request of a process pays for the SDKs' imports."""
    asyncio.run(answered(openai_answer()))
    asyncio.run(answered(anthropic_answer()))


async def timed_failure(answer: Answer, **changes: Any) -> tuple[str, str, float]:
    """The text before the failure, its detail, and the seconds it took."""
    began = time.perf_counter()
    events, error = await failed(answer, **{**LIMITS, **changes})
    assert type(error) is ProviderUnavailable
    return text_of(events), error.detail, time.perf_counter() - began


@both_wires
async def test_silence_before_headers_ends_at_first_token_timeout(answer_of: Callable[..., Answer]):
    _, detail, took = await timed_failure(answer_of().hang_before_headers())
    assert detail == "no token within 0.4 s"
    assert 0.4 <= took < 1.2


@both_wires
async def test_headers_alone_are_no_token(answer_of: Callable[..., Answer]):
    _, detail, took = await timed_failure(answer_of().late(0.2).hang_after_headers())
    assert detail == "no token within 0.4 s"
    assert 0.4 <= took < 1.2


@pytest.mark.parametrize(
    "answer",
    [
        raw_answer(*[step for _ in range(60) for step in (b": ping\n\n", Pause(0.05))]),
        raw_answer(*[step for _ in range(60) for step in (chunk({"role": "assistant", "content": ""}), Pause(0.05))]),
        raw_answer(*[step for _ in range(60) for step in (event("ping"), Pause(0.05))], wire="anthropic"),
        raw_answer(*[step for _ in range(60) for step in (b"data: nonsense\n\n", Pause(0.05))]),
    ],
    ids=["comments", "role only", "pings", "malformed"],
)
async def test_noise_is_no_token(answer: Answer):
    _, detail, took = await timed_failure(answer)
    assert detail == "no token within 0.4 s"
    assert 0.4 <= took < 1.2


@both_wires
async def test_stall_between_tokens_ends_at_stall_timeout(answer_of: Callable[..., Answer]):
    text, detail, took = await timed_failure(answer_of("one two three").hang(after=2))
    assert text == "one two "
    assert detail == "stalled: no further token within 0.4 s"
    assert 0.4 <= took < 1.2


async def test_pings_dont_hide_a_stall():
    answer = anthropic_answer("one two three")
    for _ in range(40):
        answer = answer.insert(Pause(0.05), after=1).insert(event("ping"), after=1)
    _, detail, _ = await timed_failure(answer)
    assert detail.startswith("stalled")


async def test_slow_tokens_are_no_stall():
    events = await answered(openai_answer("one two three four five six").pace(5), **{**LIMITS, "total_timeout": 20.0})
    assert text_of(events) == "one two three four five six"


async def test_reasoning_and_tool_arguments_are_tokens():
    reasoning = openai_answer("done", reasoning=["hm"] * 5).pace(5)
    assert text_of(await answered(reasoning, **LIMITS)) == "done"
    call = openai_answer("", tool_calls=[("c", "f", '{"a": "aaaaaaaaaaaaaaaaaaaaa"}')]).pace(5)
    assert isinstance((await answered(call, **LIMITS))[-1], Finished)
    thinking = anthropic_answer("done", thinking=["hm"] * 5).pace(5)
    assert text_of(await answered(thinking, **LIMITS)) == "done"


async def test_total_timeout_ends_a_stream_that_goes_on():
    text, detail, took = await timed_failure(openai_answer("word " * 100).pace(20), total_timeout=0.8)
    assert text.startswith("word word ")
    assert detail == "not finished within 0.8 s"
    assert 0.8 <= took < 1.6


async def test_total_timeout_counts_before_the_first_token_too():
    _, detail, _ = await timed_failure(openai_answer().hang_before_headers(), total_timeout=0.2)
    assert detail == "not finished within 0.2 s"


async def test_connect_timeout():
    with unanswered_port() as port:
        began = time.perf_counter()
        spec = Replay.openai().spec(base_url=f"http://127.0.0.1:{port}/v1", **{**LIMITS, "first_token_timeout": 5.0})
        _, error = await failure_of(spec)
    assert type(error) is ProviderUnavailable
    assert error.detail == "no connection within 0.25 s"
    assert time.perf_counter() - began < 3


async def test_slow_reader_of_the_answer_stalls_nothing():
    async with Replay(openai_answer("one two three").pace(20)) as replay, provider_of(replay.spec(**LIMITS)) as model:
        text = ""
        async for part in model.stream(PROMPT):
            if isinstance(part, TextDelta):
                text += part.text
                await asyncio.sleep(0.5)
    assert text == "one two three"


@pytest.mark.parametrize("done", [True, False])
async def test_whole_answer_on_a_stream_left_open_is_finished(done: bool):
    answer = openai_answer("one two", done=done).insert(Pause(0), 2)
    left_open = raw_answer(*answer.steps, Pause(30))
    began = time.perf_counter()
    events = await answered(left_open, **LIMITS)
    assert isinstance(events[-1], Finished)
    assert time.perf_counter() - began < 2


# The user stops, the tab closes


@both_wires
async def test_closing_the_generator_closes_the_connection(answer_of: Callable[..., Answer]):
    async with Replay(answer_of("word " * 300).pace(30)) as replay, provider_of(replay.spec()) as model:
        async with aclosing(model.stream(PROMPT)) as events:
            async for _ in events:
                break
        stopped = time.monotonic()
        await asyncio.wait_for(replay.requests[0].closed.wait(), 3)
    assert replay.requests[0].hung_up
    assert replay.requests[0].closed_at is not None
    assert replay.requests[0].closed_at - stopped < 1


@pytest.mark.parametrize(
    "answer",
    [
        openai_answer().hang_before_headers(),
        openai_answer().hang_after_headers(),
        openai_answer("one two").hang(after=1),
        openai_answer("word " * 300).pace(30),
        openai_error(500, "x").late(30),
        anthropic_answer("word " * 300).pace(30),
    ],
    ids=["before headers", "after headers", "mid-stream", "streaming", "before an error", "anthropic"],
)
async def test_cancelling_the_task_closes_the_connection(answer: Answer):
    async with Replay(answer) as replay, provider_of(replay.spec()) as model:

        async def read() -> None:
            async for _ in model.stream(PROMPT):
                pass

        reading = asyncio.create_task(read())
        while not replay.requests:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(replay.requests[0].closed.wait(), 1)
    assert replay.requests[0].hung_up


async def test_closing_the_provider_fails_its_answers():
    async with Replay(openai_answer("word " * 300).pace(30)) as replay, provider_of(replay.spec()) as model:
        with pytest.raises(ProviderUnavailable):
            async for _ in model.stream(PROMPT):
                await model.aclose()


# One pooled client per model


async def test_connection_is_used_again():
    async with Replay(openai_answer()) as replay, provider_of(replay.spec()) as model:
        for _ in range(3):
            async for _ in model.stream(PROMPT):
                pass
    assert (len(replay.requests), replay.connections_opened) == (3, 1)


async def test_connection_is_used_again_after_an_error():
    async with Replay(openai_error(503, "later"), openai_answer()) as replay, provider_of(replay.spec()) as model:
        with pytest.raises(ProviderUnavailable):
            await anext(model.stream(PROMPT))
        async for _ in model.stream(PROMPT):
            pass
    assert (len(replay.requests), replay.connections_opened) == (2, 1)


async def test_one_provider_streams_many_answers_at_once():
    async with Replay(openai_answer("one two three four").pace(20)) as replay, provider_of(replay.spec()) as model:

        async def read() -> str:
            return text_of([part async for part in model.stream(PROMPT)])

        assert await asyncio.gather(*(read() for _ in range(50))) == ["one two three four"] * 50
    assert replay.connections_opened == 50
