"""Looking at jobs, and what their owners may do with them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from backend import storage
from backend.access import Action, Actor, Scope, require
from backend.core.database import transaction
from backend.core.errors import Conflict, NotFound
from backend.jobs import listing_queries as listing
from backend.jobs import queries
from backend.jobs.enqueueing import push_after_commit
from backend.jobs.events import hint_cancel, publish_status
from backend.jobs.kinds import awaited_kinds
from backend.jobs.models import Job, JobStatus
from backend.jobs.schemas import Artifact, JobPage, JobView, LogLine, Names, artifact_view, job_view, log_line

PAGE = 50
"""Jobs on one page of a list."""
LINES = 500
"""Lines of a log at once."""


async def list_jobs(
    actor: Actor,
    *,
    everybody: bool = False,
    status: str | None = None,
    kind: str | None = None,
    lane: str | None = None,
    section_id: UUID | None = None,
    person: str = "",
    section: str = "",
    before: UUID | None = None,
    limit: int = PAGE,
) -> JobPage:
    """The actor's jobs, or `everybody`'s for administrators; the newest first, older than `before`.

    `person` and `section` are words in the names of whom and what they are for. Of a person's own jobs those that
    pages wait for themselves are left out, unless `kind` asks for them.
    """
    if everybody:
        require(actor, Action.JOBS_ADMINISTER)
    else:
        require(actor, Action.JOB_READ, Scope(owner_id=actor.person_id))
    wanted: Mapping[str, str | UUID | None] = {"status": status, "kind": kind, "lane": lane, "section_id": section_id}
    limit = max(1, min(limit, PAGE))
    async with transaction() as session:
        found = await listing.jobs_before(
            session,
            requested_by=None if everybody else actor.person_id,
            filters={column: value for column, value in wanted.items() if value is not None},
            before=before,
            limit=limit + 1,
            without=() if everybody or kind else awaited_kinds(),
            person=person,
            section=section,
        )
    views = tuple(job_view(job) for job in found[:limit])
    return JobPage(views, views[-1].id if len(found) > limit else None)


async def read_job(actor: Actor, job_id: UUID) -> JobView:
    """A job. Raises `NotFound` when it isn't there or isn't the actor's."""
    return job_view(await _readable(actor, job_id, Action.JOB_READ))


async def read_log(actor: Actor, job_id: UUID, *, after: int = 0, limit: int = LINES) -> list[LogLine]:
    """Lines of a job's log beyond sequence `after`, in order. Raises `NotFound`."""
    await _readable(actor, job_id, Action.JOB_READ)
    async with transaction() as session:
        return [log_line(row) for row in await queries.log_lines(session, job_id, after, max(1, min(limit, LINES)))]


async def names_of(actor: Actor, jobs: Collection[JobView]) -> Names:
    """What the people and sections of jobs are called. Raises `NotFound` when one of them isn't the actor's."""
    for job in jobs:
        require(actor, Action.JOB_READ, Scope(owner_id=job.requested_by))
    people = {job.requested_by for job in jobs if job.requested_by}
    sections = {job.section_id for job in jobs if job.section_id}
    async with transaction() as session:
        return Names(await listing.people_named(session, people), await listing.sections_named(session, sections))


async def is_held_up(actor: Actor, job_id: UUID) -> bool:
    """Whether an administrator has paused what would begin this job. Raises `NotFound`."""
    job = await _readable(actor, job_id, Action.JOB_READ)
    async with transaction() as session:
        return job.status == JobStatus.QUEUED and await listing.is_paused(session, job.lane, job.kind)


async def read_news(actor: Actor, job_id: UUID, *, after: int) -> tuple[JobView, list[LogLine]]:
    """A job, and the next `LINES` of its log beyond sequence `after`. Raises `NotFound`.

    The row is read first: of a job that has ended, no line is missing.
    """
    async with transaction() as session:
        job = _allowed(actor, Action.JOB_READ, await queries.job_by_id(session, job_id))
        lines = await queries.log_lines(session, job_id, after, LINES) if job.last_log > after else ()
    return job_view(job), [log_line(row) for row in lines]


async def list_artifacts(actor: Actor, job_id: UUID) -> list[Artifact]:
    """What a job made so far. Raises `NotFound`."""
    await _readable(actor, job_id, Action.JOB_READ)
    async with transaction() as session:
        return [artifact_view(row) for row in await queries.artifacts_of(session, job_id)]


async def address_of(actor: Actor, job_id: UUID, name: str) -> str:
    """A signed address, good for minutes, that downloads what a job made under `name`. Raises `NotFound`."""
    await _readable(actor, job_id, Action.JOB_READ)
    async with transaction() as session:
        found = await queries.artifact_named(session, job_id, name)
    if found is None:
        raise NotFound("This file doesn't exist any more.")
    return await storage.signed_get(found.key, filename=found.name, content_type=found.content_type)


async def cancel_job(actor: Actor, job_id: UUID) -> JobView:
    """Cancel a queued job at once; ask a running one to stop. Raises `Conflict` when it has already ended."""
    await _readable(actor, job_id, Action.JOB_CHANGE)
    async with transaction() as session:
        concerned = await queries.request_cancel(session, [job_id])
        job = _present(await queries.job_by_id(session, job_id))
    if not concerned and job.status != JobStatus.CANCELED:
        raise Conflict("This job has already ended.")
    if concerned:
        await hint_cancel([job_id])
        await publish_status(job_id, job.status)
    return job_view(job)


async def retry_job(actor: Actor, job_id: UUID) -> JobView:
    """Have a failed or dead job done again, with all its attempts. Raises `Conflict` for any other."""
    await _readable(actor, job_id, Action.JOB_CHANGE)
    async with transaction() as session:
        again = await queries.retry(session, [job_id])
        push_after_commit(session, again)
        job = _present(await queries.job_by_id(session, job_id))
    if not again:
        raise Conflict("Only a job that failed can be tried again.")
    await publish_status(job_id, job.status)
    return job_view(job)


async def _readable(actor: Actor, job_id: UUID, action: Action) -> Job:
    async with transaction() as session:
        return _allowed(actor, action, await queries.job_by_id(session, job_id))


def _allowed(actor: Actor, action: Action, job: Job | None) -> Job:
    require(actor, action, Scope(owner_id=job.requested_by if job else None))
    return _present(job)


def _present(job: Job | None) -> Job:
    if job is None:
        raise NotFound
    return job
