"""Attempts at an exercise: each is counted once, graded once, and costs nothing when that fails on our side."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.grading import lateness, queries
from backend.grading.exercises import best_of, charged, iso, refusal_of
from backend.grading.models import Submission
from backend.grading.pace import SUBMISSIONS_AT_ONCE, count_run, refuse_many_at_once
from backend.grading.places import Place, place_of, program
from backend.grading.queries import Attempt
from backend.grading.results import Results
from backend.grading.runs import unfinished
from backend.grading.schemas import ResultView, SubmissionView
from backend.grading.showing import result_view
from backend.grading.testing import box_for, run_tests
from backend.jobs import JobContext, Kind, Lane, Permanent, Priority, enqueue

BROKEN_OFF = "It was cancelled after grading had begun, so the attempt counts."
TRIED_AGAIN = "Another attempt was made since this one failed, so it isn't graded any more."


class GradePayload(BaseModel):
    """Which submission to grade."""

    submission_id: UUID


class Grade(BaseModel):
    """What the job tells: the rest is the submission's, and shown by who may see what."""

    submission_id: UUID
    verdict: str
    score: float
    max_score: float


async def submit(actor: Actor, section_id: UUID, block_key: UUID, code: str, idempotency_key: str) -> SubmissionView:
    """Hand `code` in as an attempt, to be graded by a job.

    The same key again, or the same code while it waits to be graded, is the same attempt. Raises `Conflict` when it
    is too late or no attempt is left, `Forbidden` for those who aren't students here, `NotFound`, `Invalid`,
    `RunsTooFast`.
    """
    require(actor, Action.EXERCISE_SUBMIT, Scope(section_id=section_id))
    if actor.person_id is None:
        raise NotFound
    code = program(code)
    async with transaction() as session:
        await queries.lock_attempts(session, section_id, block_key, actor.person_id)
        place = await place_of(session, section_id, block_key)
        attempts = await queries.attempts_of(session, section_id, block_key, actor.person_id)
        attempt = _same(attempts, code, idempotency_key)
        if attempt is None:
            if refusal := refusal_of(place, charged(attempts), now()):
                raise Conflict(refusal)
            await count_run(actor.person_id)
            attempt = await _store(session, actor, actor.person_id, place, attempts, code, idempotency_key)
            await refuse_many_at_once(session, actor.person_id, GRADE.name, SUBMISSIONS_AT_ONCE)
            attempts.insert(0, attempt)
    return _view(attempt, attempts, place, actor)


async def list_submissions(
    actor: Actor, section_id: UUID, block_key: UUID, person_id: UUID | None = None
) -> list[SubmissionView]:
    """A person's attempts, the latest first: the actor's own, or a student's for those who teach in the section."""
    person_id = person_id or actor.person_id
    require(actor, Action.SUBMISSION_READ, Scope(section_id=section_id, owner_id=person_id))
    async with transaction() as session:
        place = await place_of(session, section_id, block_key)
        attempts = await queries.attempts_of(session, section_id, block_key, person_id)
    return [_view(attempt, attempts, place, actor) for attempt in attempts]


async def read_submission(actor: Actor, submission_id: UUID) -> SubmissionView:
    """An attempt. Raises `NotFound` when it isn't there or isn't the actor's to see."""
    async with transaction() as session:
        submission = await queries.submission_by_id(session, submission_id)
        section_id, owner_id = (submission.section_id, submission.person_id) if submission else (None, None)
        require(actor, Action.SUBMISSION_READ, Scope(section_id=section_id, owner_id=owner_id))
        if submission is None:
            raise NotFound
        place = await place_of(session, submission.section_id, submission.block_key)
        attempts = await queries.attempts_of(session, submission.section_id, submission.block_key, submission.person_id)
    attempt = next(each for each in attempts if each.submission.id == submission_id)
    return _view(attempt, attempts, place, actor)


def _same(attempts: Sequence[Attempt], code: str, key: str) -> Attempt | None:
    """The attempt that this is again."""
    for attempt in attempts:
        if attempt.submission.idempotency_key == key or (attempt.pending and attempt.submission.code == code):
            return attempt
    return None


async def _store(
    session: AsyncSession,
    actor: Actor,
    person_id: UUID,
    place: Place,
    attempts: Sequence[Attempt],
    code: str,
    key: str,
) -> Attempt:
    for attempt in attempts:
        attempt.submission.given_back = not attempt.charged
    section_id, block_key, timezone = place.found.section_id, place.found.key, place.found.timezone
    submission_id, at = new_id(), now()
    days = lateness.days_late(place.settings.due_at, at, timezone)
    job = await enqueue(
        session,
        actor,
        GRADE.name,
        GradePayload(submission_id=submission_id),
        section_id=section_id,
        priority=Priority.P1,
        idempotency_key=f"submission {submission_id}",
    )
    submission = Submission(
        id=submission_id,
        created_at=at,
        section_id=section_id,
        block_key=block_key,
        person_id=person_id,
        number=attempts[0].submission.number + 1 if attempts else 1,
        idempotency_key=key,
        code=code,
        days_late=days,
        deduction=lateness.deduction(place.settings, days),
        job_id=job.id,
    )
    session.add(submission)
    return Attempt(submission, job.status)


def _view(attempt: Attempt, attempts: Sequence[Attempt], place: Place, actor: Actor) -> SubmissionView:
    submission = attempt.submission
    return SubmissionView(
        id=submission.id,
        number=submission.number,
        at=iso(submission.created_at),
        days_late=submission.days_late,
        deduction=submission.deduction,
        score=submission.final_score,
        max_score=place.exercise.max_score if submission.max_score is None else submission.max_score,
        charged=attempt.charged,
        best=best_of(attempts) is attempt,
        code=submission.code,
        result=_result(attempt, place, actor),
        job_id=submission.job_id,
    )


def _result(attempt: Attempt, place: Place, actor: Actor) -> ResultView:
    if attempt.submission.graded_at is None:
        return unfinished(attempt.status, attempt.note, BROKEN_OFF if attempt.broken_off else attempt.error)
    return result_view(Results.model_validate(attempt.submission.results), place.seen_by(actor))


async def _grade(context: JobContext, payload: GradePayload) -> Grade:
    submission, place = await _wanted(context, payload.submission_id)
    if submission.graded_at is None:
        tests = list(enumerate(place.exercise.tests, 1))
        async with box_for(context, f"submission:{submission.id}", place.exercise.limits) as box:
            results = await run_tests(box, submission.code, tests)
    else:
        results = Results.model_validate(submission.results)
    grade = Grade(
        submission_id=submission.id,
        verdict=results.extra_data.verdict,
        score=results.score,
        max_score=results.max_score,
    )
    async with context.transaction() as session:
        await queries.store_results(session, submission.id, results)
        await context.succeed(session, grade)
    return grade


async def _wanted(context: JobContext, submission_id: UUID) -> tuple[Submission, Place]:
    """The submission, if this job may grade it: it is of who asked, and they haven't tried again since it failed."""
    async with transaction() as session:
        submission = await queries.submission_by_id(session, submission_id)
        if submission is None or (submission.person_id, submission.section_id) != (
            context.requested_by,
            context.section_id,
        ):
            raise Permanent("There is no such submission.")
        if submission.given_back:
            raise Permanent(TRIED_AGAIN)
        return submission, await place_of(session, submission.section_id, submission.block_key)


GRADE = Kind(
    "grade",
    GradePayload,
    Grade,
    _grade,
    Action.EXERCISE_SUBMIT,
    lane=Lane.CPU,
    max_attempts=10,
    limit=8,  # a class that hands in at once leaves workers to those who press Run
    time_limit=400.0,  # all tests of an exercise may take 300
    title="Grading of a submission",
    awaited=True,
)
