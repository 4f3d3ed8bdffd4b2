"""Events that carry anything but what a page sends, and events while Postgres is away: answered in words."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.state.chat import ChatState
from app.state.session import Session
from app.state.tutor import TutorState
from tests.support.replay import Replay
from tests.support.school import School, converse, found_school, messages_of
from tests.support.tab import Tab, Told, running_app
from tests.support.tutoring import tutoring
from tests.support.web import closed

SECRET = "my secret worry"
AWAY = "reach one of its services"

NONSENSE: list[Any] = [
    None, True, -1, 10**30, 1.5, "", "x" * 100_000, "' OR 1=1; DROP TABLE people; --", "\0", "\ud83d", "{course}",
    "<script>alert(1)</script>", [], ["x"], {}, {"title": None}, {"title": ["x"]}, {"a": {"b": 1}},
]  # fmt: skip


@pytest.fixture
async def school(services: None) -> AsyncIterator[School]:
    async with Replay.openai("Knead it.") as replay, tutoring(replay), running_app():
        yield await found_school()


async def secret_talk(school: School) -> UUID:
    return await converse(school.members["student"], school.here, SECRET, "Take heart.", title=SECRET)


async def tab_in(school: School, talk: UUID) -> Tab:
    """The student's tab with the conversation open."""
    tab = Tab()
    await tab.connect(school.cookie("student"))
    await tab.load("/s/baking-autumn/chat/x", section="baking-autumn", conversation=str(talk))
    return tab


def event(state: type[Session], handler: str) -> str:
    return f"{state.get_full_name()}.{handler}"


EVENTS: dict[type[Session], dict[str, tuple[str, ...]]] = {
    Session: {"tell": ("text", "tone")},
    TutorState: {
        "send": ("text",),
        "edit_message": ("message_id", "text"),
        "regenerate_answer": ("message_id",),
        "stop_turn": ("turn_id",),
        "rate_answer": ("message_id", "rating", "reason"),
        "turn_ended": ("turn_id",),
    },
    ChatState: {
        "search_for": ("text",),
        "ask_rename": ("conversation_id",),
        "rename": ("form",),
        "ask_delete": ("conversation_id",),
        "delete": ("conversation_id",),
    },
}


@pytest.mark.parametrize("state", list(EVENTS), ids=lambda state: state.__name__)
async def test_nonsense_of_any_type_is_answered_in_words(school: School, state: type[Session]) -> None:
    talk = await secret_talk(school)
    answer = (await messages_of(talk))[1]
    tab = await tab_in(school, talk)
    with capture_logs():
        for handler, parameters in EVENTS[state].items():
            known = {"message_id": str(answer.id), "rating": 1} if len(parameters) > 1 else {}
            for nonsense in NONSENSE:
                payload = {name: known.get(name, nonsense) for name in parameters}
                assert_plain(await tab.send(event(state, handler), **payload))
            assert_plain(await tab.send(event(state, handler)))
            assert_plain(await tab.send(event(state, handler), unknown="argument"))
    assert (await tab.load("/"))["session.name"] == "Student", "the tab still works"


def assert_plain(told: Told) -> None:
    for trace in ("Traceback", "sqlalchemy", "psycopg", "Error:", "object has no attribute", "/work/", "SELECT "):
        assert trace not in told.wire


async def test_without_postgres_the_tab_is_told_why(school: School, database: str) -> None:
    tab = await tab_in(school, await secret_talk(school))
    with capture_logs(), closed(database):
        told = await tab.send(event(TutorState, "send"), text="Hello")
        assert AWAY in told.refusal
        told = await tab.load("/")
        assert AWAY in told.refusal
    assert (await tab.load("/"))["session.name"] == "Student"


async def test_without_postgres_the_next_person_is_sent_nothing_of_the_last(school: School, database: str) -> None:
    tab = await tab_in(school, await secret_talk(school))
    with capture_logs(), closed(database):
        await tab.connect("stoa_session=another")
        for name in ("reflex___state____state.hydrate_and_load", event(TutorState, "turn_ended")):
            assert SECRET not in (await tab.send(name)).wire
        assert SECRET not in str(await tab.state())


async def test_a_title_that_is_no_form_is_refused_by_its_rule(school: School) -> None:
    talk = await secret_talk(school)
    tab = await tab_in(school, talk)
    await tab.send(event(ChatState, "ask_rename"), conversation_id=str(talk))
    assert (await tab.send(event(ChatState, "rename"), form=["x"])).refusal == "Give the conversation a title."


async def test_an_address_that_cannot_be_stored_is_not_called_our_fault(school: School) -> None:
    tab = Tab()
    await tab.connect()
    told = await tab.load("/login?problem=invalid")
    assert told["login_state.failure"] == "That isn't valid."


async def test_nobody_has_chosen_a_theme(school: School) -> None:
    tab = Tab()
    await tab.connect(school.cookie("student"))
    assert (await tab.load("/"))["session.theme"] == "system"
    await tab.connect()
    await tab.load("/login")
    assert (await tab.state())[Session.get_full_name()]["theme_rx_state_"] == ""
