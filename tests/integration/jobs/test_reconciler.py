"""Putting the queue in order: lost ids, lost workers, what waited long; by one leader, over the right indexes."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from backend.access import SYSTEM
from backend.core.database import transaction
from backend.core.redis import get_redis
from backend.jobs import JobStatus, Lane, Priority, cancel_job, ordering_queries, queries
from backend.jobs.carrier import carried
from backend.jobs.claiming import claim_jobs
from backend.jobs.reconciler import reconcile
from tests.support.jobs import add_finished, ask, job_of, set_columns


async def claimed(**columns: str) -> Any:
    """A job that a worker has begun and won't end; its row."""
    job = await ask()
    await claim_jobs(Lane.IO, [job.id], "lost:1:1", 1)
    await get_redis().flushall()
    if columns:
        await set_columns(job.id, **columns)
    return await job_of(job.id)


EXPIRED = {"lease_expires_at": "clock_timestamp() - interval '1 s'"}


async def test_a_lost_id_is_handed_on_once() -> None:
    job = await ask(priority=Priority.P1)
    await get_redis().flushall()
    for _ in range(3):
        await reconcile("me")
    assert await get_redis().lrange("rq:queue:io:p1", 0, -1) == [str(job.id)]


async def test_a_job_that_isnt_due_is_not_handed_on() -> None:
    job = await ask()
    await set_columns(job.id, run_at="now() + interval '1 h'")
    await get_redis().flushall()
    await reconcile("me")
    assert await carried("io", "p2") == set()


async def test_a_lost_workers_job_is_queued_again_and_its_attempt_counts() -> None:
    job = await claimed(**EXPIRED)
    await reconcile("me")
    again = await job_of(job.id)
    assert (again.status, again.attempts, again.lease_token) == (JobStatus.QUEUED, 1, None)
    assert await carried("io", "p2") == {job.id}


async def test_a_living_lease_is_left_alone() -> None:
    job = await claimed()
    await reconcile("me")
    assert (await job_of(job.id)).lease_token == job.lease_token


async def test_a_job_that_kills_its_workers_ends_dead() -> None:
    job = await claimed(**EXPIRED, attempts="max_attempts")
    await reconcile("me")
    dead = await job_of(job.id)
    assert (dead.status, dead.error_class) == (JobStatus.DEAD, "WorkerLost")
    assert dead.finished_at is not None


async def test_a_cancellation_whose_worker_is_lost_is_finished() -> None:
    job = await claimed()
    await cancel_job(SYSTEM, job.id)
    await set_columns(job.id, **EXPIRED)
    await reconcile("me")
    assert (await job_of(job.id)).status == JobStatus.CANCELED


async def test_what_waited_long_rises_by_one_priority() -> None:
    old, new = await ask(priority=Priority.P3), await ask(priority=Priority.P3)
    await set_columns(old.id, waiting_since="now() - interval '1 h'", run_at="now() - interval '1 h'")
    for _ in range(2):
        await reconcile("me")
    assert [(await job_of(job.id)).priority for job in (old, new)] == ["p2", "p3"]
    assert old.id in await carried("io", "p2")


async def test_a_paused_kind_is_not_handed_on_and_not_begun() -> None:
    job = await ask()
    async with transaction() as session:
        await session.execute(
            text("INSERT INTO job_pauses (id, created_at, subject) VALUES (:id, now(), 'kind:effect')"), {"id": uuid4()}
        )
    assert await claim_jobs(Lane.IO, [job.id], "me", 1) == []
    await get_redis().flushall()
    await reconcile("me")
    assert await carried("io", "p2") == set()


async def test_a_limited_kind_is_handed_on_as_far_as_it_may_run() -> None:
    jobs = [await ask("few") for _ in range(5)]
    assert len(await claim_jobs(Lane.IO, [jobs[0].id], "me", 5)) == 1
    await get_redis().flushall()
    for _ in range(2):
        await reconcile("me")
    assert await get_redis().lrange("rq:queue:io:p2", 0, -1) == [str(jobs[1].id)]


async def test_of_many_workers_one_leads_a_round() -> None:
    for name in ("a", "b", "c", "d"):
        async with transaction() as session:
            await ordering_queries.show_life(session, name, "io", 1)
    assert sorted(await asyncio.gather(*(reconcile(name) for name in "abcd"))) == [False, False, False, True]
    assert [await reconcile(name) for name in "abcd"] == [False] * 4


async def test_a_round_without_redis_still_takes_jobs_from_lost_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    job = await claimed(**EXPIRED)

    def refuse(**_options: object) -> None:
        from redis.exceptions import ConnectionError as NoRedis

        raise NoRedis

    monkeypatch.setattr("backend.jobs.carrier.get_redis", refuse)
    await reconcile("me")
    assert (await job_of(job.id)).status == JobStatus.QUEUED


async def scans(statement: str, **values: Any) -> set[str]:
    """How a statement would read the table of jobs: the names of indexes, or of a scan without one."""
    async with transaction() as session:
        found = await session.execute(text(f"EXPLAIN (FORMAT JSON) {statement}"), values)
    read: set[str] = set()

    def look(node: dict[str, Any]) -> None:
        if "Index Name" in node:
            read.add(node["Index Name"])
        elif (
            node.get("Relation Name") == "jobs"
            and node["Node Type"].endswith("Scan")
            and "Bitmap" not in node["Node Type"]
        ):
            read.add(node["Node Type"])
        for below in node.get("Plans", ()):
            look(below)

    look(found.scalar_one()[0]["Plan"])
    return read


async def test_claiming_and_ordering_read_no_finished_job() -> None:
    await add_finished(20_000)
    lane = {"lane": "io", "priority": "p2"}
    ids = [uuid4() for _ in range(16)]
    own = {"pk_jobs", "ix_jobs_due", "uq_job_pauses_subject", "ix_jobs_leases", "ix_jobs_running_kind"}
    plans = [
        await scans(queries.CLAIM, ids=ids, lane="io", kinds=["effect"], worker="me", lease=15.0, most=16),
        await scans(queries.BEAT, ids=ids, tokens=ids, lease=15.0),
        await scans(queries.RUNNING_OF_KIND, kind="few"),
        await scans(ordering_queries.END_LEASES, most=1000),
        await scans(ordering_queries.AGE, **lane, higher="p1", seconds=300.0, most=1000),
        await scans(ordering_queries.DUE, **lane, limited=["few"], most=1000),
        await scans(ordering_queries.DUE_OF_KIND, lane="io", priorities=list(Priority), kind="few", most=2),
    ]
    for plan in plans:
        assert plan
        assert plan <= own
