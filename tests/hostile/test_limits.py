"""Students who want more than they may: by every door, at once, and by the forms that aren't theirs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from app.state.chat import ChatState
from app.state.limits import LimitsState
from app.state.session import Session
from app.state.tutor import TutorState
from backend.core import windows
from backend.core.database import transaction
from backend.dialogue.models import Conversation, Message, MessageRole
from backend.genai.models import UsageLimits
from tests.support.limits import limit, use_tokens
from tests.support.replay import Replay
from tests.support.school import School, converse, found_school, messages_of, open_session
from tests.support.tab import Tab, Told, running_app
from tests.support.tutoring import ended, tutoring
from tests.support.web import browser

LESSON = {"section": "baking-autumn", "lesson": "flour"}
TOO_FAST = "You can send"
SPENT = "You have used today's 100 tokens."


@pytest.fixture
async def school(services: None) -> AsyncIterator[School]:
    windows._in_memory.cache_clear()
    async with Replay.openai("Knead it.") as replay, tutoring(replay, STOA_GENAI_CONFIG_CACHE="0"), running_app():
        yield await found_school()


async def tab_of(school: School, role: str = "student", path: str = "/s/[section]/l/[lesson]", **query: str) -> Tab:
    tab = Tab()
    await tab.connect(school.cookie(role))
    await tab.load(path, **(query or LESSON))
    return tab


def event(state: type[Session], handler: str) -> str:
    return f"{state.get_full_name()}.{handler}"


async def send(tab: Tab, text: str = "Why salt?") -> Told:
    """Send, and wait for the answer's end."""
    told = await tab.send(event(TutorState, "send"), text=text)
    if turn := told["tutor_state.turn"]:
        await ended(UUID(turn["id"]))
        await tab.send(event(TutorState, "turn_ended"), turn_id=turn["id"])
    return told


async def questions(school: School) -> int:
    async with transaction() as session:
        statement = (
            select(Message.id)
            .join(Conversation)
            .where(
                Conversation.person_id == school.members["student"].id,
                Message.role == MessageRole.USER,
            )
        )
        return len((await session.exec(statement)).all())


async def every_door(school: School, talk: UUID, refusal: str) -> None:
    """Nothing is stored and nobody asked, whichever way the student takes."""
    member = school.members["student"]
    question, answer = (await messages_of(talk))[:2]
    before = await questions(school)
    tabs = [await tab_of(school), await tab_of(school, path="/s/[section]/chat/[[conversation]]", **LESSON)]
    other = Tab()
    await other.connect(f"stoa_session={await open_session(member.id)}")  # another browser
    await other.load("/s/[section]/l/[lesson]", **LESSON)
    for tab in (*tabs, other):
        tries: list[tuple[str, dict[str, Any]]] = [
            ("send", {"text": "Why salt?"}),
            ("edit_message", {"message_id": str(question.id), "text": "Why rye?"}),
            ("regenerate_answer", {"message_id": str(answer.id)}),
        ]
        for handler, payload in tries:
            assert refusal in (await tab.send(event(TutorState, handler), **payload)).refusal, handler
        await tab.send(event(TutorState, "new_conversation"))
        assert refusal in (await send(tab)).refusal
    async with browser(member.cookie) as client:
        for body in ({}, {"conversation": str(talk)}, {"lesson": "flour"}):
            response = await client.post(
                "/api/v1/turns", json={"section": "baking-autumn", "text": "Why salt?", **body}
            )
            assert (response.status_code, refusal in response.json()["error"]["message"]) == (429, True)
            assert int(response.headers["retry-after"]) >= 1
    assert await questions(school) == before


async def test_every_door_counts_the_same_messages(school: School) -> None:
    await limit(school.here.id, messages_per_minute=2)
    talk = await converse(school.members["student"], school.here, "Why flour?", "Gluten.")
    tab = await tab_of(school)
    assert [(await send(tab)).refusal for _ in range(2)] == ["", ""]
    await every_door(school, talk, TOO_FAST)


async def test_every_door_counts_the_same_tokens(school: School) -> None:
    await limit(None, tokens_per_day_person=100)
    talk = await converse(school.members["student"], school.here, "Why flour?", "Gluten.")
    await use_tokens(school.here.id, school.members["student"].id, 100)
    await every_door(school, talk, SPENT)


async def test_deleting_what_was_said_gives_no_tokens_back(school: School) -> None:
    await limit(None, tokens_per_day_person=10)
    tab = await tab_of(school)
    assert (await send(tab)).refusal == ""
    async with tab.held(TutorState) as tutor:
        talk = tutor.conversation_id
    await tab.send(event(ChatState, "delete"), conversation_id=talk)
    assert await questions(school) == 0
    assert "You have used today's 10 tokens." in (await send(await tab_of(school))).refusal


async def test_a_tab_and_many_programs_at_once_get_no_more_together(school: School) -> None:
    await limit(school.here.id, messages_per_minute=5)
    tab = await tab_of(school)

    async def by_program() -> bool:
        async with browser(school.cookie("student")) as client:
            response = await client.post("/api/v1/turns", json={"section": "baking-autumn", "text": "Why salt?"})
            return response.status_code == 202

    async def by_tab() -> bool:
        return not (await tab.send(event(TutorState, "send"), text="Why salt?")).refusal

    results = await asyncio.gather(by_tab(), *(by_program() for _ in range(15)))
    assert sum(results) == 5
    assert await questions(school) == 5


async def test_limits_forged_into_the_tabs_state_change_nothing(school: School) -> None:
    await limit(school.here.id, messages_per_minute=1)
    tab = await tab_of(school)
    await send(tab)
    async with tab.held(TutorState) as tutor:
        tutor.allowance = None
        tutor.disabled_reason = ""
    assert TOO_FAST in (await send(tab)).refusal


@pytest.mark.parametrize("role", ["student", "assistant", "instructor"])
async def test_nobody_raises_their_own_limits(school: School, role: str) -> None:
    await limit(school.here.id, messages_per_minute=1)
    tab = await tab_of(school, role, "/admin/limits/[[section]]", section="baking-autumn")
    more = {"section": str(school.here.id), "version": "1", "messages_per_minute": "1000"}
    async with tab.held(LimitsState) as held:
        held.slug, held.values = "baking-autumn", more
    tries: list[tuple[str, dict[str, Any]]] = [
        ("save", {"values": more}),
        ("save", {"values": {"messages_per_minute": "1000"}}),
        ("remove", {"section_id": str(school.here.id), "version": "1"}),
        ("reload", {}),
        ("search_for", {"text": "baking"}),
    ]
    for handler, payload in tries:
        assert "access" in (await tab.send(event(LimitsState, handler), **payload)).refusal, handler
    async with transaction() as session:
        (row,) = (await session.exec(select(UsageLimits))).all()
    assert (row.messages_per_minute, row.version) == (1, 1)


NONSENSE: list[Any] = [
    None, 7, "text", [], ["a"], {"messages_per_minute": 5}, {"messages_per_minute": ["5"]}, {"version": {}},
    {"messages_per_minute": "5" * 9000}, {"section": "'; DROP TABLE people; --", "messages_per_minute": "\0"},
    {"version": "9" * 400, "messages_per_minute": "5"}, {"version": "-1", "messages_per_minute": "5"},
]  # fmt: skip


@pytest.mark.parametrize("values", NONSENSE, ids=lambda values: repr(values)[:40])
async def test_a_form_full_of_nonsense_stores_nothing(school: School, values: Any) -> None:
    tab = await tab_of(school, "administrator", "/admin/limits/[[section]]")
    told = await tab.send(event(LimitsState, "save"), values=values)
    assert told.refusal or told["limits_state.errors"]
    assert "Something went wrong" not in told.refusal
    async with transaction() as session:
        assert (await session.exec(select(UsageLimits))).all() == []


@pytest.mark.parametrize("text", [None, 7, ["a"], {"a": 1}, "%_\\", "\0", "\ud800", "x" * 5000], ids=repr)
async def test_a_search_for_nonsense_finds_nothing(school: School, text: Any) -> None:
    tab = await tab_of(school, "administrator", "/admin/limits/[[section]]")
    told = await tab.send(event(LimitsState, "search_for"), text=text)
    assert "Something went wrong" not in told.refusal
    assert not told["limits_state.sections"]


# What the tutor's panel is told


async def test_the_panel_is_told_before_a_limit_bites_and_when_it_does(school: School) -> None:
    await limit(school.here.id, messages_per_minute=2, tokens_per_day_person=1000)
    tab = await tab_of(school)
    async with tab.held(TutorState) as tutor:
        assert tutor.allowance is None
    told = await send(tab)
    assert told["tutor_state.allowance"]["standing"] == "low"
    assert told["tutor_state.allowance"]["text"] == "You can send one more message in this minute."
    told = await send(tab)
    assert told["tutor_state.allowance"]["standing"] == "paused"
    assert 50 <= told["tutor_state.allowance"]["seconds"] <= 60
    told = await send(tab)
    assert told["tutor_state.failure"]["said_elsewhere"] is True
    await use_tokens(school.here.id, school.members["student"].id, 1000)
    told = await tab.send(event(TutorState, "look_at_allowance"))
    assert told["tutor_state.allowance"]["standing"] == "spent"
    await limit(school.here.id)
    await tab.send(event(TutorState, "look_at_allowance"))
    async with tab.held(TutorState) as tutor:
        assert tutor.allowance is None


async def test_where_the_tutor_is_off_no_limit_is_told(school: School) -> None:
    await limit(school.here.id, tokens_per_day_person=1)
    await use_tokens(school.here.id, school.members["student"].id, 1)
    tab = await tab_of(school)
    async with tab.held(TutorState) as tutor:
        assert tutor.allowance["standing"] == "spent"
    await tab.load("/s/[section]/l/[lesson]", section="baking-autumn", lesson="exam")
    async with tab.held(TutorState) as tutor:
        assert (tutor.allowance, bool(tutor.disabled_reason)) == (None, True)
