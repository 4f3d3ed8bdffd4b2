"""One recommendation at a time for a section: reused for a day, written in a job, liked or not by its readers."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, can, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Invalid, NotFound
from backend.core.ids import new_id
from backend.insights import advice_queries, queries
from backend.insights.advice import AdvicePayload
from backend.insights.models import RecommendationRow
from backend.insights.overview import total_of
from backend.insights.schemas import Recommendation, RecommendationState
from backend.insights.sections import Opened, opened
from backend.jobs import JobStatus, Priority, enqueue

FRESH = timedelta(hours=24)
"""How long a recommendation is reused."""
LEAST_QUESTIONS = 10
LEAST_ACTIVE = 3
"""Of four weeks: with less there is nothing to say, and few people's counts would be nearly theirs."""
COMMENT_MAX_LENGTH = 500
STOPPED = "It was stopped before anything was written."


async def read_recommendation(actor: Actor, section_id: UUID) -> Recommendation:
    """The section's recommendation, or what became of it."""
    async with transaction() as session:
        return await _read(session, actor, await opened(session, actor, section_id))


async def ask_recommendation(actor: Actor, section_id: UUID, *, again: bool = False) -> Recommendation:
    """Have one written unless there is one of today, one is being written, or too little happened.

    `again` has another written instead of today's; a failed one is tried again either way.
    """
    async with transaction() as session:
        here = await opened(session, actor, section_id, action=Action.INSIGHTS_RECOMMEND)
        await advice_queries.one_at_a_time(session, section_id)
        found = await _read(session, actor, here)
        if found.state is RecommendationState.FAILED and (row := await advice_queries.latest(session, section_id)):
            await advice_queries.set_failed(session, row.id, found.problem, now())
        asks = found.state in {RecommendationState.NONE, RecommendationState.FAILED}
        if not asks and not (again and found.state is RecommendationState.READY):
            return found
        if not await _enough(session, here):
            return Recommendation(RecommendationState.NOT_ENOUGH, may_ask=True)
        row_id = new_id()
        payload = AdvicePayload(recommendation_id=row_id)
        job = await enqueue(session, actor, "recommendation", payload, section_id=section_id, priority=Priority.P1)
        session.add(RecommendationRow(id=row_id, section_id=section_id, job_id=job.id))
        await session.flush()
        return await _read(session, actor, here)


async def rate_recommendation(actor: Actor, recommendation_id: UUID, rating: int, comment: str = "") -> None:
    """Say whether a recommendation helped: 1 or -1, with a comment; 0 takes it back. One thumb for each reader."""
    if rating not in {-1, 0, 1}:
        raise Invalid("A rating is 1, 0 or -1.")
    comment = comment.replace("\0", "").encode("utf-8", "ignore").decode().strip()
    if len(comment) > COMMENT_MAX_LENGTH:
        raise Invalid(f"comment: write at most {COMMENT_MAX_LENGTH} characters.")
    async with transaction() as session:
        section_id = await advice_queries.section_of(session, recommendation_id)
        if section_id is None:
            require(actor, Action.SECTION_LIST)
            raise NotFound("There is no such recommendation.")
        require(actor, Action.INSIGHTS_READ, Scope(section_id=section_id))
        if rating:
            await advice_queries.put_thumb(session, recommendation_id, actor.person_id, rating, comment, now())
        else:
            await advice_queries.drop_thumb(session, recommendation_id, actor.person_id)


async def _read(session: AsyncSession, actor: Actor, here: Opened) -> Recommendation:
    section_id = here.head.id
    may_ask = can(actor, Action.INSIGHTS_RECOMMEND, Scope(section_id=section_id))
    switches = await queries.switches_row(session, section_id)
    if switches is not None and not switches.recommendations:
        return Recommendation(RecommendationState.OFF)
    latest = await advice_queries.latest(session, section_id)
    written = await advice_queries.last_written(session, section_id)
    state = await _state(session, here, latest, written)
    mine = await advice_queries.thumb_of(session, written.id, actor.person_id) if written else (0, "")
    return Recommendation(
        state=state,
        id=written.id if written else None,
        headline=written.headline if written else "",
        text=written.body if written else "",
        written_at=written.written_at if written else None,
        model=written.model if written else "",
        problem=_problem(latest) if state is RecommendationState.FAILED else "",
        job_id=latest.job_id if latest else None,
        my_rating=mine[0],
        my_comment=mine[1],
        may_ask=may_ask,
    )


async def _state(
    session: AsyncSession, here: Opened, latest: Any | None, written: RecommendationRow | None
) -> RecommendationState:
    if latest is not None and latest.written_at is None:
        running = latest.failed_at is None and latest.job_status in {JobStatus.QUEUED, JobStatus.RUNNING}
        return RecommendationState.WRITING if running else RecommendationState.FAILED
    if written is not None and written.written_at is not None and written.written_at > now() - FRESH:
        return RecommendationState.READY
    return RecommendationState.NONE if await _enough(session, here) else RecommendationState.NOT_ENOUGH


async def _enough(session: AsyncSession, here: Opened) -> bool:
    totals = total_of(await queries.activity(session, here.counted() | {"lesson": None}))
    return totals.questions >= LEAST_QUESTIONS and totals.active >= LEAST_ACTIVE


def _problem(row: Any) -> str:
    """Why nothing was written, in plain words."""
    return str(row.problem or row.job_problem or STOPPED)
