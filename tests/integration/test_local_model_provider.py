"""The providers against a real language model: SmolLM2 on llama.cpp's server, which `make setup` installs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from uuid import uuid4

import pytest

from backend.core.embedded.local_model import ensure_local_model, local_model_installed, stop_local_model
from backend.genai.errors import ContextTooLong
from backend.genai.providers import Provider
from backend.genai.schemas import (
    AssistantMessage,
    Finished,
    FinishReason,
    ModelSpec,
    Prompt,
    ProviderName,
    ResponseSchema,
    SystemMessage,
    TextDelta,
    UserMessage,
)
from tests.support.replay_client import provider_of, text_of, usage_of
from tests.support.services import environment

pytestmark = pytest.mark.skipif(
    not local_model_installed(), reason="the local model isn't installed (make setup installs it)"
)

CAPITAL = ResponseSchema(
    "capital",
    {
        "type": "object",
        "properties": {"country": {"type": "string", "maxLength": 20}, "inhabitants": {"type": "integer"}},
        "required": ["country", "inhabitants"],
    },
)


@pytest.fixture(scope="module", autouse=True)
def _own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with environment(STOA_DATA_DIR=str(tmp_path_factory.mktemp("data"))):
        yield
        stop_local_model()


@pytest.fixture
async def model() -> AsyncIterator[Provider]:
    """The local model as Stoa registers it."""
    port = await ensure_local_model()
    address = f"http://127.0.0.1:{port}/v1"
    patience = {"first_token_timeout": 60.0, "stall_timeout": 60.0}  # its two threads may have to wait for a core
    spec = ModelSpec(uuid4(), "local", ProviderName.OPENAI, "local", base_url=address, supports_tools=False, **patience)
    async with provider_of(spec) as provider:
        yield provider


async def test_text_is_streamed_and_usage_reported(model: Provider):
    prompt = Prompt(
        [
            SystemMessage("You are a tutor. Answer in one sentence."),
            UserMessage("Hello!"),
            AssistantMessage("Hello! What would you like to learn?"),
            UserMessage("What is water made of?"),
        ],
        temperature=0.0,
        max_output_tokens=60,
    )
    events = [event async for event in model.stream(prompt)]
    pieces = [event for event in events if isinstance(event, TextDelta)]
    assert len(pieces) > 1  # on a busy machine several tokens arrive at once
    assert text_of(events).strip()
    usage = usage_of(events)
    assert not usage.estimated
    assert usage.input_tokens > 20
    assert 3 < usage.output_tokens <= 60
    assert isinstance(events[-1], Finished)
    assert events[-1].reported_model


async def test_token_limit_ends_the_answer(model: Provider):
    prompt = Prompt([UserMessage("Count from one to one hundred in words.")], temperature=0.0, max_output_tokens=8)
    events = [event async for event in model.stream(prompt)]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.LENGTH
    assert usage_of(events).output_tokens == 8


async def test_structured_output_satisfies_its_schema(model: Provider):
    question = [UserMessage("Tell me about France.")]
    prompt = Prompt(question, response_schema=CAPITAL, temperature=0.0, max_output_tokens=400)
    answer = json.loads(text_of([event async for event in model.stream(prompt)]))
    assert set(answer) == {"country", "inhabitants"}
    assert isinstance(answer["inhabitants"], int)


async def test_stopping_frees_the_model_at_once(model: Provider):
    async with aclosing(model.stream(Prompt([UserMessage("Tell me a very long story.")]))) as events:
        async for _ in events:
            break
    began = time.perf_counter()
    short = Prompt([UserMessage("Say hello.")], temperature=0.0, max_output_tokens=5)
    assert text_of([event async for event in model.stream(short)])
    assert time.perf_counter() - began < 30, "a very long story takes minutes"


async def test_several_answers_at_once(model: Provider):
    async def ask(question: str) -> str:
        prompt = Prompt([UserMessage(question)], temperature=0.0, max_output_tokens=12)
        return text_of([event async for event in model.stream(prompt)])

    answers = await asyncio.gather(*(ask(f"What is {n} plus {n}?") for n in range(4)))
    assert all(answer.strip() for answer in answers)


async def test_prompt_beyond_the_context_window_is_told_as_such(model: Provider):
    with pytest.raises(ContextTooLong) as raised:
        async for _ in model.stream(Prompt([UserMessage("word " * 60_000)], max_output_tokens=5)):
            pass
    assert "context" in raised.value.detail
