"""What administrators see of all jobs, and do to many at once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.access import Action, Actor, AuditEntry, record, require
from backend.core.database import transaction
from backend.core.errors import Invalid, Unavailable
from backend.core.settings import get_settings
from backend.jobs import administration_queries as administering
from backend.jobs import queries
from backend.jobs.enqueueing import push_after_commit
from backend.jobs.events import JobEvent, hint_cancel, publish
from backend.jobs.kinds import known_kinds
from backend.jobs.models import JobStatus, Lane
from backend.jobs.reconciler import hand_on_due

MOST = 1_000
"""Jobs in one bulk change."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many jobs of a lane and priority have a status: now for those that wait and run, else within the hour."""

    lane: str
    priority: str
    status: str
    jobs: int


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker that shows life, and the jobs it is doing."""

    name: str
    lane: str
    places: int
    started_at: datetime
    seen_at: datetime
    running: tuple[UUID, ...]
    kinds: tuple[str, ...]
    """What kind each of `running` is."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of all jobs. `oldest_wait` is in seconds by lane; `per_minute` counts jobs that ended, by lane."""

    counts: tuple[Count, ...]
    oldest_wait: dict[str, float]
    per_minute: dict[str, float]
    dead: int
    workers: tuple[WorkerView, ...]
    paused: tuple[str, ...]


async def overview(actor: Actor) -> Overview:
    """Everything about jobs at a glance, for administrators."""
    require(actor, Action.JOBS_ADMINISTER)
    async with transaction() as session:
        active, ended = await administering.active(session), await administering.ended(session)
        dead = await administering.dead_letters(session)
        workers = await administering.workers(session, 3 * get_settings().job_lease)
        paused = await administering.pauses(session)
    waits = [(row.lane, max(0.0, row.oldest)) for row in active if row.status == JobStatus.QUEUED]
    return Overview(
        counts=tuple(Count(row.lane, row.priority, row.status, row.jobs) for row in (*active, *ended)),
        oldest_wait={lane: max((wait for of, wait in waits if of == lane), default=0.0) for lane in Lane},
        per_minute={lane: sum(row.jobs for row in ended if row.lane == lane) / 60 for lane in Lane},
        dead=dead,
        workers=tuple(
            WorkerView(
                row.name, row.lane, row.places, row.started_at, row.seen_at, tuple(row.running), tuple(row.kinds)
            )
            for row in workers
        ),
        paused=tuple(paused),
    )


async def cancel_jobs(actor: Actor, ids: Collection[UUID]) -> int:
    """Cancel those of `ids` that wait or run; how many those were."""
    _administer(actor, ids)
    async with transaction() as session:
        concerned = await queries.request_cancel(session, list(ids))
        record(session, _entry(actor, "jobs.canceled", len(concerned)))
    await hint_cancel(concerned)
    await publish(JobEvent(job_id, "status", {"status": status}) for job_id, status in concerned.items())
    return len(concerned)


async def retry_jobs(actor: Actor, ids: Collection[UUID]) -> int:
    """Have those of `ids` that failed or are dead done again; how many those were."""
    _administer(actor, ids)
    async with transaction() as session:
        again = await queries.retry(session, list(ids))
        record(session, _entry(actor, "jobs.retried", len(again)))
        push_after_commit(session, again)
    await publish(JobEvent(job_id, "status", {"status": JobStatus.QUEUED}) for job_id, _, _ in again)
    return len(again)


async def discard_jobs(actor: Actor, ids: Collection[UUID]) -> int:
    """Delete those of `ids` that failed or are dead, with their logs; how many those were."""
    _administer(actor, ids)
    async with transaction() as session:
        gone = await administering.discard(session, list(ids))
        record(session, _entry(actor, "jobs.discarded", gone))
    return gone


async def pause(actor: Actor, subject: str) -> None:
    """Begin nothing new of `lane:<lane>` or `kind:<kind>`; what runs goes on. Raises `Invalid` for anything else."""
    require(actor, Action.JOBS_ADMINISTER)
    _check_subject(subject)
    async with transaction() as session:
        if await administering.add_pause(session, subject, actor.person_id):
            record(session, AuditEntry(actor_id=actor.person_id, action="jobs.paused", subject=_named(subject)))


async def resume(actor: Actor, subject: str) -> None:
    """Go on with what `pause` stopped, at once."""
    require(actor, Action.JOBS_ADMINISTER)
    async with transaction() as session:
        if await administering.drop_pause(session, subject):
            record(session, AuditEntry(actor_id=actor.person_id, action="jobs.resumed", subject=_named(subject)))
    try:
        await hand_on_due()
    except Unavailable:
        return  # the reconciler does it


def _administer(actor: Actor, ids: Collection[UUID]) -> None:
    require(actor, Action.JOBS_ADMINISTER)
    if len(ids) > MOST:
        raise Invalid(f"Choose at most {MOST:,} jobs at once.")


def _check_subject(subject: str) -> None:
    known = {f"lane:{lane}" for lane in Lane} | {f"kind:{kind}" for kind in known_kinds()}
    if subject not in known:
        raise Invalid("subject: choose a lane or a kind of job.")


def _entry(actor: Actor, action: str, jobs: int) -> AuditEntry:
    return AuditEntry(actor_id=actor.person_id, action=action, subject="1 job" if jobs == 1 else f"{jobs} jobs")


def _named(subject: str) -> str:
    what, _, name = subject.partition(":")
    return f"the {name} lane" if what == "lane" else f"jobs of the kind {name}"
