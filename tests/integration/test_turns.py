"""The life of a turn: asked, answered, stopped, replaced, failed, interrupted; and the rows that stay of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from sqlmodel import col, select, update

from backend.access import SYSTEM
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from backend.core.redis import get_redis
from backend.courses.models import Lesson, Section
from backend.courses.reading import TUTOR_OFF_GRADED, TUTOR_OFF_LESSON
from backend.dialogue import (
    StartedTurn,
    ask,
    asking,
    delete_conversation,
    edit,
    follow_turn,
    get_runner,
    open_conversation,
    queries,
    regenerate,
    stop,
    turns,
)
from backend.dialogue.asking import TUTOR_OFF
from backend.dialogue.models import Conversation, Message, Turn, TurnStatus
from backend.dialogue.turns import CRASHED, TurnRunner, stream_name
from backend.genai import Limits
from backend.genai.health import close_breaker, read_health
from backend.genai.models import CompletionRequest, RegisteredModel
from tests.support.replay import API_KEY, Replay, refusing_port
from tests.support.replay_answers import MODEL, openai_answer, openai_error
from tests.support.school import School, begin_turn, change, converse, found_school, messages_of, turn_of
from tests.support.tutoring import add_fallback, ended, fold, frames_of, register, tutoring, until

PATIENCE = 3.0
"""Seconds: three times what is promised for a stop."""
EVENTUALLY = 20.0
"""Seconds for what happens soon, without a promise, on a machine that may be busy."""
LONG = [f"word{number} " for number in range(400)]


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


async def begin(school: School, text: str = "What is gluten?", **how: Any) -> StartedTurn:
    return await ask(await school.actor(), school.here.id, text, **how)


async def answered(school: School, text: str = "What is gluten?", **how: Any) -> StartedTurn:
    turn = await begin(school, text, **how)
    assert await ended(turn.id) is TurnStatus.FINISHED
    return turn


async def begun_to_answer(school: School, **how: Any) -> StartedTurn:
    """A turn whose first words are saved."""
    turn = await begin(school, **how)

    async def said() -> bool:
        return bool((await messages_of(turn.conversation_id))[-1].content)

    await until(said)
    return turn


async def answer_of(turn: StartedTurn) -> Message:
    return next(each for each in await messages_of(turn.conversation_id) if each.id == turn.answer_id)


# Answers


async def test_a_finished_answer_is_stored_with_all_it_took(school: School, runner: TurnRunner) -> None:
    turn = await answered(school, "What is\n  gluten?")
    question, answer = await messages_of(turn.conversation_id)
    assert (question.id, question.role, question.content) == (turn.prompt_id, "user", "What is\n  gluten?")
    assert (answer.id, answer.role, answer.content) == (turn.answer_id, "assistant", "Flour and water.")
    assert (answer.status, answer.error, answer.model) == ("finished", "", "replay")
    assert (answer.input_tokens, answer.output_tokens, answer.tokens_estimated) == (11, 3, False)
    assert answer.cost_usd == Decimal("0.00001700")  # 11 tokens at 1 $, 3 at 2 $ per million
    assert answer.first_token_ms is not None
    assert answer.duration_ms is not None
    assert 0 < answer.first_token_ms <= answer.duration_ms
    row = await turn_of(turn.id)
    assert (row.status, row.owner) == ("finished", runner.owner)
    assert row.finished_at is not None
    view = await open_conversation(await school.actor(), turn.conversation_id)
    assert (view.title, view.turn) == ("What is gluten?", None)


async def test_an_answer_that_breaks_off_is_stored_whole_from_the_next_model(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer("Gluten is what").pace(20).cut(after=2))
    async with Replay(openai_answer("Protein of wheat.")) as other:
        await add_fallback(other)
        turn = await begin(school)
        frames = await frames_of(await follow_turn(await school.actor(), turn.id))
        assert await ended(turn.id) is TurnStatus.FINISHED
    answer = await answer_of(turn)
    assert (answer.content, answer.status, answer.model) == ("Protein of wheat.", "finished", "fallback")
    assert fold(frames) == answer.content
    (restarted,) = [json.loads(frame.data) for frame in frames if frame.name == "restarted"]
    assert restarted["model"] == "fallback"
    async with transaction() as session:
        rows = (await session.exec(select(CompletionRequest).order_by(col(CompletionRequest.attempt)))).all()
    assert [(row.requested_model, row.outcome) for row in rows] == [(MODEL, "failed"), (MODEL, "succeeded")]
    assert rows[0].request_id == rows[1].request_id


async def test_an_answer_that_breaks_off_with_nobody_left_is_never_stored_as_finished(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer("Gluten is what").cut(after=2))
    turn = await begin(school)
    assert await ended(turn.id) is TurnStatus.FAILED
    answer = await answer_of(turn)
    assert (answer.status, answer.error != "") == ("failed", True)


async def test_the_ledger_says_who_asked_and_for_what(school: School, runner: TurnRunner) -> None:
    turn = await answered(school)
    async with transaction() as session:
        (row,) = (await session.exec(select(CompletionRequest))).all()
    assert (row.conversation_id, row.person_id) == (turn.conversation_id, school.members["student"].id)
    assert (row.section_id, row.feature) == (school.here.id, "student_dialogue")


async def test_the_model_is_told_the_lesson_and_what_was_said(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    turn = await answered(school, lesson_key=school.lessons["flour"])
    await answered(school, "And yeast?", conversation_id=turn.conversation_id)
    system, *said = replay.requests[-1].json["messages"]
    assert "“Baking”" in system["content"]
    assert "Flour and water make gluten.\n\n## Ash" in system["content"]
    assert said == [
        {"role": "user", "content": "What is gluten?"},
        {"role": "assistant", "content": "Flour and water."},
        {"role": "user", "content": "And yeast?"},
    ]


async def test_the_text_is_saved_while_it_still_grows(school: School, runner: TurnRunner, replay: Replay) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn = await begun_to_answer(school)
    saved = await answer_of(turn)
    assert saved.status == "streaming"
    assert "".join(LONG).startswith(saved.content)
    assert (await turn_of(turn.id)).status == "streaming"


async def test_a_second_question_while_the_first_is_answered_is_refused(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn = await begun_to_answer(school)
    actor = await school.actor()
    for refused in (
        begin(school, "More?", conversation_id=turn.conversation_id),
        edit(actor, turn.prompt_id, "Rather this?"),
        regenerate(actor, turn.answer_id),
    ):
        with pytest.raises(Conflict, match="still answering"):
            await refused
    assert len(await messages_of(turn.conversation_id)) == 2
    assert not any(each.replaced_by for each in await messages_of(turn.conversation_id))
    await stop(actor, turn.id)
    await ended(turn.id)


async def test_of_many_questions_at_once_one_is_answered(school: School, runner: TurnRunner) -> None:
    first = await answered(school)
    tries = [begin(school, "More?", conversation_id=first.conversation_id) for _ in range(6)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    begun = [each for each in outcomes if isinstance(each, StartedTurn)]
    assert begun
    assert all(isinstance(each, StartedTurn | Conflict) for each in outcomes)
    for turn in begun:
        await ended(turn.id)
    assert len(await messages_of(first.conversation_id)) == 2 + 2 * len(begun)


async def test_what_no_column_can_hold_is_left_out_of_an_answer(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(["a", "NUL", "HALF", "NUL", "b"]).edit(b"NUL", b"\\u0000").edit(b"HALF", b"\\ud83d"))
    turn = await begin(school)
    assert await ended(turn.id) is TurnStatus.FINISHED
    assert (await answer_of(turn)).content == "a\ufffdb"


# Bad prompts


async def test_what_is_no_message_is_refused_in_words_and_leaves_nothing(school: School, runner: TurnRunner) -> None:
    refusals = {
        "": "Write a message",
        " \n\t ": "Write a message",
        "x" * 100_000: "100,000 characters, at most 32,000",
        "a\0b": "plain text",
        bytes(range(256)).decode("latin-1"): "plain text",
        "\x1b\x07\x02": "plain text",
        "half a character: \ud83d": "valid text",
    }
    for text, words in refusals.items():
        with pytest.raises(Invalid, match=words):
            await begin(school, text)
    async with transaction() as session:
        assert (await session.exec(select(Conversation))).all() == []


async def test_a_long_message_in_any_script_passes(school: School, runner: TurnRunner, replay: Replay) -> None:
    text = "パン🍞é\n" + "x" * 31_000
    turn = await answered(school, text)
    assert replay.requests[0].json["messages"][-1]["content"] == text
    assert (await messages_of(turn.conversation_id))[0].content == text


# Where the tutor is off


async def test_where_the_tutor_is_off_it_says_so(school: School, runner: TurnRunner) -> None:
    turn = await answered(school, lesson_key=school.lessons["flour"])
    with pytest.raises(Forbidden, match=TUTOR_OFF_GRADED):
        await begin(school, lesson_key=school.lessons["exam"])
    async with transaction() as session:
        await session.exec(update(Lesson).where(Lesson.slug == "flour").values(assistant="off"))
    await refuses_all(school, turn, TUTOR_OFF_LESSON)
    await change(Section, school.here.id, assistant_enabled=False)
    await refuses_all(school, turn, TUTOR_OFF)
    with pytest.raises(Forbidden, match=TUTOR_OFF):
        await begin(school)
    assert len(await messages_of(turn.conversation_id)) == 2


async def refuses_all(school: School, turn: StartedTurn, words: str) -> None:
    actor = await school.actor()
    for refused in (
        begin(school, conversation_id=turn.conversation_id),
        begin(school, lesson_key=school.lessons["flour"]),
        edit(actor, turn.prompt_id, "Other words"),
        regenerate(actor, turn.answer_id),
    ):
        with pytest.raises(Forbidden, match=words):
            await refused


# Stop


async def test_a_stop_keeps_what_came_and_hangs_up_on_the_provider(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn = await begun_to_answer(school)
    begun = time.monotonic()
    await stop(await school.actor(), turn.id)
    assert await ended(turn.id) is TurnStatus.STOPPED
    assert time.monotonic() - begun < PATIENCE
    answer = await answer_of(turn)
    assert answer.content
    assert "".join(LONG).startswith(answer.content)
    assert (answer.status, answer.model) == ("stopped", "replay")
    await asyncio.wait_for(replay.requests[0].closed.wait(), EVENTUALLY)
    assert replay.requests[0].hung_up


async def test_a_stop_before_the_first_word_is_obeyed_too(school: School, runner: TurnRunner, replay: Replay) -> None:
    replay.play(openai_answer("late").hang_before_headers())
    turn = await begin(school)
    await until(lambda: replay.requests)
    begun = time.monotonic()
    await stop(await school.actor(), turn.id)
    assert await ended(turn.id) is TurnStatus.STOPPED
    assert time.monotonic() - begun < PATIENCE
    assert (await answer_of(turn)).content == ""
    again = openai_answer("Now.")
    replay.play(again)
    await answered(school, "And now?", conversation_id=turn.conversation_id)


async def test_a_stop_at_once_is_obeyed(school: School, runner: TurnRunner, replay: Replay) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn = await begin(school)
    begun = time.monotonic()
    await stop(await school.actor(), turn.id)
    assert await ended(turn.id) is TurnStatus.STOPPED
    assert time.monotonic() - begun < PATIENCE


async def test_a_stop_while_the_context_is_read_leaves_no_turn_behind(
    school: School, runner: TurnRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = asyncio.Event()

    async def slow(_turn_id: UUID) -> None:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(turns, "load_context", slow)
    turn = await begin(school)
    await reading.wait()
    await stop(await school.actor(), turn.id)
    assert await ended(turn.id, PATIENCE) is TurnStatus.STOPPED


async def test_a_stop_reaches_the_process_that_answers(school: School, runner: TurnRunner, replay: Replay) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn = await begun_to_answer(school)
    other = TurnRunner()
    begun = time.monotonic()
    await other.stop(turn.id)
    assert await ended(turn.id) is TurnStatus.STOPPED
    assert time.monotonic() - begun < PATIENCE


async def test_a_stop_without_a_hint_is_read_at_the_next_checkpoint(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn = await begun_to_answer(school)
    async with transaction() as session:
        await queries.request_stop(session, turn.id)
    assert await ended(turn.id, PATIENCE) is TurnStatus.STOPPED


async def test_hints_are_still_heard_after_a_long_silence(school: School, replay: Replay) -> None:
    get_redis().connection_pool.connection_kwargs["socket_timeout"] = 0.1
    async with tutoring(replay):
        await asyncio.sleep(0.5)
        heard = await get_redis().pubsub_numsub(turns.STOPS)
        assert heard == [(turns.STOPS, 1)]


async def test_a_stop_after_the_end_changes_nothing(school: School, runner: TurnRunner) -> None:
    turn = await answered(school)
    await stop(await school.actor(), turn.id)
    assert (await turn_of(turn.id)).status == "finished"
    assert (await answer_of(turn)).content == "Flour and water."


# Again


async def test_an_answer_made_anew_replaces_the_old_one_which_stays_stored(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    turn, actor = await answered(school), await school.actor()
    replay.play(openai_answer("A protein."))
    again = await regenerate(actor, turn.answer_id)
    await ended(again.id)
    assert again.prompt_id == turn.prompt_id
    question, old, new = await messages_of(turn.conversation_id)
    assert (question.replaced_by, old.replaced_by, new.replaced_by) == (None, new.id, None)
    assert (old.content, new.content) == ("Flour and water.", "A protein.")
    view = await open_conversation(actor, turn.conversation_id)
    assert [message.content for message in view.messages] == ["What is gluten?", "A protein."]
    assert [message["content"] for message in replay.requests[-1].json["messages"][1:]] == ["What is gluten?"]


async def test_an_edited_question_replaces_itself_and_its_answer(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    turn, actor = await answered(school), await school.actor()
    second = await answered(school, "And yeast?", conversation_id=turn.conversation_id)
    again = await edit(actor, second.prompt_id, "And salt?")
    await ended(again.id)
    rows = await messages_of(turn.conversation_id)
    assert [row.replaced_by for row in rows] == [None, None, again.prompt_id, again.prompt_id, None, None]
    view = await open_conversation(actor, turn.conversation_id)
    assert [message.content for message in view.messages][::2] == ["What is gluten?", "And salt?"]
    assert [message["content"] for message in replay.requests[-1].json["messages"][1:]] == [
        "What is gluten?",
        "Flour and water.",
        "And salt?",
    ]


async def test_only_the_last_message_of_its_kind_can_be_changed(school: School, runner: TurnRunner) -> None:
    first, actor = await answered(school), await school.actor()
    last = await answered(school, "And yeast?", conversation_id=first.conversation_id)
    for refused in (
        edit(actor, first.prompt_id, "x"),
        edit(actor, last.answer_id, "x"),
        regenerate(actor, first.answer_id),
        regenerate(actor, last.prompt_id),
    ):
        with pytest.raises(Conflict, match="Only the last"):
            await refused
    for text in ("", "x" * 100_000, "\0"):
        with pytest.raises(Invalid):
            await edit(actor, last.prompt_id, text)
    assert not any(row.replaced_by for row in await messages_of(first.conversation_id))


# Failures


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (openai_error(401, f"Incorrect API key provided: {API_KEY}"), "set up correctly"),
        (openai_error(404, "The model `replay-1` does not exist"), "set up correctly"),
        (openai_error(500, "Traceback: postgres://stoa:hunter2@db/stoa"), "can't be reached"),
        (openai_error(429, "Rate limit reached for org-secret"), "busy"),
        (openai_error(400, "bad field"), "didn't accept"),
        (openai_error(400, "too long", code="context_length_exceeded"), "too long"),
    ],
    ids=["wrong key", "wrong model", "broken", "busy", "malformed", "too long"],
)
async def test_a_provider_that_refuses_fails_the_turn_in_plain_words(
    school: School, runner: TurnRunner, replay: Replay, answer: Any, words: str
) -> None:
    replay.play(answer)
    turn = await begin(school)
    frames = await frames_of(await follow_turn(await school.actor(), turn.id))
    assert await ended(turn.id) is TurnStatus.FAILED
    told = await answer_of(turn)
    assert words in told.error
    assert frames[-1].name == "error"
    assert told.error in frames[-1].data
    for secret in (API_KEY, "hunter2", "org-secret", "Traceback", "127.0.0.1"):
        assert secret not in told.error
        assert not any(secret in frame.data for frame in frames)
    replay.play(openai_answer("Now."))
    for model in (await read_health(SYSTEM)).models:  # an administrator has set it right
        await close_breaker(SYSTEM, model.id)
    again = await regenerate(await school.actor(), turn.answer_id)
    assert await ended(again.id) is TurnStatus.FINISHED


async def test_a_provider_that_isnt_there_fails_the_turn(school: School, runner: TurnRunner) -> None:
    with refusing_port() as port:
        await register(Replay(port=port), connect_timeout=1)
        turn = await begin(school)
        assert await ended(turn.id) is TurnStatus.FAILED
    assert "can't be reached" in (await answer_of(turn)).error


async def test_an_answer_cut_short_is_failed_and_keeps_its_text(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(LONG).cut(after=3))
    turn = await begin(school)
    assert await ended(turn.id) is TurnStatus.FAILED
    answer = await answer_of(turn)
    assert answer.content == "word0 word1 word2 "
    assert answer.error


async def test_without_a_model_the_turn_says_so(school: School) -> None:
    async with tutoring(Replay(port=1)):
        async with transaction() as session:
            await session.exec(update(RegisteredModel).values(enabled=False))
        turn = await begin(school)
        assert await ended(turn.id) is TurnStatus.FAILED
    assert "administrator" in (await answer_of(turn)).error


async def test_a_crash_of_ours_fails_the_turn_and_tells_nothing_of_it(
    school: School, runner: TurnRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(_turn_id: UUID) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(turns, "load_context", crash)
    turn = await begin(school)
    assert await ended(turn.id) is TurnStatus.FAILED
    assert (await answer_of(turn)).error == CRASHED


async def test_a_context_that_cant_be_read_fails_the_turn_at_once(
    school: School, runner: TurnRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_turn_id: UUID) -> None:
        raise Unavailable

    monkeypatch.setattr(turns, "load_context", away)
    turn = await begin(school)
    assert await ended(turn.id, EVENTUALLY) is TurnStatus.FAILED
    assert (await answer_of(turn)).error == Unavailable.message


async def test_a_conversation_deleted_while_it_is_answered_ends_everywhere(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn, actor = await begun_to_answer(school), await school.actor()
    follower = asyncio.create_task(frames_of(await follow_turn(actor, turn.id)))
    await delete_conversation(actor, turn.conversation_id)
    frames = await asyncio.wait_for(follower, EVENTUALLY)
    assert frames[-1].name in {"end", "error"}  # whichever is seen first: the stream's end, or that it is gone
    await asyncio.wait_for(replay.requests[0].closed.wait(), EVENTUALLY)
    await until(lambda: not runner._tasks)
    assert await messages_of(turn.conversation_id) == []


async def test_asking_in_a_conversation_that_is_being_deleted_isnt_a_crash(
    school: School, runner: TurnRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, actor = await answered(school), await school.actor()
    admit = asking._admit

    async def and_delete(*given: Any) -> Limits:
        limits = await admit(*given)
        await delete_conversation(actor, turn.conversation_id)
        return limits

    monkeypatch.setattr(asking, "_admit", and_delete)
    with pytest.raises(NotFound):
        await begin(school, "Still there?", conversation_id=turn.conversation_id)


# The end of a process


async def test_a_shutdown_marks_what_is_being_answered_as_interrupted(school: School, replay: Replay) -> None:
    replay.play(openai_answer(LONG).pace(100))
    async with tutoring(replay):
        turn = await begun_to_answer(school)
        follower = asyncio.create_task(frames_of(await follow_turn(await school.actor(), turn.id)))
        await until(lambda: get_runner().hub._followers)
    answer = await answer_of(turn)
    assert (answer.status, (await turn_of(turn.id)).status) == ("interrupted", "interrupted")
    frames = await asyncio.wait_for(follower, EVENTUALLY)
    assert fold(frames) == answer.content
    assert frames[-1].name == "end"


async def test_a_shutdown_lets_a_finished_answer_be_saved(
    school: School, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving = asyncio.Event()
    finish = queries.finish_turn

    async def slow(*given: Any) -> bool:
        saving.set()
        await asyncio.sleep(0.3)
        return await finish(*given)

    monkeypatch.setattr(queries, "finish_turn", slow)
    async with tutoring(replay):
        turn = await begin(school)
        await saving.wait()
        await stop(await school.actor(), turn.id)  # too late, and it mustn't stop the saving either
    assert (await turn_of(turn.id)).status == "finished"
    assert (await answer_of(turn)).content == "Flour and water."


async def test_a_shutdown_doesnt_wait_for_a_database_that_is_away(
    school: School, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> bool:
        raise Unavailable

    replay.play(openai_answer(LONG).pace(100))
    monkeypatch.setattr(turns, "LAST_SAVE", 0.2)
    async with tutoring(replay):
        turn = await begun_to_answer(school)
        monkeypatch.setattr(queries, "finish_turn", away)
        begun = time.monotonic()
    assert time.monotonic() - begun < PATIENCE
    assert (await turn_of(turn.id)).status == "streaming"  # the next process sweeps it


async def silent(school: School, saved: str = "", **changes: Any) -> Turn:
    """A turn whose process is gone."""
    turn = await begin_turn(await converse(school.members["student"], school.here, "What is gluten?"))
    long_ago = now() - timedelta(minutes=1)
    await change(Turn, turn.id, heartbeat_at=long_ago, **changes)
    await change(Message, turn.answer_id, content=saved)
    return turn


async def streamed(turn: Turn, *texts: str) -> None:
    for text in texts:
        await get_redis().xadd(stream_name(turn.id), {"e": "text", "d": f'{{"text": "{text}"}}'})


async def test_a_silent_turn_is_interrupted_with_the_text_found_in_its_stream(
    school: School, runner: TurnRunner
) -> None:
    turn = await silent(school, saved="Flour ")
    await streamed(turn, "Flour ", "and ", "wat")
    assert await ended(turn.id) is TurnStatus.INTERRUPTED
    assert (await messages_of(turn.conversation_id))[-1].content == "Flour and wat"
    assert (await messages_of(turn.conversation_id))[-1].status == "interrupted"
    frames = await frames_of(await follow_turn(await school.actor(), turn.id))
    assert (fold(frames), frames[-1].data) == ("Flour and wat", '{"status": "interrupted"}')
    again = await regenerate(await school.actor(), turn.answer_id)
    assert await ended(again.id) is TurnStatus.FINISHED


async def test_a_silent_turn_keeps_what_was_saved_when_its_stream_is_gone(school: School, runner: TurnRunner) -> None:
    turn = await silent(school, saved="Flour and wat")
    await streamed(turn, "Fl")
    await ended(turn.id)
    assert (await messages_of(turn.conversation_id))[-1].content == "Flour and wat"


async def test_a_silent_turn_that_was_to_stop_is_stopped(school: School, runner: TurnRunner) -> None:
    turn = await silent(school, stop_requested_at=now())
    assert await ended(turn.id) is TurnStatus.STOPPED


async def test_who_follows_a_turn_whose_process_died_gets_all_of_it_and_the_end(
    school: School, runner: TurnRunner
) -> None:
    turn = await silent(school)
    await change(Turn, turn.id, heartbeat_at=now())  # dies in a moment
    await streamed(turn, "Flour ")
    follower = asyncio.create_task(frames_of(await follow_turn(await school.actor(), turn.id)))
    await streamed(turn, "and ", "wat")
    frames = await asyncio.wait_for(follower, 10)
    assert (fold(frames), frames[-1].name) == ("Flour and wat", "end")


async def test_a_turn_that_shows_life_isnt_swept(school: School, runner: TurnRunner, replay: Replay) -> None:
    replay.play(openai_answer(LONG).hang(after=2))
    turn = await begun_to_answer(school)
    other = TurnRunner()
    await asyncio.sleep(1)  # longer than the silence that counts as death
    assert await other.sweep() == 0
    await change(Turn, turn.id, heartbeat_at=now() - timedelta(minutes=1))
    assert await runner.sweep() == 0  # its own it knows to be alive
    await stop(await school.actor(), turn.id)
    await ended(turn.id)


async def test_of_two_sweepers_one_ends_a_silent_turn(school: School, replay: Replay) -> None:
    turn = await silent(school, saved="Flour")
    assert sorted(await asyncio.gather(TurnRunner().sweep(), TurnRunner().sweep())) == [0, 1]
    assert (await turn_of(turn.id)).status == "interrupted"


async def test_a_sweeper_and_a_checkpoint_survive_what_nobody_foresaw(school: School, runner: TurnRunner) -> None:
    with (
        patch.object(queries, "silent_turns", side_effect=RuntimeError),
        patch.object(runner, "_beat", side_effect=RuntimeError),
    ):
        await asyncio.sleep(0.5)
    turn = await silent(school)
    assert await ended(turn.id) is TurnStatus.INTERRUPTED
    await answered(school)


async def test_after_an_outage_of_postgres_the_living_may_show_life_before_they_are_swept(
    school: School, replay: Replay
) -> None:
    turn = await silent(school)
    with patch.object(queries, "silent_turns", side_effect=Unavailable):
        async with tutoring(replay, STOA_TURN_SILENCE="3"):
            await asyncio.sleep(0.2)
            with patch.object(queries, "silent_turns", side_effect=AssertionError("swept too early")) as sweep:
                await asyncio.sleep(0.6)
                assert not sweep.called
    assert (await turn_of(turn.id)).status == "streaming"


async def test_a_turn_ended_by_somebody_else_isnt_overwritten(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(LONG).pace(100))
    turn = await begun_to_answer(school)
    async with transaction() as session:
        await queries.finish_turn(session, turn.id, turn.answer_id, TurnStatus.INTERRUPTED, {"content": "theirs"})
    await until(lambda: not runner._tasks)
    assert (await answer_of(turn)).content == "theirs"
    await asyncio.wait_for(replay.requests[0].closed.wait(), EVENTUALLY)
