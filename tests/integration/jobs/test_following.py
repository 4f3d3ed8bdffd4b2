"""Following a job: nothing lost and nothing doubled, whatever becomes of the reader, of Redis and of the stream."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import pytest

from backend.access import Actor
from backend.core.errors import Invalid, NotFound, NotSignedIn
from backend.core.events import EventHub, Frame
from backend.core.redis import get_redis
from backend.jobs import JobStatus, JobView, cancel_job, discard_jobs, follow_job, following, reading, stream_name
from backend.jobs.context import JobContext
from backend.jobs.events import JobEvent
from tests.support.jobs import Nothing, ask, begun, job_of, reaches, redis_away, working
from tests.support.school import School
from tests.support.services import environment


@pytest.fixture
async def hub(services: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventHub]:
    monkeypatch.setattr(following, "POLL", 0.2)
    hub = EventHub()
    async with hub.run():
        yield hub


@pytest.fixture
async def student(school: School) -> Actor:
    return await school.actor()


class Reader:
    """What a page makes of the frames: a state, and a log in which no sequence may come twice or be skipped."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.log: list[str] = []
        self.last_id = ""
        self.names: list[str] = []

    def read(self, frames: list[Frame]) -> None:
        for frame in filter(lambda each: each.name, frames):
            data = json.loads(frame.data)
            self.names.append(frame.name)
            self.last_id = frame.id
            if frame.name == "log":
                assert data["sequence"] == len(self.log) + 1, "each line once, in order"
                self.log.append(data["message"])
            else:
                self.state |= data

    async def follow(self, actor: Actor, job: JobView, hub: EventHub, until: int | None = None) -> None:
        """Read to the end, or until there are so many lines; then the connection is lost."""
        batches = await follow_job(actor, job.id, hub, last_id=self.last_id)
        assert batches is not None
        async with asyncio.timeout(20), aclosing(batches):
            async for frames in batches:
                self.read(frames)
                if until is not None and len(self.log) >= until:
                    return


async def say(context: JobContext, *numbers: int) -> None:
    for number in numbers:
        await context.log(f"line {number}")


async def succeed(context: JobContext) -> None:
    """End the job in the handler's transaction; nobody hints at it."""
    async with context.transaction() as session:
        await context.succeed(session, Nothing())


async def frames_of(batches: AsyncGenerator[list[Frame], None] | None) -> list[Frame]:
    assert batches is not None
    async with asyncio.timeout(20):
        return [frame async for some in batches for frame in some]


async def test_a_job_is_told_from_its_beginning_to_its_end(student: Actor, hub: EventHub) -> None:
    job, reader = await ask("effect", {"steps": 4, "seconds": 0.8}, student), Reader()
    async with working():
        await reader.follow(student, job, hub)
    assert reader.names[0] == "snapshot"
    assert reader.names[-1] == "status"
    assert "progress" in reader.names
    assert (reader.state["status"], reader.state["progress"]) == ("succeeded", 1)
    assert await follow_job(student, job.id, hub, last_id=reader.last_id) is None, "it has the end"


async def test_a_connection_lost_after_every_batch_loses_and_doubles_nothing(student: Actor, hub: EventHub) -> None:
    job, reader = await ask(actor=student), Reader()
    context = await begun(job)
    for number in range(1, 6):
        await say(context, 2 * number - 1, 2 * number)
        await reader.follow(student, job, hub, until=2 * number - 1)
    await succeed(context)
    await reader.follow(student, job, hub)
    assert reader.log == [f"line {number}" for number in range(1, 11)]


async def test_a_line_is_told_at_once(student: Actor, hub: EventHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL", 3_600.0)
    job, reader = await ask(actor=student), Reader()
    context = await begun(job)
    reading = asyncio.create_task(reader.follow(student, job, hub, until=2))
    for number in (1, 2):
        await say(context, number)
        while len(reader.log) < number:
            await asyncio.sleep(0.01)
    await reading


async def test_readers_are_told_of_what_is_stored_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[int] = []

    async def look(events: Iterable[JobEvent]) -> None:
        stored.extend([(await job_of(event.job_id)).last_log for event in events])

    context = await begun(await ask())
    monkeypatch.setattr("backend.jobs.context.publish", look)
    with pytest.raises(ZeroDivisionError):
        async with context.transaction():
            await say(context, 1)
            raise ZeroDivisionError
    assert stored == []
    async with context.transaction():
        await say(context, 1, 2)
    assert stored == [2, 2]


async def test_a_long_connection_breaks_off_and_the_reader_goes_on(
    student: Actor, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LONGEST", 0.01)
    job, reader = await ask(actor=student), Reader()
    context = await begun(job)
    await say(context, 1)
    await reader.follow(student, job, hub)
    await say(context, 2)
    await reader.follow(student, job, hub)
    assert (reader.log, reader.names.count("snapshot")) == (["line 1", "line 2"], 2)
    assert reader.state["status"] == "running"


async def test_without_redis_the_row_tells(student: Actor, hub: EventHub) -> None:
    job, reader = await ask(actor=student), Reader()
    context = await begun(job)
    async with redis_away():
        reading = asyncio.create_task(reader.follow(student, job, hub))
        await say(context, 1, 2)
        await succeed(context)
        await reading
    assert reader.log == ["line 1", "line 2"]
    assert reader.state["status"] == "succeeded"


async def test_a_stream_that_was_trimmed_or_lost_takes_nothing_along(student: Actor, hub: EventHub) -> None:
    job, reader = await ask(actor=student), Reader()
    context = await begun(job)
    reading = asyncio.create_task(reader.follow(student, job, hub))
    await say(context, 1, 2, 3)
    await get_redis().xtrim(stream_name(job.id), maxlen=1)
    await say(context, 4)
    await get_redis().flushall()
    await succeed(context)
    await reading
    assert reader.log == [f"line {number}" for number in range(1, 5)]


async def test_a_log_longer_than_one_look_comes_whole_before_the_end(
    student: Actor, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LINES", 3)
    monkeypatch.setattr(reading, "LINES", 3)
    job, reader = await ask(actor=student), Reader()
    context = await begun(job)
    await say(context, *range(1, 10))
    await succeed(context)
    await reader.follow(student, job, hub)
    assert reader.names == ["snapshot", *["log"] * 9, "status"]


async def test_who_has_the_log_from_the_page_gets_only_what_is_newer(student: Actor, hub: EventHub) -> None:
    job = await ask(actor=student)
    context = await begun(job)
    await say(context, 1, 2, 3)
    await succeed(context)
    frames = await frames_of(await follow_job(student, job.id, hub, after=2))
    assert [frame.name for frame in frames] == ["snapshot", "log", "status"]
    for forged in ("99", "9999999999", "99-1"):
        frames = await frames_of(await follow_job(student, job.id, hub, last_id=forged))
        assert len(frames) == 5, "who has more than there is gets the whole"


async def test_silence_is_broken_by_comments(student: Actor, hub: EventHub) -> None:
    job = await ask(actor=student)
    with environment(STOA_SSE_COMMENT="0.2"):
        batches = await follow_job(student, job.id, hub)
        assert batches is not None
        async with asyncio.timeout(10), aclosing(batches):
            assert [(await anext(batches))[0].name, await anext(batches)] == ["snapshot", [Frame()]]


async def test_cancelling_and_discarding_end_the_stream(student: Actor, school: School, hub: EventHub) -> None:
    job, reader = await ask(actor=student), Reader()
    reading = asyncio.create_task(reader.follow(student, job, hub))
    await cancel_job(student, job.id)
    await reading
    assert reader.state["status"] == "canceled"

    gone = await ask("trouble", {"how": "permanent"}, student)
    async with working():
        await reaches(gone.id, JobStatus.FAILED)
    assert await discard_jobs(await school.actor("administrator"), [gone.id]) == 1
    with pytest.raises(NotFound):
        await follow_job(student, gone.id, hub)


async def test_only_the_owner_and_administrators_follow(school: School, student: Actor, hub: EventHub) -> None:
    job = await ask(actor=student)
    assert await follow_job(await school.actor("administrator"), job.id, hub) is not None
    for role in ("instructor", "assistant", "student_elsewhere"):
        with pytest.raises(NotFound):
            await follow_job(await school.actor(role), job.id, hub)
    with pytest.raises(NotSignedIn):
        await follow_job(await school.actor("anonymous"), job.id, hub)
    for malformed in ("x", "1-", "-1", "1-2-3", "1\n", "１"):
        with pytest.raises(Invalid):
            await follow_job(student, job.id, hub, last_id=malformed)
