"""Kinds of jobs that only tests have, and what they leave behind."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text

from backend import storage
from backend.access import SYSTEM, Action, Actor
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.redis import close_redis
from backend.jobs import (
    Deferred,
    JobContext,
    JobStatus,
    JobView,
    Kind,
    Lane,
    LogLevel,
    Permanent,
    enqueue,
    pushes_done,
    register,
)
from backend.jobs.artifacts import artifact_key
from backend.jobs.claiming import claim_jobs
from backend.jobs.models import Job, JobArtifact
from backend.jobs.worker import Worker
from tests.support.services import environment

EFFECTS = "CREATE TABLE IF NOT EXISTS effects (job_id uuid NOT NULL, attempt int NOT NULL, pid int NOT NULL)"
"""What handlers of tests do. Nothing in it forbids doing it twice: that is what tests count."""


class Nothing(BaseModel):
    """A payload or result without content."""


class Effect(BaseModel):
    """What to do: first sleep, then leave one effect."""

    seconds: float = Field(default=0.0, ge=0, le=600)
    steps: int = Field(default=1, ge=1)


class Done(BaseModel):
    """What was done."""

    attempt: int


class Trouble(BaseModel):
    """How to fail: in each of the first `times` attempts."""

    how: str = "transient"
    times: int = 1_000
    delay: float = 0.05


async def leave_effect(context: JobContext, payload: Effect) -> Done:
    """Sleep in steps, then store effect and success together."""
    for step in range(payload.steps):
        if payload.steps > 1:
            await context.progress(step / payload.steps, f"step {step}")
        await asyncio.sleep(payload.seconds / payload.steps)
    result = Done(attempt=context.attempt)
    async with context.transaction() as session:
        await session.execute(
            text("INSERT INTO effects VALUES (:job, :attempt, :pid)"),
            {"job": context.job_id, "attempt": context.attempt, "pid": os.getpid()},
        )
        await context.succeed(session, result)
    return result


async def block(context: JobContext, payload: Effect) -> Done:
    """Hold up the whole event loop, as a handler must not; then try to leave the effect."""
    time.sleep(payload.seconds if context.attempt == 1 else 0)
    return await leave_effect(context, Effect())


async def get_into_trouble(context: JobContext, payload: Trouble) -> Nothing:
    """Fail as the payload says, then succeed."""
    if context.attempt > payload.times:
        return Nothing()
    if payload.how == "die":
        os._exit(9)
    if payload.how == "permanent":
        raise Permanent("This can't ever work.")
    if payload.how == "deferred":
        raise Deferred(payload.delay)
    raise RuntimeError("a secret that nobody may see")


async def make_files(context: JobContext, payload: Nothing) -> Nothing:
    """Store two files, one of them twice, and speak about it."""
    await context.log("be\0gun \ud800", pieces=2)
    await context.artifact("a.txt", b"old")
    await context.artifact("a.txt", b"new!", "text/plain")
    await context.artifact("b.bin", b"b")
    async with context.transaction():
        await context.log("within a transaction", level=LogLevel.WARNING)
        await context.progress(0.5, "half")
    return Nothing()


class Story(BaseModel):
    """How long a story is, and how long each chapter takes, in seconds."""

    chapters: int = 3
    seconds: float = 0.1
    topic: str = ""


async def tell_story(context: JobContext, payload: Story) -> Nothing:
    """Say something in each chapter, with markup that must stay text."""
    for chapter in range(1, payload.chapters + 1):
        await context.progress((chapter - 1) / payload.chapters, f"Chapter {chapter}")
        await context.log(f"<b onclick=alert(1)>chapter {chapter}</b>")
        await asyncio.sleep(payload.seconds)
    await context.log("The end.", level=LogLevel.WARNING)
    return Nothing()


class Asked(BaseModel):
    """When a job was asked for, in seconds since the epoch."""

    asked: float


class Waited(BaseModel):
    """Seconds from asking to the handler."""

    waited: float


async def tell_wait(_context: JobContext, payload: Asked) -> Waited:
    """Say how long it took to get here, on one machine."""
    return Waited(waited=time.time() - payload.asked)


async def do_nothing(_context: JobContext, _payload: Nothing) -> Nothing:
    """The cheapest job."""
    return Nothing()


KINDS = (
    Kind("noop", Nothing, Nothing, do_nothing, Action.SECTION_LIST),
    Kind("effect", Effect, Done, leave_effect, Action.SECTION_LIST, max_attempts=20, requestable=True),
    Kind("few", Effect, Done, leave_effect, Action.SECTION_LIST, limit=2),
    Kind("hasty", Effect, Done, leave_effect, Action.SECTION_LIST, time_limit=0.2, max_attempts=2),
    Kind("block", Effect, Done, block, Action.SECTION_LIST),
    Kind("trouble", Trouble, Nothing, get_into_trouble, Action.SECTION_LIST, max_attempts=3),
    Kind("timed", Asked, Waited, tell_wait, Action.SECTION_LIST),
    Kind("files", Nothing, Nothing, make_files, Action.SECTION_LIST, requestable=True),
    Kind("story", Story, Nothing, tell_story, Action.SECTION_LIST, title="A story", about="topic"),
    Kind("heavy", Effect, Done, leave_effect, Action.SECTION_LIST, lane=Lane.CPU),
)


FAST = {
    "STOA_JOB_LEASE": "0.9",
    "STOA_JOB_GRACE": "0.5",
    "STOA_JOB_RECONCILE": "0.25",
    "STOA_JOB_BACKOFF": "0.1",
    "STOA_JOB_BACKOFF_CAP": "1",
}
"""The design's times at about 1/20."""


@asynccontextmanager
async def working(lane: Lane = Lane.IO, store: Any = None, **settings: str) -> AsyncIterator[Worker]:
    """A worker in this process; asked to stop at the end of the block."""
    with environment(**{**FAST, **settings}):
        worker, stopping = Worker(lane, store), asyncio.Event()
        task = asyncio.create_task(worker.run(stopping))
        try:
            yield worker
        finally:
            stopping.set()
            await task


async def ask(kind: str = "effect", payload: Any = None, actor: Actor = SYSTEM, **options: Any) -> JobView:
    """Enqueue a job in a transaction of its own, and wait until its id was pushed."""
    async with transaction() as session:
        job = await enqueue(session, actor, kind, payload or {}, **options)
    await pushes_done()
    return job


async def begun(job: JobView) -> JobContext:
    """Win a queued job as a worker would; what its handler would hold."""
    (won,) = await claim_jobs(Lane(job.lane), [job.id], "test:1:1", 1)
    return JobContext(won, None)


@asynccontextmanager
async def redis_away() -> AsyncIterator[None]:
    """Inside, nobody answers where Redis was."""
    await close_redis()
    with environment(REDIS_URL="redis://127.0.0.1:1/0"):
        yield
        await close_redis()


async def reaches(job_id: UUID, *statuses: JobStatus) -> Job:
    """Wait until a job has one of these statuses (without any: a final one); its row."""
    async with asyncio.timeout(20):
        while True:
            job = await job_of(job_id)
            if JobStatus(job.status) in statuses or (not statuses and JobStatus(job.status).final):
                return job
            await asyncio.sleep(0.02)


def register_kinds() -> None:
    """Make the tests' kinds known to this process."""
    for kind in KINDS:
        register(kind)


async def make_effects_table() -> None:
    """Where handlers leave their effects."""
    await execute(EFFECTS)


async def effects_of(job_id: UUID) -> int:
    """How many effects a job left."""
    async with transaction() as session:
        found = await session.execute(text("SELECT count(*) FROM effects WHERE job_id = :id"), {"id": job_id})
        return int(found.scalar_one())


async def job_of(job_id: UUID) -> Job:
    """A job's row."""
    async with transaction() as session:
        return await session.get_one(Job, job_id)


async def set_columns(job_id: UUID, **values: str) -> None:
    """Set columns of a job's row to SQL expressions."""
    assigned = ", ".join(f"{name} = {expression}" for name, expression in values.items())
    async with transaction() as session:
        await session.execute(text(f"UPDATE jobs SET {assigned} WHERE id = :id"), {"id": job_id})


async def execute(statement: str, **values: Any) -> None:
    """Run a statement."""
    async with transaction() as session:
        await session.execute(text(statement), values)


async def fetch(statement: str, **values: Any) -> list[Any]:
    """What a query gives."""
    async with transaction() as session:
        return list((await session.execute(text(statement), values)).all())


async def add_job(requested_by: UUID, status: JobStatus, **columns: Any) -> UUID:
    """A person's job with this status, of no kind that anybody works on; its id."""
    moment = now()
    job = Job(
        kind="old", status=status, payload={}, requested_by=requested_by, run_at=moment, waiting_since=moment,
        updated_at=moment, finished_at=moment if status.final else None, **columns,
    )  # fmt: skip
    async with transaction() as session:
        session.add(job)
    return job.id


async def add_artifact(job_id: UUID, name: str, key: str | None = None) -> str:
    """Something that a job made, in the storage and in its table; its key."""
    key = key or artifact_key(job_id)
    await storage.put_bytes(key, b"made", "text/plain")
    async with transaction() as session:
        session.add(JobArtifact(job_id=job_id, name=name, key=key, content_type="text/plain", size=4))
    return key


FINISHED = """
INSERT INTO jobs (id, created_at, kind, status, priority, lane, payload, progress, progress_note, attempts,
  max_attempts, run_at, waiting_since, error_class, error_message, last_log, updated_at, finished_at)
SELECT gen_random_uuid(), now(), 'effect', 'succeeded', 'p2', 'io', '{}', 1, '', 1, 5,
  now(), now(), '', '', 0, now(), now() - number * interval '1 s'
FROM generate_series(1, :count) AS number
"""


async def add_finished(count: int) -> None:
    """Rows of jobs that ended long ago, and statistics that know of them."""
    await execute(FINISHED, count=count)
    await execute("ANALYZE jobs")
