"""All SQL about generated courses. Who may ask is decided before."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Person
from backend.authoring.models import CourseGeneration, GeneratedLesson
from backend.authoring.schemas import Outline
from backend.jobs.models import Job

Row = tuple[Job, CourseGeneration | None, str | None]
"""A job, what it made, and the name of who asked for it."""


async def generation_of(session: AsyncSession, job_id: UUID) -> CourseGeneration | None:
    """What a job has made so far; None before its outline."""
    return (await session.exec(select(CourseGeneration).where(CourseGeneration.job_id == job_id))).one_or_none()


async def lesson_texts(session: AsyncSession, generation_id: UUID) -> dict[int, str]:
    """The lessons that are written, by place."""
    statement = select(GeneratedLesson.position, GeneratedLesson.markdown)
    return dict((await session.exec(statement.where(GeneratedLesson.generation_id == generation_id))).all())


async def add_generation(session: AsyncSession, job_id: UUID, outline: Outline) -> CourseGeneration:
    """Store an outline."""
    row = CourseGeneration(job_id=job_id, outline=outline.model_dump())
    session.add(row)
    await session.flush()
    return row


async def add_lesson(session: AsyncSession, generation_id: UUID, position: int, markdown: str) -> None:
    """Store a lesson."""
    session.add(GeneratedLesson(generation_id=generation_id, position=position, markdown=markdown))
    await session.flush()


async def set_version(session: AsyncSession, generation_id: UUID, version_id: UUID) -> None:
    """Note the draft version that a generation became."""
    statement = update(CourseGeneration).where(col(CourseGeneration.id) == generation_id)
    await session.exec(statement.values(version_id=version_id))


async def generations(
    session: AsyncSession, kind: str, section_id: UUID, *, job_id: UUID | None = None, before: UUID | None, limit: int
) -> Sequence[Row]:
    """A section's jobs of `kind`, the newest first, older than `before`; only `job_id` when one is named."""
    statement = (
        select(Job, CourseGeneration, Person.name)
        .outerjoin(CourseGeneration, col(CourseGeneration.job_id) == col(Job.id))
        .outerjoin(Person, col(Person.id) == col(Job.requested_by))
        .where(Job.kind == kind, Job.section_id == section_id)
        .order_by(col(Job.id).desc())
        .limit(limit)
    )
    if job_id is not None:
        statement = statement.where(Job.id == job_id)
    if before is not None:
        statement = statement.where(col(Job.id) < before)
    return (await session.exec(statement)).all()
