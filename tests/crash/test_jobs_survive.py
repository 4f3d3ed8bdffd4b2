"""Every way of losing a process, a message or a service: no job lost, no effect doubled, attempts counted right."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import pytest
import redis

from backend.access import SYSTEM
from backend.core.database import dispose_engine, transaction
from backend.core.embedded.cluster import forget_cluster
from backend.core.embedded.postgres import Postgres, start_postgres
from backend.core.embedded.processes import stop
from backend.core.embedded.valkey import Valkey, start_valkey
from backend.core.errors import Conflict, Unavailable
from backend.core.redis import close_redis
from backend.jobs import JobStatus, cancel_job, enqueue, pushes_done
from backend.jobs.administration import pause, resume
from backend.jobs.carrier import push
from backend.jobs.models import Priority
from tests.support import services as support
from tests.support.job_nursery import Nursery, runs
from tests.support.jobs import FAST, fetch, make_effects_table, register_kinds

FULL = bool(os.environ.get("TEST_FULL"))
JOBS = 500 if FULL else 100
"""In each scenario."""
OUTAGE = 10.0 if FULL else 1.5
"""Seconds that Redis is away: far longer than a lease, which is 0.9 s here."""
BRIEF = {"seconds": 0.05}
WORKERS = 3

pytestmark = pytest.mark.timeout(600 if FULL else 120)


@dataclass
class Stage:
    """Services and workers of one test."""

    postgres: Postgres
    valkey: Valkey
    nursery: Nursery

    async def enqueue(
        self, count: int = JOBS, kind: str = "effect", payload: dict[str, object] | None = None
    ) -> list[UUID]:
        """Enqueue jobs of every priority, each under a key of its own."""
        ids = []
        async with transaction() as session:
            for number in range(count):
                job = await enqueue(
                    session,
                    SYSTEM,
                    kind,
                    payload or dict(BRIEF),
                    priority=random.choice(list(Priority)),
                    idempotency_key=f"job {number}",
                )
                ids.append(job.id)
        await pushes_done()
        return ids

    async def waits_for(self, condition: str) -> None:
        """Wait until a query gives true, however often Postgres is away meanwhile."""
        while True:
            with suppress(Unavailable):
                if (await fetch(f"SELECT {condition}"))[0][0]:
                    return
            await asyncio.sleep(0.03)

    async def some_end(self, share: float) -> None:
        """Wait until a share of all jobs has ended."""
        await self.waits_for(f"count(*) FILTER (WHERE finished_at IS NOT NULL) >= {share} * count(*) FROM jobs")

    async def all_end(self) -> None:
        """Wait until every job has ended."""
        await self.waits_for("count(*) = 0 FROM jobs WHERE finished_at IS NULL")

    async def each_left_one_effect(self, count: int = JOBS) -> None:
        """Every job succeeded and left exactly one effect, in the attempt that its row names."""
        await self.all_end()
        rows = await fetch(
            "SELECT status, attempts, array(SELECT attempt FROM effects WHERE job_id = jobs.id)"
            " FROM jobs WHERE kind = 'effect'"
        )
        assert len(rows) == count
        assert [row for row in rows if row[0] != "succeeded" or row[2] != [row[1]]] == []

    async def freeze_a_busy_worker(self) -> int:
        """Stop a worker in the middle of jobs; its pid."""
        while True:
            for (worker,) in await fetch("SELECT DISTINCT worker FROM jobs WHERE status = 'running'"):
                os.kill(pid := int(worker.split(":")[-2]), signal.SIGSTOP)
                if await fetch(f"SELECT 1 FROM jobs WHERE status = 'running' AND worker = '{worker}'"):
                    return pid
                os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0.01)

    async def freeze_any_worker(self) -> int:
        """Stop a worker, whatever it does; its pid."""
        return self.nursery.signal_one(signal.SIGSTOP)

    async def attempts(self) -> int:
        """All attempts together."""
        return int((await fetch("SELECT sum(attempts) FROM jobs"))[0][0])


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("services")
    (folder / "logs").mkdir()
    server = start_postgres(folder)
    with support.environment(DATABASE_URL="", SECRET_KEY=""):
        support.make_template(server.url_of("postgres"))
    yield server
    server.stop()
    forget_cluster(folder)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    folder = tmp_path_factory.mktemp("valkey")
    (folder / "logs").mkdir()
    server = start_valkey(folder)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


@pytest.fixture
async def stage(postgres: Postgres, valkey: Valkey, nursery: Nursery) -> AsyncIterator[Stage]:
    databases = support.Databases(postgres.url_of("postgres"))
    url = databases.create()
    databases.close()
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    variables = {
        **FAST,
        "STOA_WORKER_PLACES": "4",
        "STOA_DATABASE_POOL": "6",
        "STOA_LOG_LEVEL": "error",
        "DATABASE_URL": url,
        "REDIS_URL": valkey.url,
        "SECRET_KEY": support.SECRET_KEY,
    }
    with support.environment(**variables):
        register_kinds()
        await make_effects_table()
        yield Stage(postgres, valkey, nursery)
        nursery.clear()
        await pushes_done()
        await dispose_engine()
        await close_redis()
    databases = support.Databases(postgres.url_of("postgres"))
    databases.drop(url)
    databases.close()


async def test_killed_workers(stage: Stage) -> None:
    await stage.enqueue()
    stage.nursery.start_many(WORKERS)
    for share in (0.1, 0.25, 0.4, 0.55, 0.7):
        await stage.some_end(share)
        stage.nursery.signal_one()
        stage.nursery.start()
    await stage.each_left_one_effect()
    assert await stage.attempts() > JOBS  # somebody was killed in the middle of a job


async def test_an_emptied_redis(stage: Stage) -> None:
    await stage.enqueue()
    stage.nursery.start_many(WORKERS)
    with redis.Redis.from_url(stage.valkey.url) as client:
        for share in (0.0, 0.1, 0.3, 0.6):
            await stage.some_end(share)
            client.flushall()
    await stage.each_left_one_effect()


async def test_redis_away_for_long(stage: Stage) -> None:
    await stage.enqueue()
    stage.nursery.start_many(WORKERS)
    await stage.some_end(0.2)
    stage.valkey.stop()
    await asyncio.sleep(OUTAGE)
    stage.valkey.restart()
    await stage.each_left_one_effect()


async def test_a_restarted_postgres(stage: Stage) -> None:
    await stage.enqueue()
    stage.nursery.start_many(WORKERS)
    for share, sign in ((0.2, signal.SIGINT), (0.5, signal.SIGKILL)):
        await stage.some_end(share)
        stop(stage.postgres.child, sign)
        await asyncio.sleep(0.5)
        stage.postgres.restart()
    await stage.each_left_one_effect()


async def test_a_process_killed_between_commit_and_push(stage: Stage) -> None:
    stage.nursery.start_many(WORKERS)
    stage.nursery.start("dies before pushing", JOBS=str(JOBS))
    await stage.waits_for(f"count(*) = {JOBS} FROM jobs")
    await stage.each_left_one_effect()
    assert await stage.attempts() == JOBS


async def test_a_worker_killed_between_taking_an_id_and_winning_it(stage: Stage) -> None:
    await stage.enqueue()
    for _ in range(5):
        suicidal = stage.nursery.start("dies after popping")
        while runs(suicidal):
            await asyncio.sleep(0.02)
    assert await stage.attempts() == 0
    stage.nursery.start_many(WORKERS)
    await stage.each_left_one_effect()


async def test_a_killed_leader_of_the_reconciliation(stage: Stage) -> None:
    await stage.enqueue()
    stage.nursery.start_many(WORKERS)
    with redis.Redis.from_url(stage.valkey.url) as client:
        for share in (0.0, 0.2, 0.4, 0.6):
            await stage.some_end(share)
            client.flushall()  # so that only a leader can go on
            leader = await fetch(
                "SELECT name FROM job_workers WHERE reconciled_at IS NOT NULL ORDER BY reconciled_at DESC"
            )
            if leader:
                with suppress(ProcessLookupError):
                    os.kill(int(leader[0][0].split(":")[-2]), signal.SIGKILL)
                stage.nursery.start()
    await stage.each_left_one_effect()


async def test_leases_that_end_while_the_handler_still_runs(stage: Stage) -> None:
    await stage.enqueue(payload={"seconds": 0.3})
    stage.nursery.start_many(WORKERS)
    frozen = []
    for freeze in (stage.freeze_a_busy_worker, stage.freeze_any_worker):
        frozen.append(await freeze())
        stage.nursery.start()
        await asyncio.sleep(1.5)  # its lease is over, and another has begun its jobs anew
    for pid in frozen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    await stage.each_left_one_effect()
    assert await stage.attempts() > JOBS


async def test_handlers_that_hold_up_their_worker_until_the_lease_ends(stage: Stage) -> None:
    await stage.enqueue()
    await stage.enqueue(3, "block", {"seconds": 1.5})
    stage.nursery.start_many(WORKERS)
    await stage.each_left_one_effect()
    blocking = await fetch(
        "SELECT status, (SELECT count(*) FROM effects WHERE job_id = jobs.id) FROM jobs WHERE kind = 'block'"
    )
    assert [tuple(row) for row in blocking] == [("succeeded", 1)] * 3


async def test_a_worker_whose_loop_hangs_ends_itself(stage: Stage) -> None:
    await stage.enqueue(1, "block", {"seconds": 60})
    hanging = stage.nursery.start(STOA_JOB_WATCHDOG="2")
    while runs(hanging):
        await asyncio.sleep(0.05)
    stage.nursery.start()
    await stage.all_end()
    assert [tuple(row) for row in await fetch("SELECT status, attempts FROM jobs")] == [("succeeded", 2)]


async def test_every_id_delivered_many_times(stage: Stage) -> None:
    ids = await stage.enqueue()
    everywhere = [(job_id, "io", priority.value) for job_id in ids for priority in Priority]
    await push(everywhere)
    stage.nursery.start_many(WORKERS)
    for share in (0.2, 0.5, 0.8):
        await stage.some_end(share)
        await push(everywhere)
    await stage.each_left_one_effect()


async def test_machines_whose_clocks_differ(stage: Stage) -> None:
    await stage.enqueue()
    for hours in (-3, 0, 3):
        stage.nursery.start(CLOCK_SHIFT=str(hours))
    for share in (0.2, 0.5):
        await stage.some_end(share)
        stage.nursery.signal_one()
        stage.nursery.start(CLOCK_SHIFT=str(random.choice((-3, 3))))
    await stage.each_left_one_effect()
    assert await fetch("SELECT 1 FROM jobs WHERE finished_at > clock_timestamp() OR started_at < created_at") == []


async def test_cancelling_while_queued_running_and_finishing(stage: Stage) -> None:
    ids = await stage.enqueue(payload={"seconds": 0.1})
    queued = ids[: JOBS // 4]
    for job_id in queued:
        assert (await cancel_job(SYSTEM, job_id)).status == JobStatus.CANCELED
    stage.nursery.start_many(WORKERS)
    too_late = 0
    for job_id in ids[JOBS // 4 : JOBS * 3 // 4]:
        await stage.waits_for(f"status <> 'queued' FROM jobs WHERE id = '{job_id}'")
        await asyncio.sleep(random.uniform(0, 0.12))  # the handler ends 0.1 s after it began
        try:
            await cancel_job(SYSTEM, job_id)
        except Conflict:
            too_late += 1
    await stage.all_end()
    rows = await fetch("SELECT status, (SELECT count(*) FROM effects WHERE job_id = jobs.id) FROM jobs")
    assert {tuple(row) for row in rows} <= {("succeeded", 1), ("canceled", 0)}
    canceled = sum(row[0] == "canceled" for row in rows)
    assert len(queued) <= canceled <= JOBS * 3 // 4 - too_late


async def test_pausing_and_resuming(stage: Stage) -> None:
    await stage.enqueue()
    stage.nursery.start_many(WORKERS)
    for subject in ("lane:io", "kind:effect"):
        await stage.some_end(0.2)
        await pause(SYSTEM, subject)
        await stage.waits_for("count(*) = 0 FROM jobs WHERE status = 'running'")
        before = await stage.attempts()
        await asyncio.sleep(0.8)  # several rounds of the reconciler
        assert await stage.attempts() == before
        await resume(SYSTEM, subject)
    await stage.each_left_one_effect()


async def test_workers_asked_to_stop(stage: Stage) -> None:
    await stage.enqueue(payload={"seconds": 0.2})
    stage.nursery.start_many(WORKERS, STOA_JOB_GRACE="0.05")
    for share in (0.1, 0.3, 0.5):
        await stage.some_end(share)
        pid = stage.nursery.signal_one(signal.SIGTERM)
        stage.nursery.start()
        while runs(pid):
            await asyncio.sleep(0.02)
    await stage.each_left_one_effect()


async def test_jobs_that_kill_their_worker(stage: Stage) -> None:
    await stage.enqueue()
    await stage.enqueue(2, "trouble", {"how": "die"})
    stage.nursery.start_many(WORKERS)
    keeper = asyncio.create_task(keep_alive(stage.nursery))
    await stage.each_left_one_effect()
    keeper.cancel()
    deadly = await fetch("SELECT status, attempts, error_class FROM jobs WHERE kind = 'trouble'")
    assert [tuple(row) for row in deadly] == [("dead", 3, "WorkerLost")] * 2


async def keep_alive(nursery: Nursery) -> None:
    """What a supervisor does."""
    while True:
        if len(nursery.alive) < WORKERS:
            nursery.start()
        await asyncio.sleep(0.05)
