"""What people read: their sections, a section's contents, a lesson."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, can, require
from backend.core.database import transaction
from backend.core.errors import NotFound, NotSignedIn
from backend.courses import queries
from backend.courses.exercises import Exercise
from backend.courses.models import AssistantSwitch, Block, BlockKind, Course, Lesson, Module, Section
from backend.courses.schemas import (
    BlockView,
    LessonLink,
    LessonView,
    ModuleView,
    PlacedExercise,
    SectionCard,
    SectionName,
    SectionView,
)

TUTOR_OFF_SECTION = "Your instructor has switched the tutor off in this section."
TUTOR_OFF_GRADED = "This is graded work, so the tutor doesn't answer here. Try it on your own first."
TUTOR_OFF_LESSON = "Your instructor has switched the tutor off for this lesson."


async def list_sections(actor: Actor) -> list[SectionCard]:
    """The sections on the actor's home page."""
    require(actor, Action.SECTION_LIST)
    async with transaction() as session:
        rows = await queries.sections_of(session, actor)
    return [
        SectionCard(
            section.id, section.slug, section.title, course.title, course.summary, lessons, _role(actor, section.id)
        )
        for section, course, lessons in rows
    ]


async def find_sections(actor: Actor, text: str, limit: int = 20) -> tuple[list[SectionName], bool]:
    """The actor's sections whose slug, title or course holds every word of `text`: at most `limit`; are there more?"""
    require(actor, Action.SECTION_LIST)
    async with transaction() as session:
        rows = await queries.sections_matching(session, actor, text, limit + 1)
    named = [SectionName(section.id, section.slug, section.title, course.title) for section, course in rows[:limit]]
    return named, len(rows) > limit


async def open_section(actor: Actor, slug: str) -> SectionView:
    """A section with its table of contents. Raises `NotFound` when it isn't there for this actor."""
    async with transaction() as session:
        return await _section(session, actor, await _named(session, slug))


async def open_section_by_id(actor: Actor, section_id: UUID) -> SectionView:
    """As `open_section`, by id."""
    async with transaction() as session:
        return await _section(session, actor, await queries.section_by_id(session, section_id))


async def open_lesson(actor: Actor, section_slug: str, lesson_slug: str) -> LessonView:
    """A lesson of a section. Raises `NotFound` when it isn't there for this actor."""
    async with transaction() as session:
        section = await _section(session, actor, await _named(session, section_slug))
        return await _lesson(session, section, next((x for x in section.lessons if x.slug == lesson_slug), None))


async def open_lesson_by_key(actor: Actor, section_id: UUID, lesson_key: UUID) -> LessonView:
    """As `open_lesson`, by section id and lesson key."""
    async with transaction() as session:
        section = await _section(session, actor, await queries.section_by_id(session, section_id))
        return await _lesson(session, section, next((x for x in section.lessons if x.key == lesson_key), None))


async def place_exercise(session: AsyncSession, section_id: UUID, key: UUID) -> PlacedExercise:
    """An exercise with all that is hidden in it, for those who grade: whoever calls this decides what may be shown.

    Raises `NotFound`.
    """
    if (found := await queries.exercise_block(session, section_id, key)) is None:
        raise NotFound("There is no such exercise in this section.")
    block, lesson, section = found
    return PlacedExercise(section_id, key, Exercise.model_validate_json(block.body), lesson.title, section.timezone)


async def _named(session: AsyncSession, slug: str) -> tuple[Section, Course] | None:
    """The section with this slug. What isn't printable is nothing's slug, and Postgres couldn't even look for it."""
    return await queries.section_by_slug(session, slug) if slug.isprintable() else None


async def _section(session: AsyncSession, actor: Actor, found: tuple[Section, Course] | None) -> SectionView:
    if not actor.signed_in and not actor.is_system:
        raise NotSignedIn
    if found is None or not can(actor, Action.SECTION_READ, Scope(section_id=found[0].id)):
        raise NotFound("There is no such section, or you aren't in it.")
    section, course = found
    return SectionView(
        id=section.id,
        slug=section.slug,
        title=section.title,
        course_title=course.title,
        summary=course.summary,
        role=_role(actor, section.id),
        starts_on=_iso(section.starts_on),
        ends_on=_iso(section.ends_on),
        assistant_enabled=section.assistant_enabled,
        run_python_enabled=section.run_python_enabled,
        version_id=section.version_id,
        modules=_modules(await queries.outline(session, section.version_id)),
    )


async def _lesson(session: AsyncSession, section: SectionView, link: LessonLink | None) -> LessonView:
    if link is None:
        raise NotFound("There is no such lesson in this section.")
    place = section.lessons.index(link)
    switch = await queries.lesson_switch(session, section.id, section.version_id, link.key)
    return LessonView(
        key=link.key,
        slug=link.slug,
        title=link.title,
        module_title=next(module.title for module in section.modules if link in module.lessons),
        minutes=link.minutes,
        graded=link.graded,
        blocks=tuple(_block(row) for row in await queries.blocks_of(session, section.version_id, link.key)),
        previous=section.lessons[place - 1] if place else None,
        following=section.lessons[place + 1] if place + 1 < len(section.lessons) else None,
        tutor_off=_tutor_off(section.assistant_enabled, switch, graded=link.graded),
        section=section,
    )


def _block(row: Block) -> BlockView:
    exercise = row.kind == BlockKind.EXERCISE
    return BlockView(row.key, row.kind, Exercise.model_validate_json(row.body).statement if exercise else row.body)


def _tutor_off(section_on: bool, switch: str, *, graded: bool) -> str:
    if not section_on:
        return TUTOR_OFF_SECTION
    if switch == AssistantSwitch.OFF:
        return TUTOR_OFF_LESSON
    if switch == AssistantSwitch.AUTO and graded:
        return TUTOR_OFF_GRADED
    return ""


def _modules(rows: Sequence[tuple[Module, Lesson]]) -> tuple[ModuleView, ...]:
    return tuple(
        ModuleView(title, tuple(LessonLink(x.key, x.slug, x.title, x.minutes, x.graded) for _, x in lessons))
        for (_, title), lessons in groupby(rows, key=lambda row: (row[0].position, row[0].title))
    )


def _role(actor: Actor, section_id: UUID) -> str:
    held = actor.roles.get(section_id)
    return held.value if held else "administrator"


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
