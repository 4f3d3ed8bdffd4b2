"""SQL of the administrators' view: what waits, runs and ended, who works, and what is paused."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.ids import new_id
from backend.jobs.models import JobPause
from backend.jobs.queries import NOW

ACTIVE = """
SELECT lane, priority, status, count(*) AS jobs,
  extract(epoch FROM clock_timestamp() - min(greatest(run_at, created_at)))::float8 AS oldest
FROM jobs WHERE status IN ('queued', 'running') GROUP BY lane, priority, status ORDER BY lane, priority, status
"""
ENDED = """
SELECT lane, priority, status, count(*) AS jobs FROM jobs
WHERE finished_at > clock_timestamp() - interval '1 hour' GROUP BY lane, priority, status
ORDER BY lane, priority, status
"""
RUNNING = "FROM jobs WHERE jobs.status = 'running' AND jobs.worker = job_workers.name ORDER BY jobs.started_at, jobs.id"
WORKERS = f"""
SELECT name, lane, places, created_at AS started_at, seen_at,
  array(SELECT jobs.id {RUNNING}) AS running, array(SELECT jobs.kind {RUNNING}) AS kinds
FROM job_workers WHERE seen_at > clock_timestamp() - make_interval(secs => :silence) ORDER BY lane, name
"""  # noqa: S608 - put together from constants


async def active(session: AsyncSession) -> Sequence[Any]:
    """(lane, priority, status, jobs, oldest) of what waits and runs; `oldest` in seconds."""
    return (await session.execute(text(ACTIVE))).all()


async def ended(session: AsyncSession) -> Sequence[Any]:
    """(lane, priority, status, jobs) of what ended within the hour."""
    return (await session.execute(text(ENDED))).all()


async def dead_letters(session: AsyncSession) -> int:
    """How many dead letters there are."""
    dead = "SELECT count(*) FROM jobs WHERE status IN ('failed', 'dead') AND status = 'dead'"  # the index's own words
    return int((await session.execute(text(dead))).scalar_one())


async def workers(session: AsyncSession, silence: float) -> Sequence[Any]:
    """(name, lane, places, started_at, seen_at, running) of workers seen within `silence` seconds."""
    return (await session.execute(text(WORKERS), {"silence": silence})).all()


async def pauses(session: AsyncSession) -> Sequence[str]:
    """What is paused."""
    return (await session.exec(select(JobPause.subject).order_by(col(JobPause.subject)))).all()


async def add_pause(session: AsyncSession, subject: str, paused_by: UUID | None) -> bool:
    """Pause a lane or kind; whether it wasn't."""
    statement = insert(JobPause).values(id=new_id(), created_at=NOW, subject=subject, paused_by=paused_by)
    return (await session.exec(statement.on_conflict_do_nothing())).rowcount > 0


async def drop_pause(session: AsyncSession, subject: str) -> bool:
    """Go on with a lane or kind; whether it was paused."""
    return (await session.exec(delete(JobPause).where(col(JobPause.subject) == subject))).rowcount > 0


async def discard(session: AsyncSession, ids: Sequence[UUID]) -> int:
    """Delete failed and dead jobs with their logs; how many those were."""
    gone = "DELETE FROM jobs WHERE id = ANY(:ids) AND status IN ('failed', 'dead') RETURNING id"
    return len((await session.execute(text(gone), {"ids": list(ids)})).all())
