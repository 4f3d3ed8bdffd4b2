"""All SQL of a job's life. Moments are the database's (`clock_timestamp()`), never this machine's."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.ids import new_id
from backend.jobs.models import Job, JobArtifact, JobLog, JobStatus

NOW = func.clock_timestamp()
NOT_PAUSED = "NOT EXISTS (SELECT 1 FROM job_pauses WHERE subject IN ('lane:' || jobs.lane, 'kind:' || jobs.kind))"


def storable(words: str) -> str:
    """`words` without what no column can hold, NUL and half characters: what a job says must not end it."""
    return words.replace("\0", "").encode("utf-8", "replace").decode()


async def insert_job(session: AsyncSession, values: Mapping[str, Any], run_at: datetime | None) -> Job | None:
    """Store a new job; None when its idempotency key is taken. Waits for whoever is storing the same key."""
    moments = dict.fromkeys(("created_at", "updated_at", "waiting_since"), NOW)
    statement = (
        insert(Job)
        .values(id=new_id(), run_at=NOW if run_at is None else run_at, **moments, **values)
        .on_conflict_do_nothing(
            index_elements=["requested_by", "kind", "idempotency_key"], index_where=text("idempotency_key IS NOT NULL")
        )
        .returning(Job)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def job_by_key(session: AsyncSession, requested_by: UUID | None, kind: str, key: str) -> Job | None:
    """The job that holds an idempotency key."""
    owner = col(Job.requested_by)
    statement = select(Job).where(
        owner.is_(None) if requested_by is None else owner == requested_by, Job.kind == kind, Job.idempotency_key == key
    )
    return (await session.exec(statement)).one_or_none()


async def free_old_key(session: AsyncSession, job_id: UUID, days: int) -> bool:
    """Take the idempotency key from a job that has held it for `days`; whether it had."""
    statement = (
        update(Job)
        .where(col(Job.id) == job_id, col(Job.created_at) < NOW - func.make_interval(0, 0, 0, days))
        .values(idempotency_key=None)
    )
    return (await session.exec(statement)).rowcount > 0


async def job_by_id(session: AsyncSession, job_id: UUID) -> Job | None:
    """The job with this id, as it is now."""
    return await session.get(Job, job_id, populate_existing=True)


async def log_lines(session: AsyncSession, job_id: UUID, after: int, limit: int) -> Sequence[JobLog]:
    """Lines of a job's log with a sequence beyond `after`, in order."""
    statement = (
        select(JobLog)
        .where(JobLog.job_id == job_id, col(JobLog.sequence) > after)
        .order_by(col(JobLog.sequence))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def artifacts_of(session: AsyncSession, job_id: UUID) -> Sequence[JobArtifact]:
    """What a job made, by name."""
    return (
        await session.exec(select(JobArtifact).where(JobArtifact.job_id == job_id).order_by(col(JobArtifact.name)))
    ).all()


async def artifact_named(session: AsyncSession, job_id: UUID, name: str) -> JobArtifact | None:
    """What a job made under a name."""
    statement = select(JobArtifact).where(JobArtifact.job_id == job_id, JobArtifact.name == name)
    return (await session.exec(statement)).one_or_none()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that a worker has just won, with the token that its writes must name."""

    id: UUID
    kind: str
    lane: str
    priority: str
    payload: dict[str, Any]
    attempts: int
    max_attempts: int
    lease_token: UUID
    requested_by: UUID | None
    section_id: UUID | None
    waited: float
    """Seconds from when it could have begun."""


CLAIM = f"""
WITH won AS (
  SELECT id FROM jobs
  WHERE id = ANY(:ids) AND status = 'queued' AND run_at <= clock_timestamp() AND lane = :lane AND kind = ANY(:kinds)
    AND {NOT_PAUSED}
  ORDER BY priority, run_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET status = 'running', attempts = attempts + 1, lease_token = gen_random_uuid(), worker = :worker,
  lease_expires_at = clock_timestamp() + make_interval(secs => :lease), started_at = clock_timestamp(),
  updated_at = clock_timestamp()
FROM won WHERE jobs.id = won.id
RETURNING jobs.id, kind, lane, priority, payload, attempts, max_attempts, lease_token, requested_by, section_id,
  extract(epoch FROM clock_timestamp() - greatest(run_at, created_at))::float8 AS waited
"""  # noqa: S608 - put together from constants


async def claim(
    session: AsyncSession, ids: Sequence[UUID], lane: str, kinds: Sequence[str], worker: str, lease: float, most: int
) -> list[Claimed]:
    """Win those of `ids` that may run now, `most` at most. Losing one is normal: somebody else has it, or it waits."""
    values = {"ids": list(ids), "lane": lane, "kinds": list(kinds), "worker": worker, "lease": lease, "most": most}
    rows = await session.execute(text(CLAIM), values)
    return [Claimed(**row) for row in rows.mappings()]


async def queued_of_kinds(
    session: AsyncSession, ids: Sequence[UUID], kinds: Sequence[str]
) -> Sequence[tuple[UUID, str]]:
    """Those of `ids` that are queued and of one of `kinds`, with their kind."""
    statement = select(Job.id, Job.kind).where(
        col(Job.id).in_(ids), Job.status == JobStatus.QUEUED, col(Job.kind).in_(kinds)
    )
    return (await session.exec(statement)).all()


RUNNING_OF_KIND = "SELECT count(*) FROM jobs WHERE status = 'running' AND kind = :kind"


async def places_left(session: AsyncSession, kind: str, limit: int) -> int:
    """How many more jobs of `kind` may run. Nobody else begins one until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:room))"), {"room": f"jobs of kind {kind}"})
    return limit - int((await session.execute(text(RUNNING_OF_KIND), {"kind": kind})).scalar_one())


BEAT = """
WITH mine AS (
  SELECT id FROM jobs WHERE id = ANY(:ids) AND lease_token = ANY(:tokens) AND status = 'running'
  FOR UPDATE SKIP LOCKED
), beaten AS (
  UPDATE jobs SET lease_expires_at = clock_timestamp() + make_interval(secs => :lease) FROM mine WHERE jobs.id = mine.id
)
SELECT id, cancel_requested_at IS NOT NULL AS canceled FROM jobs
WHERE id = ANY(:ids) AND lease_token = ANY(:tokens) AND status = 'running'
"""


async def beat(session: AsyncSession, leases: Mapping[UUID, UUID], lease: float) -> dict[UUID, bool]:
    """Extend the leases (job → token) that are still held; for each of those, whether its job is to be cancelled.

    A job whose row its own handler has locked is left alone: no one can take it away meanwhile either.
    """
    values = {"ids": list(leases), "tokens": list(leases.values()), "lease": lease}
    rows = await session.execute(text(BEAT), values)
    return {row.id: row.canceled for row in rows}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended, as it is written to the row."""

    id: UUID
    token: UUID
    status: JobStatus
    result: dict[str, Any] | None = None
    error_class: str = ""
    error_message: str = ""
    delay: float = 0.0
    """Seconds until the next attempt, when `status` is queued."""
    given_back: bool = False
    """Whether the attempt doesn't count."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a job when its attempt's outcome was written."""

    id: UUID
    status: str
    lane: str
    priority: str
    kind: str
    due: bool
    """It is queued and may run at once."""


SETTLE = """
WITH outcomes AS (
  SELECT * FROM jsonb_to_recordset(CAST(:outcomes AS jsonb)) AS o(
    id uuid, token uuid, status text, result jsonb, error_class text, error_message text, delay float8, given_back int)
), held AS (
  SELECT jobs.id, o.status, o.result, o.error_class, o.error_message, o.delay, o.given_back,
    o.status = 'queued' AND jobs.cancel_requested_at IS NULL AS again,
    o.status = 'queued' AND jobs.cancel_requested_at IS NOT NULL AS given_up
  FROM jobs JOIN outcomes o ON jobs.id = o.id AND jobs.lease_token = o.token
  WHERE jobs.status = 'running' ORDER BY jobs.id FOR UPDATE OF jobs
)
UPDATE jobs SET
  status = CASE WHEN held.given_up THEN 'canceled' ELSE held.status END,
  result = held.result,
  error_class = held.error_class, error_message = held.error_message,
  attempts = attempts - held.given_back,
  run_at = CASE WHEN held.again THEN clock_timestamp() + make_interval(secs => held.delay) ELSE run_at END,
  waiting_since = CASE WHEN held.again THEN clock_timestamp() + make_interval(secs => held.delay)
    ELSE waiting_since END,
  progress = CASE WHEN held.status = 'succeeded' THEN 1 ELSE progress END,
  lease_token = NULL, lease_expires_at = NULL, updated_at = clock_timestamp(),
  finished_at = CASE WHEN held.again THEN NULL ELSE clock_timestamp() END
FROM held WHERE jobs.id = held.id
RETURNING jobs.id, jobs.status, lane, priority, kind, held.again AND held.delay = 0 AS due
"""


async def settle(session: AsyncSession, outcomes: Sequence[Outcome]) -> list[Settled]:
    """Write how attempts ended. An outcome whose lease is no longer held is refused: it isn't in the answer."""
    rows = [
        {
            "id": str(each.id),
            "token": str(each.token),
            "status": each.status,
            "result": each.result,
            "error_class": each.error_class,
            "error_message": storable(each.error_message),
            "delay": each.delay,
            "given_back": int(each.given_back),
        }
        for each in outcomes
    ]
    found = await session.execute(text(SETTLE), {"outcomes": json.dumps(rows)})
    return [Settled(**row) for row in found.mappings()]


HOLD = """
UPDATE jobs SET updated_at = clock_timestamp() WHERE id = :id AND lease_token = :token AND status = 'running'
RETURNING cancel_requested_at IS NOT NULL
"""


async def hold(session: AsyncSession, job_id: UUID, token: UUID) -> bool | None:
    """Keep everybody else from the job until this transaction ends. None when the lease is lost; else if canceled."""
    held: bool | None = (await session.execute(text(HOLD), {"id": job_id, "token": token})).scalar_one_or_none()
    return held


async def set_progress(session: AsyncSession, job_id: UUID, fraction: float, note: str) -> None:
    """Note how far a held job is."""
    await session.exec(update(Job).where(col(Job.id) == job_id).values(progress=fraction, progress_note=storable(note)))


async def add_log(session: AsyncSession, job_id: UUID, level: str, message: str, data: Mapping[str, Any]) -> int:
    """Append a line to a held job's log; its sequence."""
    message = storable(message)
    counted = update(Job).where(col(Job.id) == job_id).values(last_log=Job.last_log + 1).returning(col(Job.last_log))
    sequence: int = (await session.exec(counted)).scalar_one()
    await session.exec(
        insert(JobLog).values(
            id=new_id(), created_at=NOW, job_id=job_id, sequence=sequence, level=level, message=message, data=dict(data)
        )
    )
    return sequence


async def put_artifact(session: AsyncSession, artifact: JobArtifact) -> None:
    """Note what a held job made; what an earlier attempt made under the same name is forgotten."""
    values = artifact.model_dump()
    replaced = {name: values[name] for name in ("key", "content_type", "size", "created_at")}
    statement = insert(JobArtifact).values(**values)
    await session.exec(statement.on_conflict_do_update(index_elements=["job_id", "name"], set_=replaced))


OLD_ARTIFACTS = """
DELETE FROM job_artifacts USING jobs
WHERE job_artifacts.job_id = jobs.id AND jobs.finished_at < clock_timestamp() - make_interval(days => :days)
"""


async def forget_old_artifacts(session: AsyncSession, days: int) -> int:
    """Forget what jobs made that ended more than `days` ago; how many files those were."""
    return int((await session.execute(text(OLD_ARTIFACTS), {"days": days})).rowcount)  # type: ignore[attr-defined]


async def keys_of(session: AsyncSession, jobs: Collection[UUID]) -> set[str]:
    """The keys of all that these jobs made."""
    return set((await session.exec(select(JobArtifact.key).where(col(JobArtifact.job_id).in_(jobs)))).all())


CANCEL = """
UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), updated_at = clock_timestamp(),
  status = CASE status WHEN 'queued' THEN 'canceled' ELSE status END,
  finished_at = CASE status WHEN 'queued' THEN clock_timestamp() END
WHERE id = ANY(:ids) AND status IN ('queued', 'running')
RETURNING id, status
"""


async def request_cancel(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Cancel what is queued, ask what runs to stop; the jobs this concerned, with their status now."""
    rows = await session.execute(text(CANCEL), {"ids": list(ids)})
    return {row.id: row.status for row in rows}


RETRY = """
UPDATE jobs SET status = 'queued', attempts = 0, run_at = clock_timestamp(), waiting_since = clock_timestamp(),
  updated_at = clock_timestamp(), finished_at = NULL, cancel_requested_at = NULL, error_class = '', error_message = '',
  progress = 0, progress_note = '', told_at = NULL
WHERE id = ANY(:ids) AND status IN ('failed', 'dead')
RETURNING id, lane, priority
"""


async def retry(session: AsyncSession, ids: Sequence[UUID]) -> list[tuple[UUID, str, str]]:
    """Queue failed and dead jobs anew, with all their attempts; those it concerned as (id, lane, priority)."""
    return [
        (job_id, lane, priority) for job_id, lane, priority in await session.execute(text(RETRY), {"ids": list(ids)})
    ]
