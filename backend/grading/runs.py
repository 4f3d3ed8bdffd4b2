"""Having code run: a student's Run, a teacher's try-out and the tutor's tool are all jobs of kind `sandbox_run`."""

from uuid import UUID

from pydantic import BaseModel, Field

from backend.access import Action, Actor, Scope, require
from backend.core.database import transaction
from backend.core.errors import NotFound
from backend.courses.exercises import MAX_CODE, ExerciseLimits
from backend.grading.pace import RUNS_AT_ONCE, count_run, refuse_many_at_once
from backend.grading.places import place_of, program
from backend.grading.results import Results
from backend.grading.schemas import ResultState, ResultView, RunView
from backend.grading.showing import EVERYTHING, result_view, tests_seen
from backend.grading.testing import box_for, run_alone, run_tests
from backend.jobs import JobContext, JobStatus, JobView, Kind, Lane, Permanent, Priority, enqueue, read_job

STATES = {
    JobStatus.QUEUED: ResultState.WAITING,
    JobStatus.RUNNING: ResultState.RUNNING,
    JobStatus.SUCCEEDED: ResultState.FINISHED,
}
"""The rest has failed."""
CANCELED = "It was cancelled."


class RunPayload(BaseModel):
    """What to run: `code` through an exercise's tests, or, without an exercise, by itself with `stdin`."""

    code: str = Field(max_length=MAX_CODE)
    block_key: UUID | None = None
    stdin: str = Field(default="", max_length=MAX_CODE)


async def run_code(actor: Actor, section_id: UUID, block_key: UUID, code: str, idempotency_key: str) -> RunView:
    """Run `code` through the tests that the actor may see: of somebody who teaches here, through all.

    Raises `NotFound`, `Invalid`, and `RunsTooFast`.
    """
    return await _begin(actor, section_id, RunPayload(code=program(code), block_key=block_key), idempotency_key)


async def run_program(actor: Actor, section_id: UUID, code: str, stdin: str, idempotency_key: str) -> RunView:
    """Run `code` by itself. Raises `Invalid`, and `RunsTooFast`."""
    return await _begin(actor, section_id, RunPayload(code=program(code), stdin=stdin), idempotency_key)


async def _begin(actor: Actor, section_id: UUID, payload: RunPayload, idempotency_key: str) -> RunView:
    require(actor, Action.EXERCISE_RUN, Scope(section_id=section_id))
    await count_run(actor.person_id)
    async with transaction() as session:
        if payload.block_key is not None:
            await place_of(session, section_id, payload.block_key)
        job = await enqueue(
            session,
            actor,
            SANDBOX_RUN.name,
            payload,
            section_id=section_id,
            priority=Priority.P0,
            idempotency_key=idempotency_key,
        )
        await refuse_many_at_once(session, actor.person_id, SANDBOX_RUN.name, RUNS_AT_ONCE)
    return RunView(job.id, _result(job))


async def read_run(actor: Actor, job_id: UUID) -> RunView:
    """A run and what came of it. Raises `NotFound`."""
    job = await read_job(actor, job_id)
    if job.kind != SANDBOX_RUN.name:
        raise NotFound
    return RunView(job.id, _result(job))


def unfinished(status: str | None, note: str, error: str) -> ResultView:
    """How something without results stands, from its job; None: the job was forgotten."""
    state = STATES.get(JobStatus(status), ResultState.FAILED) if status else ResultState.FAILED
    if state is ResultState.FAILED:
        return ResultView(state=state, note=error or CANCELED)
    return ResultView(state=state, note=note if state is ResultState.WAITING else "")


def _result(job: JobView) -> ResultView:
    if job.status != JobStatus.SUCCEEDED:
        return unfinished(job.status, job.progress_note, job.error_message)
    return result_view(Results.model_validate(job.result), EVERYTHING)


async def _run(context: JobContext, payload: RunPayload) -> Results:
    """What the person may see is decided here, by what they are now; the payload says nothing about it."""
    if context.section_id is None:
        raise Permanent("Code is run for a section.")
    owner = f"run:{context.job_id}"
    if payload.block_key is None:
        async with box_for(context, owner, ExerciseLimits()) as box:
            return await run_alone(box, payload.code, payload.stdin)
    async with transaction() as session:
        place = await place_of(session, context.section_id, payload.block_key)
    tests = tests_seen(place.exercise, place.seen_by(await context.actor()))
    async with box_for(context, owner, place.exercise.limits) as box:
        return await run_tests(box, payload.code, tests) if tests else await run_alone(box, payload.code)


SANDBOX_RUN = Kind(
    "sandbox_run",
    RunPayload,
    Results,
    _run,
    Action.EXERCISE_RUN,
    lane=Lane.CPU,
    max_attempts=3,
    limit=16,
    time_limit=400.0,  # all tests of an exercise may take 300
    title="Run of code",
    awaited=True,
)
