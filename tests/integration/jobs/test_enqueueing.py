"""Enqueueing: in the caller's transaction, once per key, refused with the field named."""

import asyncio
from typing import Any

import pytest

from backend.access import ANONYMOUS, SYSTEM
from backend.core.database import transaction
from backend.core.errors import Conflict, Invalid, NotFound, NotSignedIn
from backend.core.redis import close_redis
from backend.jobs import (
    JobStatus,
    Priority,
    cancel_job,
    enqueue,
    list_jobs,
    pushes_done,
    read_job,
    read_log,
    retry_job,
)
from backend.jobs.carrier import carried
from tests.support.jobs import ask, fetch, job_of, set_columns
from tests.support.school import School
from tests.support.services import environment


async def test_a_job_is_stored_and_its_id_carried() -> None:
    job = await ask(payload={"seconds": 1}, priority=Priority.P0)
    assert (job.status, job.lane, job.attempts, job.payload["seconds"]) == (JobStatus.QUEUED, "io", 0, 1.0)
    assert await carried("io", "p0") == {job.id}
    assert await carried("io", "p2") == set()


async def test_nothing_is_stored_or_carried_when_the_caller_rolls_back() -> None:
    with pytest.raises(RuntimeError):
        async with transaction() as session:
            await enqueue(session, SYSTEM, "effect", {})
            raise RuntimeError
    await pushes_done()
    assert await carried("io", "p2") == set()
    assert await fetch("SELECT id FROM jobs") == []


async def test_the_job_is_stored_when_redis_is_away() -> None:
    with environment(REDIS_URL="redis://127.0.0.1:1/0"):
        await close_redis()
        job = await ask()
        await close_redis()
    assert (await job_of(job.id)).status == JobStatus.QUEUED


@pytest.mark.parametrize(
    ("kind", "payload", "named"),
    [
        ("teleport", {}, "kind: .*'teleport'"),
        ("effect", {"seconds": -1}, "payload.seconds"),
        ("effect", {"seconds": "soon"}, "payload.seconds"),
        ("trouble", {"how": "x" * 300_000}, "payload: .* bytes"),
    ],
)
async def test_what_doesnt_fit_is_refused_with_the_field_named(kind: str, payload: Any, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        await ask(kind, payload)


async def test_a_payload_that_no_column_can_hold_is_refused() -> None:
    with pytest.raises(Invalid):
        await ask("trouble", {"how": "\0"})


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_a_key_of_the_wrong_length_is_refused(key: str) -> None:
    with pytest.raises(Invalid, match="idempotency_key"):
        await ask(idempotency_key=key)


async def test_the_same_key_and_payload_give_the_same_job() -> None:
    first = await ask(payload={"seconds": 2}, idempotency_key="k")
    assert (await ask(payload={"seconds": 2.0}, idempotency_key="k")).id == first.id
    await set_columns(first.id, status="'succeeded'", finished_at="now()")
    assert (await ask(payload={"seconds": 2}, idempotency_key="k")).status == JobStatus.SUCCEEDED


async def test_the_same_key_at_the_same_moment_gives_one_job() -> None:
    jobs = await asyncio.gather(*(ask(idempotency_key="k") for _ in range(8)))
    assert len({job.id for job in jobs}) == 1


async def test_the_same_key_with_another_payload_is_a_conflict() -> None:
    await ask(payload={"seconds": 1}, idempotency_key="k")
    with pytest.raises(Conflict):
        await ask(payload={"seconds": 2}, idempotency_key="k")


async def test_a_key_belongs_to_its_person_and_kind(school: School) -> None:
    one, other = await school.actor("student"), await school.actor("instructor")
    ids = {
        (await ask(actor=actor, kind=kind, idempotency_key="k")).id
        for actor in (SYSTEM, one, other)
        for kind in ("effect", "few")
    }
    assert len(ids) == 6


async def test_a_key_is_free_again_after_thirty_days() -> None:
    old = await ask(idempotency_key="k")
    await set_columns(old.id, created_at="now() - interval '31 days'")
    assert (await ask(payload={"seconds": 2}, idempotency_key="k")).id != old.id


async def test_nobody_enqueues_nothing() -> None:
    with pytest.raises(NotSignedIn):
        await ask(actor=ANONYMOUS)


async def test_a_person_sees_their_own_jobs_and_administrators_all(school: School) -> None:
    student, administrator = await school.actor("student"), await school.actor("administrator")
    mine, other = await ask(actor=student), await ask(actor=await school.actor("instructor"))
    assert [job.id for job in (await list_jobs(student)).jobs] == [mine.id]
    assert [job.id for job in (await list_jobs(administrator, everybody=True)).jobs] == [other.id, mine.id]
    assert (await read_job(administrator, mine.id)).id == mine.id
    for reading in (read_job, read_log, cancel_job, retry_job):
        with pytest.raises(NotFound):
            await reading(student, other.id)


async def test_a_list_goes_on_where_it_stopped() -> None:
    made = [(await ask(kind=kind)).id for kind in ("effect", "noop", "effect", "effect")]
    page = await list_jobs(SYSTEM, everybody=True, kind="effect", limit=2)
    assert [job.id for job in page.jobs] == [made[3], made[2]]
    rest = await list_jobs(SYSTEM, everybody=True, kind="effect", limit=2, before=page.next_before)
    assert ([job.id for job in rest.jobs], rest.next_before) == ([made[0]], None)


async def test_a_queued_job_is_cancelled_at_once_and_only_once(school: School) -> None:
    student = await school.actor("student")
    job = await ask(actor=student)
    assert (await cancel_job(student, job.id)).status == JobStatus.CANCELED
    assert (await cancel_job(student, job.id)).status == JobStatus.CANCELED
    with pytest.raises(Conflict):
        await retry_job(student, job.id)


async def test_a_dead_job_is_retried_with_all_its_attempts(school: School) -> None:
    student = await school.actor("student")
    job = await ask(actor=student)
    await set_columns(job.id, status="'dead'", finished_at="now()", attempts="20", error_message="'It broke.'")
    again = await retry_job(student, job.id)
    assert (again.status, again.attempts, again.error_message, again.finished_at) == (JobStatus.QUEUED, 0, "", None)
    with pytest.raises(Conflict):
        await retry_job(student, job.id)


async def test_a_finished_job_cant_be_cancelled() -> None:
    job = await ask()
    await set_columns(job.id, status="'succeeded'", finished_at="now()")
    with pytest.raises(Conflict):
        await cancel_job(SYSTEM, job.id)
