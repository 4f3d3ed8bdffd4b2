"""SQL of lists of jobs: one person's, everybody's, what is new to a person, and the names of what jobs are about."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Person
from backend.courses.models import Course, Section
from backend.jobs.models import Job


async def jobs_before(
    session: AsyncSession,
    *,
    requested_by: UUID | None,
    filters: Mapping[str, str | UUID],
    before: UUID | None,
    limit: int,
    without: Collection[str] = (),
    person: str = "",
    section: str = "",
) -> Sequence[Job]:
    """Jobs, the newest first: of one person, or of everybody when nobody is named; older than `before`.

    `without` names kinds to leave out; `person` and `section` are words in the names of whom and what they are for.
    """
    statement = select(Job).order_by(col(Job.id).desc()).limit(limit)
    if requested_by is not None:
        statement = statement.where(Job.requested_by == requested_by)
    for column, value in filters.items():
        statement = statement.where(getattr(Job, column) == value)
    if without:
        statement = statement.where(col(Job.kind).not_in(without))
    if person.strip():
        statement = statement.where(col(Job.requested_by).in_(_people_called(person)))
    if section.strip():
        statement = statement.where(col(Job.section_id).in_(_sections_called(section)))
    if before is not None:
        statement = statement.where(col(Job.id) < before)
    return (await session.exec(statement)).all()


def _people_called(words: str) -> Any:
    statement = select(Person.id)
    for word in words.split():
        names = (col(Person.name), col(Person.email))
        statement = statement.where(or_(*(name.icontains(word, autoescape=True) for name in names)))
    return statement


def _sections_called(words: str) -> Any:
    statement = select(Section.id).join(Course, col(Course.id) == col(Section.course_id))
    for word in words.split():
        names = (col(Section.slug), col(Section.title), col(Course.title))
        statement = statement.where(or_(*(name.icontains(word, autoescape=True) for name in names)))
    return statement


async def people_named(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of people."""
    return dict((await session.exec(select(Person.id, Person.name).where(col(Person.id).in_(ids)))).all())


async def sections_named(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of sections, after their courses'."""
    statement = (
        select(Section.id, Course.title, Section.title)
        .join(Course, col(Course.id) == col(Section.course_id))
        .where(col(Section.id).in_(ids))
    )
    return {section_id: f"{course}, {title}" for section_id, course, title in (await session.exec(statement)).all()}


async def is_paused(session: AsyncSession, lane: str, kind: str) -> bool:
    """Whether nothing of this lane or kind is begun."""
    found = "SELECT EXISTS (SELECT 1 FROM job_pauses WHERE subject IN ('lane:' || :lane, 'kind:' || :kind))"
    return bool((await session.execute(text(found), {"lane": lane, "kind": kind})).scalar_one())


NEWEST = 200
"""How many of a person's jobs are looked through for what is new: who asks for more in a day has the list."""
LATEST = f"""
SELECT id FROM jobs WHERE requested_by = :person AND kind <> ALL(CAST(:without AS text[]))
ORDER BY id DESC LIMIT {NEWEST}
"""  # noqa: S608 - put together from constants
ENDED_LATELY = "finished_at > clock_timestamp() - interval '1 day'"
CURRENT = f"""
SELECT jobs.id FROM jobs JOIN ({LATEST}) AS latest USING (id) WHERE finished_at IS NULL OR {ENDED_LATELY}
ORDER BY (finished_at IS NOT NULL), id DESC LIMIT :most
"""  # noqa: S608 - put together from constants
ACTIVE = f"""
SELECT count(*) FROM jobs JOIN ({LATEST}) AS latest USING (id) WHERE finished_at IS NULL
"""  # noqa: S608 - put together from constants
TELL = f"""
UPDATE jobs SET told_at = clock_timestamp() FROM ({LATEST}) AS latest
WHERE jobs.id = latest.id AND told_at IS NULL AND {ENDED_LATELY} RETURNING jobs.id
"""  # noqa: S608 - put together from constants


async def current_jobs(session: AsyncSession, person: UUID, without: Collection[str], most: int) -> list[Job]:
    """A person's jobs that wait and run, then those that ended within a day; each the newest first."""
    rows = await session.execute(text(CURRENT), {"person": person, "without": list(without), "most": most})
    return await _in_order(session, list(rows.scalars()))


async def tell_of_ended(session: AsyncSession, person: UUID, without: Collection[str]) -> list[Job]:
    """A person's jobs that ended within a day and that they weren't told of; from now on they are."""
    rows = await session.execute(text(TELL), {"person": person, "without": list(without)})
    return await _in_order(session, sorted(rows.scalars(), reverse=True))


async def count_active(session: AsyncSession, person: UUID, without: Collection[str]) -> int:
    """How many of a person's jobs wait or run."""
    rows = await session.execute(text(ACTIVE), {"person": person, "without": list(without)})
    return int(rows.scalar_one())


async def _in_order(session: AsyncSession, ids: Sequence[UUID]) -> list[Job]:
    if not ids:
        return []
    found = {job.id: job for job in (await session.exec(select(Job).where(col(Job.id).in_(ids)))).all()}
    return [found[job_id] for job_id in ids]
