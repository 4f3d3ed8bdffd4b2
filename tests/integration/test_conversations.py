"""The history of one's conversations: listed, searched, paged, renamed, rated, deleted, and nobody else's."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlmodel import delete

from backend.access import Actor
from backend.access.models import Membership
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Forbidden, Invalid, NotFound, NotSignedIn
from backend.core.ids import new_id
from backend.dialogue import (
    ask,
    delete_conversation,
    edit,
    follow_turn,
    latest_conversation,
    list_conversations,
    open_conversation,
    rate_message,
    recent_conversations,
    regenerate,
    rename_conversation,
    stop,
)
from backend.dialogue.conversations import PAGE, REASON_LENGTH, THREAD_PAGE, TITLE_LENGTH
from backend.dialogue.models import Conversation
from tests.support.school import School, begin_turn, change, converse, found_school, messages_of, turn_of


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


async def titles(school: School, **how: str) -> list[str]:
    return [card.title for card in await list_conversations(await school.actor(), school.here.id, **how)]


async def test_conversations_are_listed_latest_first_and_only_of_this_section(school: School) -> None:
    student = school.members["student"]
    for title in ("first", "second"):
        await converse(student, school.here, "question", title=title)
    await converse(student, school.elsewhere, "question", title="elsewhere")
    await converse(school.members["instructor"], school.here, "question", title="another's")
    assert await titles(school) == ["second", "first"]


async def test_a_search_finds_titles_and_standing_messages_as_they_are_written(school: School) -> None:
    student = school.members["student"]
    await converse(student, school.here, "What is gluten?", "A protein.", title="Bread")
    await converse(student, school.here, "half", title="100% rye")
    await converse(student, school.here, "under", title="snake_case")
    edited = await converse(student, school.here, "sourdough", "Yes.", title="Edited")
    (old, _) = await messages_of(edited)
    await change(type(old), old.id, replaced_by=old.id)
    found = {
        "GLUTEN": ["Bread"],
        "protein": ["Bread"],
        "bread": ["Bread"],
        "%": ["100% rye"],
        "_": ["snake_case"],
        "100%": ["100% rye"],
        "a_c": [],
        "/": [],
        "\\": [],
        "'; DROP TABLE conversations; --": [],
        "\0gluten": ["Bread"],
        "\ud83d": ["Edited", "snake_case", "100% rye", "Bread"],
        "sourdough": [],
        "x" * 1_000_000: [],
    }
    for search, expected in found.items():
        assert await titles(school, search=search) == expected, search[:20]


async def test_the_list_is_paged_without_gaps_or_doubles(school: School) -> None:
    same_moment = now()
    ids = [await converse(school.members["student"], school.here, "?", title=str(n)) for n in range(PAGE + 3)]
    for each in ids[: PAGE + 2]:
        await change(Conversation, each, updated_at=same_moment)
    actor = await school.actor()
    first = await list_conversations(actor, school.here.id)
    await converse(school.members["student"], school.here, "?", title="said meanwhile")
    second = await list_conversations(actor, school.here.id, after=first[-1].cursor)
    assert (len(first), len(second)) == (PAGE, 3)
    assert {card.id for card in first + second} == set(ids)
    assert await list_conversations(actor, school.here.id, after=second[-1].cursor) == []


async def test_a_cursor_that_isnt_one_is_refused(school: School) -> None:
    for cursor in ("x", "~", f"2026-01-01~{new_id()}", f"2026-01-01T00:00:00+00:00~{'x' * 36}", "' OR 1=1", "\0"):
        with pytest.raises(Invalid, match="place in the list"):
            await list_conversations(await school.actor(), school.here.id, after=cursor)
    for moment in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        await list_conversations(await school.actor(), school.here.id, after=f"{moment}~{new_id()}")


async def test_the_latest_conversation_beside_a_lesson_is_gone_on_with(school: School) -> None:
    student, flour = school.members["student"], school.lessons["flour"]
    await converse(student, school.here, "?", lesson_key=flour)
    latest = await converse(student, school.here, "?", lesson_key=flour)
    await converse(student, school.here, "?", lesson_key=school.lessons["yeast"])
    await converse(student, school.here, "?")
    actor = await school.actor()
    assert await latest_conversation(actor, school.here.id, flour) == latest
    assert await latest_conversation(actor, school.here.id, new_id()) is None
    assert await latest_conversation(await school.actor("instructor"), school.here.id, flour) is None


async def test_recent_conversations_come_from_every_section(school: School) -> None:
    student = school.members["student"]
    ids = [await converse(student, section, "?") for section in (school.here, school.elsewhere) * 3]
    recent = await recent_conversations(await school.actor())
    assert [(card.id, section) for card, section in recent] == [
        (each, (school.here, school.elsewhere)[place % 2].id) for place, each in list(enumerate(ids))[:0:-1]
    ]


async def test_a_conversation_is_shown_from_its_end_with_earlier_messages_on_request(school: School) -> None:
    texts = [f"message {number}" for number in range(THREAD_PAGE * 2 + 5)]
    conversation, actor = await converse(school.members["student"], school.here, *texts), await school.actor()
    seen: list[str] = []
    before, more = None, True
    while more:
        view = await open_conversation(actor, conversation, before=before)
        seen = [message.content for message in view.messages] + seen
        before, more = view.messages[0].id, view.has_earlier
    assert seen == texts
    assert view.turn is None


async def test_a_conversation_is_renamed_within_bounds(school: School) -> None:
    conversation, actor = await converse(school.members["student"], school.here, "?"), await school.actor()
    for given, kept in {" Dough ": "Dough", "x" * 500: "x" * TITLE_LENGTH, "a\0b\ud83d": "ab", "<b>": "<b>"}.items():
        await rename_conversation(actor, conversation, given)
        assert (await open_conversation(actor, conversation)).title == kept
    for empty in ("", "   ", "\0", "\n"):
        with pytest.raises(Invalid, match="title"):
            await rename_conversation(actor, conversation, empty)


async def test_an_answer_is_rated_and_the_rating_taken_back(school: School) -> None:
    conversation, actor = await converse(school.members["student"], school.here, "?", "!"), await school.actor()
    question, answer = await messages_of(conversation)
    for rating, reason, kept in (
        (1, "", ""),
        (-1, " wrong\0 ", "wrong"),
        (0, "", ""),
        (-1, "x" * 600, "x" * REASON_LENGTH),
    ):
        await rate_message(actor, answer.id, rating, reason)
        (_, shown) = (await open_conversation(actor, conversation)).messages
        assert (shown.rating, shown.reason) == (rating, kept)
    await rate_message(actor, answer.id, True)
    for wrong in (2, -2, 10**20):
        with pytest.raises(Invalid, match="rating"):
            await rate_message(actor, answer.id, wrong)
    with pytest.raises(Invalid, match="Only answers"):
        await rate_message(actor, question.id, 1)


async def test_a_deleted_conversation_is_gone_with_all_it_holds(school: School) -> None:
    conversation, actor = await converse(school.members["student"], school.here, "?", "!"), await school.actor()
    await delete_conversation(actor, conversation)
    assert await messages_of(conversation) == []
    for gone in (open_conversation(actor, conversation), delete_conversation(actor, conversation)):
        with pytest.raises(NotFound):
            await gone


Call = Callable[[Actor], Awaitable[object]]


async def everything_with(school: School) -> dict[str, Call]:
    """Every function that takes an id, with ids of the student's."""
    conversation = await converse(school.members["student"], school.here, "?", "!")
    question, answer = await messages_of(conversation)
    turn = await begin_turn(await converse(school.members["student"], school.here, "?"))
    here = school.here.id
    return {
        "ask": lambda actor: ask(actor, here, "hello", conversation_id=conversation),
        "edit": lambda actor: edit(actor, question.id, "hello"),
        "regenerate": lambda actor: regenerate(actor, answer.id),
        "stop": lambda actor: stop(actor, turn.id),
        "follow_turn": lambda actor: follow_turn(actor, turn.id),
        "open_conversation": lambda actor: open_conversation(actor, conversation),
        "rename_conversation": lambda actor: rename_conversation(actor, conversation, "mine"),
        "rate_message": lambda actor: rate_message(actor, answer.id, 1),
        "delete_conversation": lambda actor: delete_conversation(actor, conversation),
    }


async def test_anothers_conversation_isnt_found_by_any_function(school: School) -> None:
    calls = await everything_with(school)
    for role in ("student_elsewhere", "assistant", "instructor", "administrator"):
        actor = await school.actor(role)
        for name, call in calls.items():
            with pytest.raises((NotFound, Forbidden)) as refusal:
                await call(actor)
            # An administrator may know the section but not talk there: the only thing they are told.
            told_more = name == "ask" and role == "administrator"
            assert isinstance(refusal.value, NotFound) is not told_more, (role, name)
    for call in calls.values():
        with pytest.raises(NotSignedIn):
            await call(await school.actor("anonymous"))


async def test_ids_of_nothing_arent_found_by_any_function(school: School) -> None:
    actor, nothing = await school.actor(), new_id()
    for call in (
        ask(actor, school.here.id, "hello", conversation_id=nothing),
        ask(actor, nothing, "hello"),
        ask(actor, school.here.id, "hello", lesson_key=nothing),
        edit(actor, nothing, "hello"),
        regenerate(actor, nothing),
        stop(actor, nothing),
        follow_turn(actor, nothing),
        open_conversation(actor, nothing),
        rename_conversation(actor, nothing, "mine"),
        rate_message(actor, nothing, 1),
        delete_conversation(actor, nothing),
        list_conversations(actor, nothing),
    ):
        with pytest.raises(NotFound):
            await call


async def test_who_left_the_section_still_reads_their_conversations_but_asks_no_further(school: School) -> None:
    conversation = await converse(school.members["student"], school.here, "?", "!")
    question, answer = await messages_of(conversation)
    async with transaction() as session:
        await session.exec(delete(Membership).where(Membership.person_id == school.members["student"].id))
    actor = await school.actor()
    assert len((await open_conversation(actor, conversation)).messages) == 2
    await rename_conversation(actor, conversation, "kept")
    for refused in (edit(actor, question.id, "again"), regenerate(actor, answer.id)):
        with pytest.raises(Forbidden):
            await refused
    with pytest.raises(NotFound):
        await ask(actor, school.here.id, "more", conversation_id=conversation)


async def test_a_conversation_isnt_gone_on_with_from_another_section(school: School) -> None:
    student = school.members["student"]
    elsewhere = await converse(student, school.elsewhere, "?", "!")
    with pytest.raises((NotFound, Forbidden)):
        await ask(await school.actor(), school.here.id, "hello", conversation_id=elsewhere)


async def test_a_stop_is_noted_once_and_an_ended_turn_isnt_changed(school: School) -> None:
    turn, actor = await begin_turn(await converse(school.members["student"], school.here, "?")), await school.actor()
    await stop(actor, turn.id)
    noted = (await turn_of(turn.id)).stop_requested_at
    assert noted is not None
    await stop(actor, turn.id)
    assert (await turn_of(turn.id)).stop_requested_at == noted
    await change(
        type(turn), turn.id, status="finished", stop_requested_at=None, finished_at=now() + timedelta(seconds=1)
    )
    await stop(actor, turn.id)
    assert (await turn_of(turn.id)).stop_requested_at is None
