"""A worker in the test's own process: how attempts end, cancelling, stopping, limits, files and words."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from backend.access import SYSTEM
from backend.access.models import Person
from backend.core.clock import now
from backend.core.events import EventHub
from backend.core.redis import get_redis
from backend.jobs import (
    JobStatus,
    Kind,
    Lane,
    cancel_job,
    known_kinds,
    list_artifacts,
    read_log,
    register,
    stream_name,
)
from backend.jobs.carrier import push
from tests.support.jobs import ask, effects_of, fetch, job_of, reaches, set_columns, working
from tests.support.school import School, change


class Store:
    """Object storage in memory."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, str]] = {}

    async def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
        self.held[key] = (data, content_type)


async def test_a_job_is_done_once_with_its_effect_and_result() -> None:
    async with working():
        job = await reaches((await ask()).id)
    assert (job.status, job.attempts, job.result, job.progress) == (JobStatus.SUCCEEDED, 1, {"attempt": 1}, 1.0)
    assert (job.lease_token, job.lease_expires_at) == (None, None)
    assert job.finished_at is not None
    assert await effects_of(job.id) == 1


async def test_a_job_of_another_lane_waits_for_that_lane() -> None:
    job = await ask("heavy")
    async with working(Lane.IO):
        await reaches((await ask()).id)
        assert (await job_of(job.id)).status == JobStatus.QUEUED
    async with working(Lane.CPU) as worker:
        assert worker.places == 1
        assert (await reaches(job.id)).status == JobStatus.SUCCEEDED


async def test_an_id_that_comes_often_is_done_once() -> None:
    job = await ask(payload={"seconds": 0.1})
    await push([(job.id, "io", priority) for priority in ("p0", "p1", "p2", "p3") for _ in range(5)])
    async with working():
        await reaches(job.id)
        await push([(job.id, "io", "p2")] * 5)
        await reaches((await ask()).id)
    assert ((await job_of(job.id)).attempts, await effects_of(job.id)) == (1, 1)


async def test_a_job_that_isnt_due_waits() -> None:
    job = await ask(run_at=now().replace(year=now().year + 1))
    async with working():
        await reaches((await ask()).id)
    assert (await job_of(job.id)).status == JobStatus.QUEUED


async def test_a_passing_failure_is_tried_again_until_it_works() -> None:
    async with working():
        job = await reaches((await ask("trouble", {"times": 2})).id)
    assert (job.status, job.attempts, job.error_class) == (JobStatus.SUCCEEDED, 3, "")


async def test_used_up_attempts_end_in_a_dead_letter_without_secrets() -> None:
    async with working():
        job = await reaches((await ask("trouble")).id)
    assert (job.status, job.attempts, job.error_class) == (JobStatus.DEAD, 3, "RuntimeError")
    assert "secret" not in job.error_message


async def test_a_permanent_failure_is_not_tried_again() -> None:
    async with working():
        job = await reaches((await ask("trouble", {"how": "permanent"})).id)
    assert (job.status, job.attempts, job.error_message) == (JobStatus.FAILED, 1, "This can't ever work.")


async def test_a_deferral_gives_the_attempt_back() -> None:
    job = await ask("trouble", {"how": "deferred", "delay": 0.3})
    async with working():
        while not (await fetch("SELECT 1 FROM jobs WHERE run_at > created_at + interval '0.2 s'")):
            await asyncio.sleep(0.01)
        deferred = await job_of(job.id)
        assert (deferred.status, deferred.attempts) == (JobStatus.QUEUED, 0)
        while (again := await job_of(job.id)).run_at == deferred.run_at:
            assert again.attempts <= 1
            await asyncio.sleep(0.01)
        assert (again.status, again.attempts) == (JobStatus.QUEUED, 0)
        await cancel_job(SYSTEM, job.id)


async def test_an_attempt_that_takes_too_long_fails() -> None:
    async with working():
        job = await reaches((await ask("hasty", {"seconds": 30})).id)
    assert (job.status, job.attempts, job.error_class) == (JobStatus.DEAD, 2, "TimeoutError")
    assert await effects_of(job.id) == 0


async def test_a_result_that_cant_be_stored_fails_its_job_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk_nonsense(_context: Any, _payload: Any) -> Any:
        return known_kinds()["trouble"].payload(how="\0")

    trouble = known_kinds()["trouble"]
    register(Kind("nonsense", trouble.payload, trouble.payload, talk_nonsense, trouble.action))
    jobs = [await ask("nonsense"), await ask("noop")]
    async with working():
        ended = [await reaches(job.id) for job in jobs]
    assert [job.status for job in ended] == [JobStatus.FAILED, JobStatus.SUCCEEDED]
    assert "can't be stored" in ended[0].error_message


async def test_a_running_job_is_cancelled_at_once() -> None:
    job = await ask(payload={"seconds": 60})
    async with working(STOA_JOB_LEASE="60"):  # so that no heartbeat tells the worker, but the hint
        await reaches(job.id, JobStatus.RUNNING)
        assert (await cancel_job(SYSTEM, job.id)).cancel_requested
        assert (await reaches(job.id)).status == JobStatus.CANCELED
    assert await effects_of(job.id) == 0


async def test_a_running_job_is_cancelled_when_the_hint_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose(_ids: object) -> None:
        return

    monkeypatch.setattr("backend.jobs.reading.hint_cancel", lose)
    job = await ask(payload={"seconds": 60})
    async with working():
        await reaches(job.id, JobStatus.RUNNING)
        await cancel_job(SYSTEM, job.id)
        assert (await reaches(job.id)).status == JobStatus.CANCELED


async def test_a_worker_that_stops_lets_short_jobs_finish_and_hands_on_long_ones() -> None:
    short, long = await ask(payload={"seconds": 0.2}), await ask(payload={"seconds": 60})
    async with working():
        await reaches(short.id, JobStatus.RUNNING)
        await reaches(long.id, JobStatus.RUNNING)
    assert (await job_of(short.id)).status == JobStatus.SUCCEEDED
    handed_on = await job_of(long.id)
    assert (handed_on.status, handed_on.attempts, handed_on.lease_token) == (JobStatus.QUEUED, 0, None)
    assert await get_redis().lrange("rq:queue:io:p2", 0, -1) == [str(long.id)]
    assert await fetch("SELECT 1 FROM job_workers") == []


async def test_a_job_taken_away_writes_nothing() -> None:
    job = await ask(payload={"seconds": 60})
    async with working() as worker:
        await reaches(job.id, JobStatus.RUNNING)
        await set_columns(job.id, lease_token="gen_random_uuid()", worker="'another'")
        while worker._running:
            await asyncio.sleep(0.02)
        taken = await job_of(job.id)
    assert (taken.status, taken.worker) == (JobStatus.RUNNING, "another")
    assert await effects_of(job.id) == 0


async def test_a_late_success_is_refused_with_its_effect() -> None:
    job = await ask(payload={"seconds": 0.5})
    async with working(STOA_JOB_LEASE="60"):  # no heartbeat tells the worker that the job is another's
        await reaches(job.id, JobStatus.RUNNING)
        await set_columns(job.id, lease_token="gen_random_uuid()")
        await asyncio.sleep(0.8)
    assert (await job_of(job.id)).status == JobStatus.RUNNING
    assert await effects_of(job.id) == 0


async def test_a_person_who_may_no_longer_gets_no_job_done(school: School) -> None:
    student = await school.actor("student")
    job = await ask(actor=student)
    await change(Person, student.person_id, disabled_at=now())
    async with working():
        ended = await reaches(job.id)
    assert (ended.status, ended.attempts) == (JobStatus.FAILED, 1)
    assert "no longer active" in ended.error_message


async def test_no_more_of_a_kind_run_than_its_limit() -> None:
    jobs = [await ask("few", {"seconds": 0.1}) for _ in range(10)]
    seen = 0
    async with working(), working():
        while (await fetch("SELECT count(*) FROM jobs WHERE status = 'succeeded'"))[0][0] < 10:
            running = (await fetch("SELECT count(*) FROM jobs WHERE status = 'running'"))[0][0]
            assert running <= 2
            seen = max(seen, running)
            await asyncio.sleep(0.01)
    assert seen == 2
    assert [(await job_of(job.id)).attempts for job in jobs] == [1] * 10


async def test_files_and_words_of_a_job(school: School) -> None:
    store = Store()
    async with working(store=store):
        job = await reaches((await ask("files")).id)
    assert (job.status, job.progress_note) == (JobStatus.SUCCEEDED, "half")
    lines = await read_log(SYSTEM, job.id)
    assert [(line.sequence, line.level, line.message, line.data) for line in lines] == [
        (1, "info", "begun ?", {"pieces": 2}),
        (2, "warning", "within a transaction", {}),
    ]
    assert [line.sequence for line in await read_log(SYSTEM, job.id, after=1)] == [2]
    files = {each.name: each for each in await list_artifacts(SYSTEM, job.id)}
    assert {name: (each.size, each.content_type) for name, each in files.items()} == {
        "a.txt": (4, "text/plain"),
        "b.bin": (1, "application/octet-stream"),
    }
    assert store.held[files["a.txt"].key] == (b"new!", "text/plain")


async def test_readers_are_told_what_happens() -> None:
    job = await ask("effect", {"seconds": 0.02, "steps": 2})
    async with working():
        await reaches(job.id)
    told = [(event.name, event.data) for event in await EventHub().read(stream_name(job.id))]
    assert [name for name, _ in told] == ["status", "progress", "progress", "status"]
    assert "running" in told[0][1]
    assert "succeeded" in told[-1][1]
    assert 0 < await get_redis().ttl(stream_name(job.id)) <= 3600


@pytest.fixture(autouse=True)
def _forget_nonsense() -> Iterator[None]:
    yield
    known_kinds().pop("nonsense", None)  # type: ignore[attr-defined]
