"""Looking at a section's generations, and at what they have written."""

from uuid import UUID

from backend.access import Action, Actor, Scope, can, require
from backend.authoring import queries
from backend.authoring.generating import COURSE_GENERATE
from backend.authoring.markdown import modules_of
from backend.authoring.queries import Row
from backend.authoring.schemas import CourseRequest, Draft, DraftLesson, DraftModule, Generation, Outline
from backend.core.database import transaction
from backend.core.errors import NotFound
from backend.courses import Modules, SectionView, open_section, version_modules
from backend.jobs.schemas import job_view

GENERATIONS = 20
"""On one page of the list."""


async def list_generations(
    actor: Actor, section_slug: str, before: UUID | None = None
) -> tuple[SectionView, list[Generation], UUID | None]:
    """The section and its generations, the newest first, older than `before`; where the list goes on, if it does.

    Raises `NotFound` and `Forbidden`.
    """
    section = await _section(actor, section_slug)
    async with transaction() as session:
        rows = await queries.generations(
            session, COURSE_GENERATE.name, section.id, before=before, limit=GENERATIONS + 1
        )
    shown = [_generation(actor, row) for row in rows[:GENERATIONS]]
    return section, shown, shown[-1].job.id if len(rows) > GENERATIONS else None


async def open_draft(actor: Actor, section_slug: str, job_id: UUID) -> tuple[SectionView, Draft]:
    """The section, and what one of its generations has written so far. Raises `NotFound` and `Forbidden`."""
    section = await _section(actor, section_slug)
    async with transaction() as session:
        rows = await queries.generations(session, COURSE_GENERATE.name, section.id, job_id=job_id, before=None, limit=1)
        if not rows:
            raise NotFound("There is no such draft in this section.")
        made = rows[0][1]
        if made is None:
            return section, Draft(_generation(actor, rows[0]), "", (), complete=False)
        outline = Outline.model_validate(made.outline)
        modules = (
            await version_modules(session, made.version_id)
            if made.version_id
            else modules_of(outline, await queries.lesson_texts(session, made.id))
        )
    drafted = _modules(modules)
    return section, Draft(_generation(actor, rows[0]), outline.summary, drafted, complete=made.version_id is not None)


async def _section(actor: Actor, slug: str) -> SectionView:
    section = await open_section(actor, slug)
    require(actor, Action.COURSE_GENERATE, section.scope)
    return section


def _generation(actor: Actor, row: Row) -> Generation:
    job, made, asked_by = row
    return Generation(
        job=job_view(job),
        request=CourseRequest.model_validate(job.payload),
        asked_by=asked_by or "",
        job_open=can(actor, Action.JOB_READ, Scope(owner_id=job.requested_by)),
        title=Outline.model_validate(made.outline).title if made else "",
    )


def _modules(modules: Modules) -> tuple[DraftModule, ...]:
    return tuple(
        DraftModule(title, tuple(DraftLesson(each.title, each.minutes, each.markdown) for each in lessons))
        for title, lessons in modules
    )
