"""All SQL about submissions and what is decided about exercises."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.clock import now
from backend.grading.models import ExerciseSettings, Submission
from backend.grading.results import Results
from backend.jobs import JobStatus
from backend.jobs.models import Job


@dataclass(frozen=True, slots=True)
class Attempt:
    """A submission and how its job stands; without a job, it was forgotten."""

    submission: Submission
    status: str | None = None
    note: str = ""
    error: str = ""
    begun: bool = False
    """Grading has begun, and nothing failed on our side since."""

    @property
    def pending(self) -> bool:
        """Whether it may still get a verdict."""
        waits = self.submission.graded_at is None and self.status in {JobStatus.QUEUED, JobStatus.RUNNING}
        return waits and not self.submission.given_back

    @property
    def charged(self) -> bool:
        """Whether it counts as one of the attempts: it has a verdict, may still get one, or was cancelled meanwhile.

        How long a grading takes tells something of the hidden tests: who has watched it has used the attempt.
        """
        if self.submission.given_back:
            return False
        return self.submission.graded_at is not None or self.pending or self.broken_off

    @property
    def broken_off(self) -> bool:
        """Whether its grading was cancelled after it began."""
        return self.status == JobStatus.CANCELED and self.begun


async def settings_of(session: AsyncSession, section_id: UUID, key: UUID) -> ExerciseSettings | None:
    """What is decided about an exercise in a section."""
    return (
        await session.exec(
            select(ExerciseSettings).where(
                col(ExerciseSettings.section_id) == section_id, col(ExerciseSettings.block_key) == key
            )
        )
    ).one_or_none()


async def lock_attempts(session: AsyncSession, section_id: UUID, key: UUID, person_id: UUID) -> None:
    """Let a person's attempts at an exercise be counted by one transaction at a time."""
    room = f"submissions {section_id} {key} {person_id}"
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:room, 0))"), {"room": room})


async def attempts_of(session: AsyncSession, section_id: UUID, key: UUID, person_id: UUID | None) -> list[Attempt]:
    """A person's attempts at an exercise, the latest first."""
    found = await session.exec(
        select(Submission, Job)
        .outerjoin(Job, col(Job.id) == col(Submission.job_id))
        .where(
            col(Submission.section_id) == section_id,
            col(Submission.block_key) == key,
            col(Submission.person_id) == person_id,
        )
        .order_by(col(Submission.number).desc())
    )
    return [_attempt(submission, job) for submission, job in found]


def _attempt(submission: Submission, job: Job | None) -> Attempt:
    if job is None:
        return Attempt(submission)
    begun = job.attempts > 0 and not job.error_class
    return Attempt(submission, job.status, job.progress_note, job.error_message, begun)


async def submission_by_id(session: AsyncSession, submission_id: UUID) -> Submission | None:
    """A submission."""
    return await session.get(Submission, submission_id)


async def submissions_to(session: AsyncSession, section_id: UUID, key: UUID) -> Sequence[Submission]:
    """Everybody's submissions to an exercise."""
    return (
        await session.exec(
            select(Submission).where(col(Submission.section_id) == section_id, col(Submission.block_key) == key)
        )
    ).all()


async def store_results(session: AsyncSession, submission_id: UUID, results: Results) -> None:
    """Give a submission its verdict, unless it has one."""
    await session.exec(
        update(Submission)
        .where(col(Submission.id) == submission_id, col(Submission.graded_at).is_(None))
        .values(
            verdict=results.extra_data.verdict,
            score=results.score,
            max_score=results.max_score,
            results=results.model_dump(mode="json"),
            graded_at=now(),
        )
    )


async def runs_under_way(session: AsyncSession, person_id: UUID | None, kind: str) -> int:
    """How many jobs of a kind a person has waiting or running."""
    found = await session.exec(
        select(func.count())
        .select_from(Job)
        .where(
            col(Job.requested_by) == person_id,
            col(Job.kind) == kind,
            col(Job.status).in_([JobStatus.QUEUED, JobStatus.RUNNING]),
        )
    )
    return found.one()
