"""What is going on with a person's jobs: on their home page, and when one ends while they are elsewhere."""

from dataclasses import dataclass

from backend.access import Action, Actor, Scope, require
from backend.core.database import transaction
from backend.jobs import listing_queries as listing
from backend.jobs.kinds import awaited_kinds
from backend.jobs.schemas import JobView, job_view

CURRENT = 5
"""Jobs that the home page shows."""


@dataclass(frozen=True, slots=True)
class News:
    """How many of a person's jobs wait or run, and those that ended since they were last told, the newest first."""

    active: int
    ended: tuple[JobView, ...]


async def current_jobs(actor: Actor) -> list[JobView]:
    """The actor's jobs that wait or run, then those that ended within a day; some at most, the newest first."""
    require(actor, Action.JOB_READ, Scope(owner_id=actor.person_id))
    if actor.person_id is None:
        return []
    async with transaction() as session:
        found = await listing.current_jobs(session, actor.person_id, awaited_kinds(), CURRENT)
    return [job_view(job) for job in found]


async def take_news(actor: Actor) -> News:
    """What is new about the actor's jobs. Each job that ended is given once, to whichever tab asks first."""
    require(actor, Action.JOB_READ, Scope(owner_id=actor.person_id))
    if actor.person_id is None:
        return News(0, ())
    async with transaction() as session:
        ended = await listing.tell_of_ended(session, actor.person_id, awaited_kinds())
        active = await listing.count_active(session, actor.person_id, awaited_kinds())
    return News(active, tuple(job_view(job) for job in ended))
