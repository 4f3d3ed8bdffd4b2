"""Jobs: how soon one begins, how many a second, how soon a killed worker's job runs again, what order costs.

Beside plain RQ on the same Redis with the same no-op: `SimpleWorker`, which like ours doesn't fork, and its default
worker, which does.
"""

import argparse
import asyncio
import os
import signal
import statistics
import time
from uuid import UUID

import rq

from backend.access import SYSTEM
from backend.core.database import dispose_engine, transaction
from backend.core.logs import configure_logging
from backend.core.redis import close_redis
from backend.core.settings import get_settings
from backend.jobs import Priority, enqueue, pushes_done
from backend.jobs.carrier import push
from backend.jobs.reconciler import reconcile
from bench.plain_rq import PAUSE, connect, rq_latency, rq_throughput
from bench.stage import percentile, services
from tests.support.job_nursery import Nursery
from tests.support.jobs import FINISHED, execute, fetch, make_effects_table, register_kinds


async def ended(jobs: int) -> None:
    """Wait until so many jobs have ended."""
    while (await fetch("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL"))[0][0] < jobs:
        await asyncio.sleep(0.1)


async def afresh() -> None:
    """No jobs, nothing in Redis."""
    await execute("TRUNCATE jobs, job_workers CASCADE")
    with connect() as client:
        client.flushall()


async def latency(nursery: Nursery, jobs: int) -> list[float]:
    """Our milliseconds from asking, before the transaction begins, to the start of the handler."""
    await afresh()
    nursery.start()
    await asyncio.sleep(2)
    for _ in range(jobs):
        async with transaction() as session:
            await enqueue(session, SYSTEM, "timed", {"asked": time.time()}, priority=Priority.P0)
        await asyncio.sleep(PAUSE)
    await ended(jobs)
    nursery.clear()
    return [row[0] * 1000 for row in await fetch("SELECT (result->>'waited')::float8 FROM jobs")]


async def throughput(nursery: Nursery, workers: int, jobs: int) -> float:
    """Our jobs per second from a full queue, by the database's clock."""
    await afresh()
    async with transaction() as session:
        ids = [(await enqueue(session, SYSTEM, "noop", {})).id for _ in range(jobs)]
    await pushes_done()
    assert len(ids) == jobs
    nursery.start_many(workers)
    await ended(jobs)
    nursery.clear()
    taken = await fetch("SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM jobs")
    return jobs / float(taken[0][0])


async def after_a_kill(nursery: Nursery) -> float:
    """Seconds from kill -9 of the worker of a running job until another has begun it, with the default settings."""
    await afresh()
    first = nursery.start()
    async with transaction() as session:
        job = await enqueue(session, SYSTEM, "effect", {"seconds": 600})
    while (await fetch("SELECT status FROM jobs"))[0][0] != "running":
        await asyncio.sleep(0.01)
    nursery.start()
    await asyncio.sleep(3)
    os.kill(first, signal.SIGKILL)
    killed = time.monotonic()
    while not await _begun_again(job.id):
        await asyncio.sleep(0.02)
    nursery.clear()
    return time.monotonic() - killed


async def _begun_again(job_id: UUID) -> bool:
    found = await fetch("SELECT 1 FROM jobs WHERE id = :id AND attempts = 2 AND status = 'running'", id=job_id)
    return bool(found)


async def rounds(rows: int, count: int) -> list[float]:
    """Milliseconds of the reconciler's rounds beside `rows` finished jobs and 500 that wait."""
    await afresh()
    for _ in range(rows // 100_000 or 1):
        await execute(FINISHED, count=min(rows, 100_000))
    async with transaction() as session:
        waiting = [await enqueue(session, SYSTEM, "effect", {}) for _ in range(500)]
    await execute("ANALYZE jobs")
    await push([(job.id, job.lane, job.priority) for job in waiting])
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        assert await reconcile("bench")
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def _spread(name: str, values: list[float]) -> None:
    print(f"{name:58} p50 {statistics.median(values):7.1f} ms   p95 {percentile(values, 0.95):7.1f} ms", flush=True)


async def measure(jobs: int, rows: int) -> None:
    """Print every figure."""
    register_kinds()
    await make_effects_table()
    nursery = Nursery()
    try:
        _spread("from asking to the start of the handler", await latency(nursery, 200))
        _spread("… plain RQ, SimpleWorker", rq_latency(200))
        for workers in (1, 2, 4):
            ours = await throughput(nursery, workers, jobs)
            simple = rq_throughput(rq.SimpleWorker, workers, jobs)
            forking = rq_throughput(rq.Worker, workers, max(1, jobs // 10))
            print(
                f"jobs/s with {workers} workers: {ours:7.0f}   RQ SimpleWorker {simple:7.0f}   RQ Worker {forking:7.0f}"
                f"   ratio to SimpleWorker {ours / simple:.2f}",
                flush=True,
            )
        kills = [await after_a_kill(nursery) for _ in range(3)]
        print(f"kill -9 to running again: {', '.join(f'{seconds:.1f} s' for seconds in kills)}", flush=True)
        _spread(f"reconciler's round beside {rows:,} finished jobs", await rounds(rows, 20))
    finally:
        nursery.close()
        await dispose_engine()
        await close_redis()


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_000, help="jobs of each throughput figure")
    parser.add_argument("--rows", type=int, default=1_000_000, help="finished jobs beside which the reconciler works")
    options = parser.parse_args()
    os.environ["STOA_LOG_LEVEL"] = "error"
    get_settings.cache_clear()
    configure_logging()
    with services():
        asyncio.run(measure(options.jobs, options.rows))


if __name__ == "__main__":
    main()
