"""Putting the queue in order: what makes delivery certain though Redis may lose ids and workers may die.

Every worker asks every few seconds whether it may lead a round; an advisory lock and the time of the last round see
to it that one does. Nothing is kept between rounds, so any of them may be killed at any moment.
"""

from collections.abc import Sequence
from itertools import pairwise

import structlog

from backend.core.database import transaction
from backend.core.redis import RedisError
from backend.core.settings import get_settings
from backend.jobs import carrier, figures, limits, queries
from backend.jobs import ordering_queries as ordering
from backend.jobs.enqueueing import Pushed
from backend.jobs.events import JobEvent, publish
from backend.jobs.kinds import known_kinds
from backend.jobs.models import Lane, Priority

log = structlog.get_logger(__name__)


async def reconcile(worker: str) -> bool:
    """One round, if it is this worker's turn; whether it was. Raises `Unavailable` without Postgres."""
    settings = get_settings()
    async with transaction() as session:
        if not await ordering.may_lead(session, settings.job_reconcile * 0.9):
            return False
        ended = await ordering.end_leases(session)
        for lane in Lane:
            for higher, priority in pairwise(Priority):
                await ordering.age(session, lane, priority, higher, settings.job_aging)
        await ordering.forget_lost_workers(session)
        await ordering.note_round(session, worker)
    for job in ended:
        figures.count_end(job.kind, job.status)
        log.warning("job_lease_ended", job=str(job.id), kind=job.kind, status=job.status)
    await publish(JobEvent(job.id, "status", {"status": job.status}) for job in ended)
    await hand_on_due()
    return True


async def hand_on_due() -> None:
    """Hand on what is due and in no queue. Nothing happens without Redis: the next round does it."""
    limited = {kind.name: kind for kind in known_kinds().values() if kind.limit is not None}
    try:
        for lane in Lane:
            for priority in Priority:
                await _hand_on_free(lane, priority, list(limited))
        for name in limited:
            await hand_on_limited(name)
    except RedisError:
        log.warning("reconciled_without_redis")


async def hand_on_limited(kind_name: str) -> None:
    """Hand on as many jobs of a limited kind as may still run."""
    kind = known_kinds()[kind_name]
    if kind.limit is None:
        return
    async with transaction() as session:
        left = await queries.places_left(session, kind.name, kind.limit)
        jobs = await ordering.due_of_kind(session, kind.lane, list(Priority), kind.name, left) if left > 0 else []
    if jobs:
        await limits.note_room(kind.name)
        await _hand_on(jobs)


async def _hand_on_free(lane: Lane, priority: Priority, limited: Sequence[str]) -> None:
    if await carrier.length(lane, priority) >= ordering.MOST:
        return  # workers have enough to do; what is missing comes when they have done it
    async with transaction() as session:
        due = await ordering.due(session, lane, priority, limited)
    await _hand_on([(job_id, lane, priority) for job_id in due])


async def _hand_on(jobs: Sequence[Pushed]) -> None:
    """Push those that no queue holds: a queue must not grow with every round while workers are busy."""
    queues = {(lane, priority) for _, lane, priority in jobs}
    held = {job_id for queue in queues for job_id in await carrier.carried(*queue)}
    if missing := [job for job in jobs if job[0] not in held]:
        log.info("jobs_handed_on", jobs=len(missing))
        await carrier.push(missing)
