"""SQL that puts the queue in order: lost leases, aging, what is due, who works."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.ids import new_id
from backend.jobs.queries import NOT_PAUSED

_LOCK = 0x6A6F6273  # "jobs": the advisory lock of whoever puts the queue in order
MOST = 1_000
"""Rows that one round changes or hands on, of a kind: a round stays short whatever has piled up."""
FROZEN = "10s"
"""A leader whose process freezes in the middle of a round is cut off by Postgres after this time."""


async def may_lead(session: AsyncSession, interval: float) -> bool:
    """Whether this transaction is the one that puts the queue in order now: no other does, none did just before."""
    await session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{FROZEN}'"))
    if not (await session.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK})).scalar_one():
        return False
    just_done = "SELECT max(reconciled_at) > clock_timestamp() - make_interval(secs => :seconds) FROM job_workers"
    return not (await session.execute(text(just_done), {"seconds": interval})).scalar_one()


async def note_round(session: AsyncSession, worker: str) -> None:
    """A worker put the queue in order just now."""
    done = "UPDATE job_workers SET reconciled_at = clock_timestamp() WHERE name = :worker"
    await session.execute(text(done), {"worker": worker})


@dataclass(frozen=True, slots=True)
class Ended:
    """A job whose lease ran out, with its status now."""

    id: UUID
    status: str
    kind: str


END_LEASES = """
WITH lost AS (
  SELECT id FROM jobs WHERE status = 'running' AND lease_expires_at < clock_timestamp()
  ORDER BY lease_expires_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET
  status = CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled' WHEN attempts >= max_attempts THEN 'dead'
    ELSE 'queued' END,
  finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR attempts >= max_attempts THEN clock_timestamp() END,
  error_class = CASE WHEN cancel_requested_at IS NULL THEN 'WorkerLost' ELSE '' END,
  error_message = CASE WHEN cancel_requested_at IS NULL THEN 'The worker that did this was lost.' ELSE '' END,
  lease_token = NULL, lease_expires_at = NULL, waiting_since = clock_timestamp(), updated_at = clock_timestamp()
FROM lost WHERE jobs.id = lost.id
RETURNING jobs.id, jobs.status, jobs.kind
"""


async def end_leases(session: AsyncSession) -> list[Ended]:
    """Take jobs from workers that show no life: queued again, dead when that was the last attempt, or canceled."""
    rows = await session.execute(text(END_LEASES), {"most": MOST})
    return [Ended(row.id, row.status, row.kind) for row in rows]


AGE = """
WITH old AS (
  SELECT id FROM jobs
  WHERE status = 'queued' AND lane = :lane AND priority = :priority AND run_at < clock_timestamp()
    AND greatest(run_at, waiting_since) < clock_timestamp() - make_interval(secs => :seconds)
  ORDER BY run_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET priority = :higher, waiting_since = clock_timestamp() FROM old WHERE jobs.id = old.id
"""


async def age(session: AsyncSession, lane: str, priority: str, higher: str, seconds: float) -> None:
    """Raise what waited for `seconds` at `priority` to the next `higher` one."""
    values = {"lane": lane, "priority": priority, "higher": higher, "seconds": seconds, "most": MOST}
    await session.execute(text(AGE), values)


DUE = f"""
SELECT id FROM jobs
WHERE status = 'queued' AND lane = :lane AND priority = :priority AND run_at <= clock_timestamp()
  AND kind <> ALL(:limited) AND {NOT_PAUSED}
ORDER BY run_at LIMIT :most
"""  # noqa: S608 - put together from constants


async def due(session: AsyncSession, lane: str, priority: str, limited: Collection[str]) -> list[UUID]:
    """What may run now, the longest due first, without the kinds that are limited."""
    values = {"lane": lane, "priority": priority, "limited": list(limited), "most": MOST}
    return list((await session.execute(text(DUE), values)).scalars())


DUE_OF_KIND = f"""
SELECT id, lane, priority FROM jobs
WHERE status = 'queued' AND lane = :lane AND priority = ANY(:priorities) AND run_at <= clock_timestamp()
  AND kind = :kind AND {NOT_PAUSED}
ORDER BY priority, run_at LIMIT :most
"""  # noqa: S608


async def due_of_kind(
    session: AsyncSession, lane: str, priorities: Sequence[str], kind: str, most: int
) -> list[tuple[UUID, str, str]]:
    """The next `most` jobs of a kind that are due, as (id, lane, priority)."""
    values = {"lane": lane, "priorities": list(priorities), "kind": kind, "most": most}
    return [(row.id, row.lane, row.priority) for row in await session.execute(text(DUE_OF_KIND), values)]


SEEN = """
INSERT INTO job_workers (id, created_at, name, lane, places, seen_at)
VALUES (:id, clock_timestamp(), :name, :lane, :places, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at
"""


async def show_life(session: AsyncSession, name: str, lane: str, places: int) -> None:
    """A worker is there."""
    await session.execute(text(SEEN), {"id": new_id(), "name": name, "lane": lane, "places": places})


async def forget_worker(session: AsyncSession, name: str) -> None:
    """A worker ended in order."""
    await session.execute(text("DELETE FROM job_workers WHERE name = :name"), {"name": name})


async def forget_lost_workers(session: AsyncSession) -> None:
    """Workers that weren't seen for a day will not be looked for any more."""
    await session.execute(text("DELETE FROM job_workers WHERE seen_at < clock_timestamp() - interval '1 day'"))
