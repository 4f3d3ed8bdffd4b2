"""Kinds of jobs that only tests have, and what they leave behind."""

import asyncio
import os
import time
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text

from backend.access import Action
from backend.core.database import transaction
from backend.jobs import Deferred, JobContext, Kind, Lane, Permanent, register
from backend.jobs.models import Job

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


async def do_nothing(_context: JobContext, _payload: Nothing) -> Nothing:
    """The cheapest job."""
    return Nothing()


KINDS = (
    Kind("noop", Nothing, Nothing, do_nothing, Action.SECTION_LIST),
    Kind("effect", Effect, Done, leave_effect, Action.SECTION_LIST, max_attempts=20),
    Kind("few", Effect, Done, leave_effect, Action.SECTION_LIST, limit=2),
    Kind("hasty", Effect, Done, leave_effect, Action.SECTION_LIST, time_limit=0.2, max_attempts=2),
    Kind("block", Effect, Done, block, Action.SECTION_LIST),
    Kind("trouble", Trouble, Nothing, get_into_trouble, Action.SECTION_LIST, max_attempts=3),
    Kind("heavy", Effect, Done, leave_effect, Action.SECTION_LIST, lane=Lane.CPU),
)


def register_kinds() -> None:
    """Make the tests' kinds known to this process."""
    for kind in KINDS:
        register(kind)


async def make_effects_table() -> None:
    """Where handlers leave their effects."""
    async with transaction() as session:
        await session.execute(text(EFFECTS))


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


async def fetch(statement: str, **values: Any) -> list[Any]:
    """What a query gives."""
    async with transaction() as session:
        return list((await session.execute(text(statement), values)).all())
