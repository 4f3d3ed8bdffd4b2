"""Following a turn: whole, resumed from anywhere, late, twice, over; and never another's."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backend.core.errors import Invalid, NotFound, NotSignedIn
from backend.core.events import EventHub, Frame, Sign, StreamEvent
from backend.core.redis import get_redis
from backend.dialogue import StartedTurn, ask, follow_turn, stop
from backend.dialogue.following import CHECKPOINT_ID, END_ID
from backend.dialogue.turns import TurnRunner, stream_name
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer, openai_error
from tests.support.school import School, found_school, messages_of
from tests.support.tutoring import ended, fold, frames_of, tutoring, until

WORDS = [f"word{number} " for number in range(60)]
TEXT = "".join(WORDS)


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def replay() -> AsyncIterator[Replay]:
    async with Replay(openai_answer(WORDS).pace(150)) as server:
        yield server


@pytest.fixture
async def runner(school: School, replay: Replay) -> AsyncIterator[TurnRunner]:
    async with tutoring(replay) as running:
        yield running


@pytest.fixture
async def turn(school: School, runner: TurnRunner) -> StartedTurn:
    return await ask(await school.actor(), school.here.id, "What is gluten?")


async def followed(school: School, turn: StartedTurn, last_id: str = "") -> list[Frame]:
    return await asyncio.wait_for(frames_of(await follow_turn(await school.actor(), turn.id, last_id)), 20)


def after(frames: list[Frame], last_id: str) -> list[Frame]:
    ids = [frame.id for frame in frames]
    return frames[ids.index(last_id) + 1 :]


async def test_a_turn_is_told_as_it_grows_up_to_its_end(school: School, turn: StartedTurn) -> None:
    frames = await followed(school, turn)
    assert [frame.name for frame in frames] == ["routed", *["text"] * (len(frames) - 2), "end"]
    assert len(frames) > 10, "the answer came in pieces"
    assert json.loads(frames[0].data) == {"model": "replay", "reason": "primary"}
    assert json.loads(frames[-1].data) == {"status": "finished"}
    assert fold(frames) == TEXT == (await messages_of(turn.conversation_id))[-1].content
    assert len({frame.id for frame in frames}) == len(frames)


async def test_resumed_from_any_of_its_ids_nothing_is_lost_or_doubled(school: School, turn: StartedTurn) -> None:
    frames = await followed(school, turn)
    for place, frame in enumerate(frames[:-1]):
        rest = await followed(school, turn, frame.id)
        assert fold(rest, fold(frames[: place + 1])) == TEXT
        assert rest[-1].name == "end"
        assert all(each.name != "snapshot" for each in rest), "what was heard isn't said again"


async def test_a_connection_lost_after_every_batch_loses_and_doubles_nothing(school: School, turn: StartedTurn) -> None:
    text, last_id, connections = "", "", 0
    while True:
        batches = await follow_turn(await school.actor(), turn.id, last_id)
        assert batches is not None
        batch = [frame for frame in await anext(batches) if frame.name]
        await batches.aclose()
        connections += 1
        text, last_id = fold(batch, text), batch[-1].id if batch else last_id
        if batch and batch[-1].name == "end":
            break
    assert text == TEXT
    assert connections > 5


async def test_two_followers_and_a_late_one_hear_the_same(school: School, turn: StartedTurn) -> None:
    early = [asyncio.create_task(followed(school, turn)) for _ in range(2)]

    async def half_said() -> bool:
        return len((await messages_of(turn.conversation_id))[-1].content) > len(TEXT) / 3

    await until(half_said)
    late = await followed(school, turn)
    first, second = await asyncio.gather(*early)
    assert fold(first) == fold(second) == fold(late) == TEXT
    assert late[-1].id == first[-1].id == second[-1].id
    assert len(late) < len(first), "a late follower gets what was said in one piece"


async def test_a_follower_who_leaves_doesnt_disturb_the_turn(
    school: School, turn: StartedTurn, runner: TurnRunner
) -> None:
    batches = await follow_turn(await school.actor(), turn.id)
    assert batches is not None
    await anext(batches)
    await batches.aclose()
    assert not runner.hub._followers
    assert not runner.hub._cursors
    assert fold(await followed(school, turn)) == TEXT


async def test_a_follower_who_comes_when_all_is_over_gets_it_at_once(school: School, turn: StartedTurn) -> None:
    await ended(turn.id)
    frames = await followed(school, turn)
    assert [frame.name for frame in frames] == ["snapshot", "end"]
    assert json.loads(frames[0].data) == {"text": TEXT, "status": "finished"}
    assert (fold(frames), frames[-1].id) == (TEXT, END_ID)


async def test_who_heard_the_end_is_told_that_nothing_is_left(school: School, turn: StartedTurn) -> None:
    frames = await followed(school, turn)
    assert await follow_turn(await school.actor(), turn.id, frames[-1].id) is None
    assert await follow_turn(await school.actor(), turn.id, END_ID) is None


async def test_after_the_stream_expired_the_whole_is_told_once_more(school: School, turn: StartedTurn) -> None:
    frames = await followed(school, turn)
    ttl = await get_redis().ttl(stream_name(turn.id))
    assert 0 < ttl <= 3_600
    await get_redis().delete(stream_name(turn.id))
    for last_id in ("", frames[3].id, frames[-1].id, CHECKPOINT_ID):
        told = await followed(school, turn, last_id)
        assert [frame.name for frame in told] == ["snapshot", "end"]
        assert fold(told) == TEXT
    assert await follow_turn(await school.actor(), turn.id, told[-1].id) is None


async def test_a_stream_without_its_end_isnt_trusted(school: School, turn: StartedTurn) -> None:
    frames = await followed(school, turn)
    await get_redis().xdel(stream_name(turn.id), frames[-1].id)
    told = await followed(school, turn, frames[3].id)
    assert [frame.name for frame in told] == ["snapshot", "end"]


async def test_an_id_that_isnt_of_this_stream_gets_the_whole(school: School, turn: StartedTurn) -> None:
    for last_id in (CHECKPOINT_ID, "1-1", "99999999999999999999-0", "18446744073709551615-1", "9999999999999-0", "5"):
        batches = await follow_turn(await school.actor(), turn.id, last_id)
        assert batches is not None
        first = [frame for frame in await anext(batches) if frame.name]
        await batches.aclose()
        assert first[0].name == "snapshot"
        rest = await followed(school, turn, first[-1].id) if first[-1].name != "end" else []
        assert fold(rest, fold(first)) == TEXT


async def test_what_is_no_id_at_all_is_refused(school: School, turn: StartedTurn) -> None:
    for last_id in (
        "x",
        "-",
        "-1",
        "1-",
        "1-x",
        "$",
        "+",
        "1_0-0",
        "+1",
        " 1",
        "１",
        "1-0\n",
        "0" * 21,
        "1-0; DEL x",
        "\0",
    ):
        with pytest.raises(Invalid, match="Last-Event-ID"):
            await follow_turn(await school.actor(), turn.id, last_id)


async def test_one_followers_strange_id_doesnt_stop_the_others(school: School, turn: StartedTurn) -> None:
    """A cursor that Redis refuses would end reading for the whole process."""
    strange = [
        asyncio.create_task(followed(school, turn, last_id)) for last_id in ("99999999999999999999", "9999999999999-9")
    ]
    honest = asyncio.create_task(followed(school, turn))
    assert fold(await honest) == TEXT
    assert [fold(frames) for frames in await asyncio.gather(*strange)] == [TEXT, TEXT]


async def test_another_persons_turn_isnt_found(school: School, turn: StartedTurn) -> None:
    for role in ("assistant", "instructor", "administrator", "student_elsewhere"):
        with pytest.raises(NotFound):
            await follow_turn(await school.actor(role), turn.id)
    with pytest.raises(NotSignedIn):
        await follow_turn(await school.actor("anonymous"), turn.id)


async def test_a_quiet_stream_carries_comments(school: School, runner: TurnRunner, replay: Replay) -> None:
    replay.play(openai_answer(WORDS).hang(after=1))
    turn = await ask(await school.actor(), school.here.id, "What is gluten?")
    batches = await follow_turn(await school.actor(), turn.id)
    assert batches is not None
    quiet = 0
    async with asyncio.timeout(20):
        async for batch in batches:
            quiet += batch == [Frame()]
            if quiet == 2:
                await stop(await school.actor(), turn.id)
    assert quiet >= 2
    assert batch[-1].data == '{"status": "stopped"}'


async def test_a_failed_turn_is_told_as_an_error_now_and_later(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_error(500, "broken"))
    turn = await ask(await school.actor(), school.here.id, "What is gluten?")
    for frames in (await followed(school, turn), await followed(school, turn)):
        failure = json.loads(frames[-1].data)
        assert frames[-1].name == "error"
        assert failure["retryable"] is True
        assert "can't be reached" in failure["message"]


# Streams between processes


def texts(events: list[StreamEvent]) -> str:
    return "".join(json.loads(event.data)["text"] for event in events if event.name == "text")


async def heard(hub: EventHub, stream: str, upto: str = "end", after: str = "") -> list[StreamEvent]:
    events: list[StreamEvent] = []
    async for batch in hub.follow(stream, after):
        if isinstance(batch, list):
            events += batch
            if batch[-1].name == upto:
                return events
    raise AssertionError


async def test_a_stream_of_another_process_is_heard_here(valkey: str) -> None:
    ours, theirs = EventHub(), EventHub()
    async with ours.run(), theirs.run():
        followers = [asyncio.create_task(heard(hub, "stream")) for hub in (ours, theirs, ours)]
        for word in WORDS:
            theirs.publish("stream", "text", {"text": word})
            await asyncio.sleep(0.002)
        await theirs.close_stream("stream", "end", {}, whole={"text": TEXT})
        told = await asyncio.wait_for(asyncio.gather(*followers), 20)
    assert [texts(events) for events in told] == [TEXT] * 3
    assert told[0][-1] == told[1][-1]


async def test_a_second_follower_with_an_older_place_gets_all_and_the_first_nothing_twice(valkey: str) -> None:
    ours, theirs = EventHub(), EventHub()
    async with ours.run(), theirs.run():
        theirs.publish("stream", "text", {"text": "a"})
        await theirs._flush()
        first = asyncio.create_task(heard(ours, "stream"))
        await until(lambda: ours._cursors.get("stream", "0-0") != "0-0")
        theirs.publish("stream", "text", {"text": "b"})
        second = asyncio.create_task(heard(ours, "stream"))
        await theirs.close_stream("stream", "end", {}, whole={})
        assert texts(await asyncio.wait_for(first, 20)) == texts(await asyncio.wait_for(second, 20)) == "ab"


async def test_an_end_never_overtakes_the_text_before_it(valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two flushes at once could: the follower would hear the end and go."""
    hub = EventHub()
    write = hub._write

    async def slow_first(pending: Any) -> None:
        monkeypatch.setattr(hub, "_write", write)
        await asyncio.sleep(0.2)
        await write(pending)

    monkeypatch.setattr(hub, "_write", slow_first)
    async with hub.run():
        follower = asyncio.create_task(heard(hub, "stream"))
        await until(lambda: hub._cursors)
        hub.publish("stream", "text", {"text": "said"}, urgent=True)
        await asyncio.sleep(0.05)  # the first flush is under way
        await hub.close_stream("stream", "end", {}, whole={})
        assert texts(await asyncio.wait_for(follower, 20)) == "said"
    assert not hub._own
    assert not hub._new


async def test_neighbouring_texts_are_written_as_one_and_the_first_at_once(valkey: str) -> None:
    hub = EventHub()
    for word in WORDS:
        hub.publish("stream", "text", {"text": word})
    hub.publish("stream", "restarted", {})
    hub.publish("stream", "text", {"text": "anew"})
    await hub._flush()
    assert [(event.name, json.loads(event.data).get("text")) for event in await hub.read("stream")] == [
        ("text", TEXT),
        ("restarted", None),
        ("text", "anew"),
    ]
    assert await get_redis().ttl("stream") > 3_600, "it goes some day even if nobody closes it"


async def test_after_a_loss_nothing_is_written_before_a_snapshot(valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = EventHub()
    hub.publish("stream", "text", {"text": "lost"})
    hub._lose(["stream"])
    hub.publish("stream", "text", {"text": "gap"})
    assert hub.has_lost("stream")
    await hub._flush()
    assert await hub.read("stream") == []
    await hub.close_stream("stream", "end", {}, whole={"text": "lost gap"})
    assert [event.name for event in await hub.read("stream")] == ["snapshot", "end"]
    assert not hub.has_lost("stream")


async def test_a_follower_is_told_of_an_outage_even_when_it_is_over(valkey: str) -> None:
    hub = EventHub()
    async with hub.run():
        batches = hub.follow("stream")
        waiting = asyncio.create_task(anext(batches))
        await until(lambda: hub._cursors)
        hub._down = True
        assert await asyncio.wait_for(waiting, 20) is Sign.OUTAGE
        assert not hub._down
        await batches.aclose()
