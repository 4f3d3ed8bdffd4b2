"""Answers with tools: a model calls, hears and writes on, within bounds, with the rights of whoever asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from backend.access import Actor
from backend.core.errors import Invalid
from backend.dialogue import DialogueTool, StartedTurn, ToolContext, ask, follow_turn, register_tool, stop, tools
from backend.dialogue.models import Message, TurnStatus
from backend.dialogue.rounds import MAX_CALLS
from backend.dialogue.turns import TurnRunner
from backend.genai import Feature
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer
from tests.support.school import School, found_school, messages_of
from tests.support.tutoring import add_fallback, ended, fold, frames_of, tutoring

TUTOR = frozenset({Feature.STUDENT_DIALOGUE})


class Weight(BaseModel):
    """Arguments of the tests' tool."""

    grams: int = Field(ge=1)


@pytest.fixture(autouse=True)
def no_other_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_tools", {})


@pytest.fixture
def calls() -> Iterator[list[tuple[ToolContext, int]]]:
    yield []


@pytest.fixture
def scale(calls: list[tuple[ToolContext, int]]) -> None:
    async def weigh(context: ToolContext, arguments: Weight) -> str:
        calls.append((context, arguments.grams))
        return f"{arguments.grams} g of flour"

    register(weigh)


def register(
    run: Callable[[ToolContext, Any], Awaitable[str]], features: frozenset[Feature] = TUTOR, **how: Any
) -> None:
    register_tool(DialogueTool("weigh", "Weighs flour.", "Weighing", Weight, run, features, **how))


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def replay() -> AsyncIterator[Replay]:
    async with Replay.openai("Flour and water.") as server:
        yield server


@pytest.fixture
async def runner(school: School, replay: Replay) -> AsyncIterator[TurnRunner]:
    async with tutoring(replay) as running:
        yield running


pytestmark = pytest.mark.usefixtures("runner")


def calling(arguments: str = '{"grams": 500}', text: str = "", times: int = 1) -> Any:
    """An answer that calls the tool."""
    return openai_answer(
        text,
        tool_calls=[(f"call_{place}", "weigh", arguments) for place in range(times)],
        finish_reason="tool_calls",
    )


async def asked(school: School) -> tuple[StartedTurn, Message]:
    turn = await ask(await school.actor(), school.here.id, "How much flour?")
    assert await ended(turn.id) is TurnStatus.FINISHED
    return turn, (await messages_of(turn.conversation_id))[-1]


def told(replay: Replay, request: int = -1) -> list[str]:
    """What the model was told of its calls."""
    return [
        each["content"].removeprefix("Error: ")
        for each in replay.requests[request].json["messages"]
        if each["role"] == "tool"
    ]


@pytest.mark.usefixtures("scale")
async def test_an_answer_goes_on_with_what_the_tool_said(
    school: School, replay: Replay, calls: list[tuple[ToolContext, int]]
) -> None:
    replay.play(calling(text="Let me weigh it."), openai_answer("Half a kilo."))
    turn = await ask(await school.actor(), school.here.id, "How much flour?")
    frames = await frames_of(await follow_turn(await school.actor(), turn.id))
    answer = (await messages_of(turn.conversation_id))[-1]
    assert answer.content == fold(frames) == "Let me weigh it.\n\nHalf a kilo."
    assert [json.loads(frame.data)["label"] for frame in frames if frame.name == "working"] == ["Weighing"]
    first, second = (request.json for request in replay.requests)
    assert [each["function"]["name"] for each in first["tools"]] == ["weigh"]
    assert first["tools"][0]["function"]["parameters"]["required"] == ["grams"]
    assert told(replay) == ["500 g of flour"]
    assert second["messages"][-2]["tool_calls"][0]["id"] == second["messages"][-1]["tool_call_id"]
    assert answer.input_tokens == 22, "both rounds count"
    assert answer.output_tokens is not None
    assert answer.cost_usd == Decimal(22 + 2 * answer.output_tokens) / 1_000_000


@pytest.mark.usefixtures("scale")
async def test_a_tool_acts_as_whoever_asked_whatever_the_model_says(
    school: School, replay: Replay, calls: list[tuple[ToolContext, int]]
) -> None:
    replay.play(calling('{"grams": 1, "actor": "administrator", "section_id": "elsewhere"}'), openai_answer("Done."))
    turn, _ = await asked(school)
    ((context, grams),) = calls
    assert (context.actor.person_id, context.section_id, grams) == (school.members["student"].id, school.here.id, 1)
    assert (context.conversation_id, context.call) == (turn.conversation_id, f"{turn.id}:0")


@pytest.mark.usefixtures("scale")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [('{"grams": 0}', "grams:"), ("{}", "grams: Field required"), ("not JSON", "grams:")],
)
async def test_wrong_arguments_are_told_to_the_model(
    school: School, replay: Replay, arguments: str, complaint: str
) -> None:
    replay.play(calling(arguments), openai_answer("I see."))
    _, answer = await asked(school)
    assert answer.content == "I see."
    assert told(replay)[0].startswith(complaint)


async def test_failures_and_slowness_are_told_to_the_model(school: School, replay: Replay) -> None:
    how: Iterator[Exception | None] = iter([Invalid("The scale is broken."), RuntimeError("secret"), None])

    async def weigh(context: ToolContext, arguments: Weight) -> str:
        if error := next(how):
            raise error
        await asyncio.sleep(60)
        return "never"

    register(weigh, time_limit=0.05)
    replay.play(calling(), calling(), calling(), openai_answer("Weigh it yourself."))
    _, answer = await asked(school)
    assert answer.content == "Weigh it yourself."
    assert told(replay) == [
        "The scale is broken.",
        "Something went wrong on our side.",
        "It took longer than 0.05 seconds.",
    ]


@pytest.mark.usefixtures("scale")
async def test_a_model_that_only_calls_is_asked_to_answer(
    school: School, replay: Replay, calls: list[tuple[ToolContext, int]]
) -> None:
    replay.play(calling(times=4), calling(times=4), openai_answer("Enough."))
    _, answer = await asked(school)
    assert (answer.content, len(calls)) == ("Enough.", MAX_CALLS)
    assert [request.json["tool_choice"] for request in replay.requests] == ["auto", "auto", "none"]
    assert told(replay)[-1] == "That is enough of tools: answer with what you have."
    replay.play(calling(times=99))  # even one that doesn't obey comes to an end
    await asked(school)
    assert len(calls) == 2 * MAX_CALLS


@pytest.mark.usefixtures("scale")
async def test_what_was_written_before_a_call_stands_when_another_model_takes_over(
    school: School, replay: Replay
) -> None:
    replay.play(calling(text="Let me see."), openai_answer("Half a what").pace(30).cut(after=2))
    async with Replay(openai_answer("Half a kilo.")) as other:
        await add_fallback(other)
        turn = await ask(await school.actor(), school.here.id, "How much flour?")
        frames = await frames_of(await follow_turn(await school.actor(), turn.id))
    answer = (await messages_of(turn.conversation_id))[-1]
    assert answer.content == fold(frames) == "Let me see.\n\nHalf a kilo."


async def test_a_stopped_turn_stops_its_tool(school: School, replay: Replay) -> None:
    working, ended_by = asyncio.Event(), []

    async def weigh(context: ToolContext, arguments: Weight) -> str:
        working.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended_by.append("cancelled")
            raise
        return "never"

    register(weigh)
    replay.play(calling(text="Wait."))
    actor = await school.actor()
    turn = await ask(actor, school.here.id, "How much flour?")
    await asyncio.wait_for(working.wait(), 10)
    await stop(actor, turn.id)
    assert await ended(turn.id) is TurnStatus.STOPPED
    assert ended_by == ["cancelled"]
    assert (await messages_of(turn.conversation_id))[-1].content == "Wait.\n\n"


async def test_a_tool_that_isnt_for_this_feature_or_section_isnt_offered(school: School, replay: Replay) -> None:
    async def weigh(context: ToolContext, arguments: Weight) -> str:
        raise AssertionError("nobody may call it")

    async def never(actor: Actor, section_id: UUID) -> bool:
        return False

    register(weigh, features=frozenset({Feature.INSTRUCTOR_DASHBOARD}))
    await asked(school)
    register(weigh, allowed=never)
    await asked(school)
    assert all("tools" not in request.json for request in replay.requests)
