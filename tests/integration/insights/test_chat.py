"""The instructors' chat: figures through tools, on the dialogue's own machinery; no names, no words of students."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core.errors import Forbidden, NotFound
from backend.courses.models import Section
from backend.dialogue import ask, get_runner, list_conversations, recent_conversations, register_tool, tools
from backend.dialogue.models import Message, TurnStatus
from backend.genai import Feature
from backend.insights import DASHBOARD_TOOLS
from backend.insights.chat import MOST_DAYS
from tests.support.activity import Said, Talk, write
from tests.support.genai import model_of, nothing_remembered, register
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer
from tests.support.school import School, change, messages_of
from tests.support.services import environment
from tests.support.tutoring import FAST, ended

DASHBOARD = Feature.INSTRUCTOR_DASHBOARD
SECRET = "Why does my sourdough smell of acetone?"


@pytest.fixture
async def replay(school: School, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replay]:
    monkeypatch.setattr(tools, "_tools", {})
    for tool in DASHBOARD_TOOLS:
        register_tool(tool)
    get_runner.cache_clear()
    async with Replay.openai("It goes well.") as server, nothing_remembered():
        with environment(**FAST):
            await register(model_of(server), features=[DASHBOARD, Feature.STUDENT_DIALOGUE])
            async with get_runner().run():
                yield server
    get_runner.cache_clear()


def calling(*names: str, arguments: str = "{}") -> Any:
    calls = [(f"call_{place}", name, arguments) for place, name in enumerate(names)]
    return openai_answer("", tool_calls=calls, finish_reason="tool_calls")


async def asked(school: School, role: str = "instructor") -> Message:
    turn = await ask(await school.actor(role), school.here.id, "How does it go?", feature=DASHBOARD)
    assert await ended(turn.id) is TurnStatus.FINISHED
    return (await messages_of(turn.conversation_id))[-1]


def told(replay: Replay) -> list[Any]:
    return [json.loads(each["content"]) for each in replay.requests[-1].json["messages"] if each["role"] == "tool"]


async def test_it_answers_from_figures_and_from_nothing_else(school: School, replay: Replay) -> None:
    at, student = datetime.now(UTC) - timedelta(days=2), school.members["student"].id
    said = Said(at, rating=-1, text=SECRET, reason="Dr Snape was of no use")
    await write(school.here, [Talk(student, (said, said), school.lessons["yeast"])])
    replay.play(calling("activity", "questions_by_lesson", "exercise_statistics"), openai_answer("Yeast is hard."))
    assert (await asked(school)).content == "Yeast is hard."
    activity, lessons, exercises = told(replay)
    assert activity["totals"]["questions"] == 2
    assert activity["totals"]["thumbs_down"] == 2
    assert sum(week["questions"] for week in activity["by_week"]) == 2
    assert {each["title"]: each["questions"] for each in lessons["lessons"]}["Yeast"] == 2
    assert [(each["title"], each["students_who_tried"]) for each in exercises["exercises"]] == [("Loaves", 0)]
    wire = b"".join(request.body for request in replay.requests).decode()
    for secret in (SECRET, "Snape", "student@", str(student)):
        assert secret not in wire
    assert "Baking" in replay.requests[0].json["messages"][0]["content"]


async def test_days_are_bounded_and_the_sections_own(school: School, replay: Replay) -> None:
    replay.play(
        calling("activity", arguments=json.dumps({"days": MOST_DAYS + 1})),
        calling("activity", arguments='{"days": 7}'),
        openai_answer("A week."),
    )
    await asked(school, "assistant")
    (refused,) = [each for each in replay.requests[1].json["messages"] if each["role"] == "tool"]
    assert "less than or equal to 366" in refused["content"]
    shown = json.loads(replay.requests[-1].json["messages"][-1]["content"])
    assert datetime.fromisoformat(shown["to"]) - datetime.fromisoformat(shown["from"]) == timedelta(days=6)


@pytest.mark.parametrize(
    ("role", "error"),
    [("student", Forbidden), ("instructor_elsewhere", NotFound), ("administrator", Forbidden)],
)
async def test_only_who_teaches_here_may_ask(school: School, replay: Replay, role: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await asked(school, role)
    with pytest.raises(error):
        await list_conversations(await school.actor(role), school.here.id, feature=DASHBOARD)
    assert replay.requests == []


async def test_its_talks_and_the_tutors_are_kept_apart(school: School, replay: Replay) -> None:
    await change(Section, school.here.id, assistant_enabled=False)  # the tutor's switch isn't this chat's
    talk = (await asked(school)).conversation_id
    actor = await school.actor("instructor")
    assert [each.id for each in await list_conversations(actor, school.here.id, feature=DASHBOARD)] == [talk]
    assert await list_conversations(actor, school.here.id) == []
    assert await recent_conversations(actor) == []
    await change(Section, school.here.id, assistant_enabled=True)
    with pytest.raises(NotFound):
        await ask(actor, school.here.id, "And flour?", conversation_id=talk)


async def test_who_no_longer_teaches_here_doesnt_go_on(school: School, replay: Replay) -> None:
    talk = (await asked(school)).conversation_id
    actor = await school.actor("instructor")
    student = type(actor)(
        person_id=actor.person_id, roles={school.here.id: (await school.actor()).roles[school.here.id]}
    )
    with pytest.raises(Forbidden):
        await ask(student, school.here.id, "And now?", feature=DASHBOARD, conversation_id=talk)
