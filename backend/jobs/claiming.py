"""Winning jobs: one guarded UPDATE, and the limits of kinds over all workers."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from backend.core.database import transaction
from backend.core.settings import get_settings
from backend.jobs import limits, queries
from backend.jobs.kinds import Kind, known_kinds
from backend.jobs.models import Lane
from backend.jobs.queries import Claimed


async def claim_jobs(lane: Lane, ids: Sequence[UUID], worker: str, most: int) -> list[Claimed]:
    """Win those of `ids` that may run here now. The rest is somebody else's, or stays queued and unburnt.

    Kinds that this process doesn't know are left to workers that do. Raises `Unavailable`.
    """
    kinds = [kind for kind in known_kinds().values() if kind.lane is lane]
    limited = {kind.name: kind for kind in kinds if kind.limit is not None}
    free = [kind.name for kind in kinds if kind.limit is None]
    async with transaction() as session:
        won = await queries.claim(session, ids, lane, free, worker, get_settings().job_lease, most)
        rest = set(ids) - {job.id for job in won}
        waiting = await queries.queued_of_kinds(session, list(rest), list(limited)) if rest and limited else ()
    by_kind: dict[str, list[UUID]] = defaultdict(list)
    for job_id, kind in waiting:
        by_kind[kind].append(job_id)
    for name, some in by_kind.items():
        won += await _claim_limited(limited[name], some, worker, most - len(won))
    return won


async def _claim_limited(kind: Kind, ids: Sequence[UUID], worker: str, most: int) -> list[Claimed]:
    """Win as many jobs of a limited kind as may still run."""
    assert kind.limit is not None
    if most <= 0 or await limits.is_full(kind.name):
        return []
    async with transaction() as session:
        left = await queries.places_left(session, kind.name, kind.limit)
        if left > 0:
            lease = get_settings().job_lease
            return await queries.claim(session, ids, kind.lane, [kind.name], worker, lease, min(most, left))
    await limits.note_full(kind.name)
    return []
