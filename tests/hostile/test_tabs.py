"""Pages under attack: what a tab can be made to hold, to send and to be sent."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from app.state.chat import ChatState
from app.state.session import Session
from app.state.tutor import TutorState
from backend.access import Role, sign_out
from backend.dialogue.models import TurnStatus
from tests.support.replay import Replay
from tests.support.school import Member, School, begin_turn, converse, found_school, make_member, messages_of, turn_of
from tests.support.tab import Tab, running_app
from tests.support.tutoring import ended, tutoring

SECTION = {"section": "baking-autumn"}
LESSON = {**SECTION, "lesson": "flour"}
SECRET = "my secret worry"
BOOT = "reflex___state____state.hydrate_and_load"


@pytest.fixture
async def school(services: None) -> AsyncIterator[School]:
    async with Replay.openai("Knead it.") as replay, tutoring(replay), running_app():
        yield await found_school()


@pytest.fixture
async def fellow(school: School) -> Member:
    """Another student of the same section."""
    return await make_member("Robin Park", school.here, Role.STUDENT)


async def tab_of(cookie: str, path: str = "/404", **query: str) -> Tab:
    tab = Tab()
    await tab.connect(cookie)
    await tab.load(path, **query)
    return tab


def event(state: type[Session], handler: str) -> str:
    return f"{state.get_full_name()}.{handler}"


async def secret_talk(school: School) -> Any:
    return await converse(
        school.members["student"], school.here, SECRET, "Take heart.", lesson_key=school.lessons["flour"], title=SECRET
    )


# Another student's ids


async def test_a_fellow_students_ids_do_nothing_and_tell_nothing(school: School, fellow: Member) -> None:
    talk = await secret_talk(school)
    question, answer = await messages_of(talk)
    running = await begin_turn(await secret_talk(school))
    tab = await tab_of(fellow.cookie, "/s/baking-autumn/l/flour", **LESSON)
    tries: list[tuple[type[Session], str, dict[str, Any]]] = [
        (TutorState, "edit_message", {"message_id": str(question.id), "text": "mine"}),
        (TutorState, "regenerate_answer", {"message_id": str(answer.id)}),
        (TutorState, "rate_answer", {"message_id": str(answer.id), "rating": -1, "reason": "x"}),
        (TutorState, "stop_turn", {"turn_id": str(running.id)}),
        (ChatState, "delete", {"conversation_id": str(talk)}),
    ]
    for state, handler, payload in tries:
        told = await tab.send(event(state, handler), **payload)
        assert told.refusal, handler
        assert SECRET not in told.wire
    await tab.send(event(ChatState, "ask_rename"), conversation_id=str(talk))
    assert (await tab.send(event(ChatState, "rename"), form={"title": "mine"})).refusal
    told = await tab.load("/s/baking-autumn/chat/x", **SECTION, conversation=str(talk))
    assert "no such conversation" in told.refusal
    assert SECRET not in told.wire
    assert SECRET not in str(await tab.state())
    assert [row.content for row in await messages_of(talk)] == [SECRET, "Take heart."]
    assert (await turn_of(running.id)).stop_requested_at is None


async def test_a_conversation_id_put_into_the_state_opens_nothing(school: School, fellow: Member) -> None:
    talk = await secret_talk(school)
    tab = await tab_of(fellow.cookie, "/s/baking-autumn/l/flour", **LESSON)
    for handler, payload in (
        ("send", {"text": "hello"}),
        ("turn_ended", {"turn_id": str(uuid4())}),
        ("show_earlier", {}),
    ):
        async with tab.held(TutorState) as tutor:
            tutor.conversation_id = str(talk)
            tutor.messages = [{"id": str(uuid4())}]
        told = await tab.send(event(TutorState, handler), **payload)
        assert told.refusal, handler
        assert SECRET not in told.wire
    assert len(await messages_of(talk)) == 2


# Who acts


@pytest.mark.parametrize("way", ["sign-out", "another signs in", "session ended elsewhere"])
async def test_what_the_last_person_saw_is_gone_before_the_next_is_sent_anything(
    school: School, fellow: Member, way: str
) -> None:
    student = school.members["student"]
    talk = await secret_talk(school)
    tab = await tab_of(student.cookie, "/s/baking-autumn/chat/x", **SECTION, conversation=str(talk))
    await tab.load("/account")
    assert SECRET in str(await tab.state())
    await sign_out(student.token)
    if way == "another signs in":
        await tab.connect(fellow.cookie)
    elif way == "sign-out":
        await tab.connect("")
    told = await tab.load("/404")
    for trace in (SECRET, "Take heart.", str(talk), student.email, str(student.id)):
        assert trace not in told.wire
        assert trace not in str(await tab.state())
    assert told["session.person"] == (str(fellow.id) if way == "another signs in" else "")
    async with tab.held(TutorState) as tutor:
        assert (tutor._section_id, tutor._lesson_key, tutor.conversation_id) == (None, None, "")
    async with tab.held(ChatState) as chat:
        assert (chat._lessons, chat.history) == ({}, [])


async def test_any_event_of_the_next_person_drops_what_the_last_one_left(school: School, fellow: Member) -> None:
    talk = await secret_talk(school)
    tab = await tab_of(school.members["student"].cookie, "/s/baking-autumn/chat/x", **SECTION, conversation=str(talk))
    await tab.connect(fellow.cookie)
    for name in (event(TutorState, "turn_ended"), event(ChatState, "show_more"), event(Session, "tell")):
        payload = {"text": "x"} if name.endswith("tell") else {"turn_id": "x"} if name.endswith("ended") else {}
        told = await tab.send(name, **payload)
        assert SECRET not in told.wire
    assert SECRET not in str(await tab.state())


@pytest.mark.parametrize(
    "cookie",
    [
        "stoa_session=",
        "stoa_session={token}x",
        "stoa_session={short}",
        "stoa_session={upper}",
        "xstoa_session={token}",
        "stoa_session={token}%00",
        "stoa_session='{token}'; --",
        "__Host-stoa_session={token}",
        "stoa_session={token}; stoa_session=forged",
        "\xe9={token}; stoa_session",
        "stoa_session=" + "x" * 50_000,
    ],
)
async def test_a_forged_truncated_or_doubled_cookie_signs_nobody_in(school: School, cookie: str) -> None:
    token = school.members["administrator"].token
    tab = await tab_of(cookie.format(token=token, short=token[:-1], upper=token.swapcase()), "/")
    async with tab.held(Session) as session:
        assert (session.person, session.is_administrator) == ("", False)


async def test_the_session_token_is_never_sent_to_the_page(school: School) -> None:
    student = school.members["student"]
    tab = Tab()
    await tab.connect(student.cookie, headers={"authorization": "Bearer secret-bearer"})
    for path, query in (("/", {}), ("/account", {}), ("/s/baking-autumn/l/flour", LESSON)):
        told = await tab.load(path, **query)
        assert student.token not in told.wire
        assert "secret-bearer" not in told.wire
    assert student.email in told.wire


async def test_a_header_that_the_page_claims_isnt_believed(school: School) -> None:
    """Headers come from the connection; what an event says of itself doesn't count."""
    tab = await tab_of("")
    forged = {"headers": {"cookie": school.cookie("administrator")}, "token": "x", "ip": "127.0.0.1"}
    tab.claims = forged
    told = await tab.load("/")
    assert told.redirect.startswith("/login")
    async with tab.held(Session) as session:
        assert session.person == ""


async def test_two_tabs_of_two_people_dont_mix(school: School, fellow: Member) -> None:
    talk = await secret_talk(school)
    theirs = await tab_of(
        school.members["student"].cookie, "/s/baking-autumn/chat/x", **SECTION, conversation=str(talk)
    )
    ours = await tab_of(fellow.cookie, "/s/baking-autumn/l/flour", **LESSON)
    told = await ours.send(event(TutorState, "send"), text="Hello")
    assert SECRET not in told.wire
    assert SECRET in str(await theirs.state())
    turn = told["tutor_state.turn"]
    assert await ended(turn["id"]) is TurnStatus.FINISHED


# What is sent


async def test_a_search_is_only_ever_a_search(school: School, fellow: Member) -> None:
    await secret_talk(school)
    await converse(fellow, school.here, "Why rye?", title="Rye")
    tab = await tab_of(fellow.cookie, "/s/baking-autumn/chat", **SECTION)
    for text in ("%", "_", "'", "' OR person_id IS NOT NULL --", "\\", "x" * 1_000_000, "\0", SECRET):
        told = await tab.send(event(ChatState, "search_for"), text=text)
        assert SECRET not in json.dumps(told["chat_state.history"])
    assert (await tab.send(event(ChatState, "search_for"), text="RYE"))["chat_state.history"][0]["title"] == "Rye"


async def test_markup_in_names_and_titles_stays_data(school: School) -> None:
    markup = "<img src=x onerror=alert(1)>"
    mallory = await make_member(markup, school.here, Role.STUDENT)
    talk = await converse(mallory, school.here, f"</script><script>{markup}", title=markup)
    tab = await tab_of(mallory.cookie, "/s/baking-autumn/chat/x", **SECTION, conversation=str(talk))
    told = await tab.load("/s/baking-autumn/chat/x", **SECTION, conversation=str(talk))
    assert told["session.name"] == markup
    assert told["chat_state.history"][0]["title"] == markup
    assert told["tutor_state.messages"][0]["content"] == f"</script><script>{markup}"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\r\nSet-Cookie: a=b",
        "http://[",
    ],
)
async def test_signing_in_leads_nowhere_else(school: School, target: str) -> None:
    signed_in = await tab_of(school.cookie("student"))
    assert (await signed_in.load("/login", next=target)).redirect == "/"
    tab = await tab_of("")
    told = await tab.load("/login", next=target, problem="<script>")
    assert told["login_state.next"] == "/"
    assert "<script>" not in json.dumps(told["login_state.failure"])
