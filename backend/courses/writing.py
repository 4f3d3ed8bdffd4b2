"""Putting a whole course into the database, as a published version or as a draft."""

import re
from dataclasses import dataclass
from itertools import groupby, pairwise
from uuid import UUID, uuid5

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.clock import now
from backend.courses import queries
from backend.courses.exercises import Exercise
from backend.courses.models import Block, BlockKind, Course, CourseVersion, Lesson, Module, Section, VersionStatus

HEADING = re.compile(r"^(?=## )", re.MULTILINE)
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class LessonText:
    """A lesson as an author hands it in."""

    slug: str
    title: str
    minutes: int
    markdown: str
    graded: bool = False
    exercises: tuple[tuple[str, Exercise], ...] = ()
    """(name, exercise), after the text; the name makes the key that stays the same from version to version."""


Modules = tuple[tuple[str, tuple[LessonText, ...]], ...]
"""A version's chapters: (title, lessons)."""


@dataclass(frozen=True, slots=True)
class CourseText:
    """A course as an author hands it in: module by module."""

    slug: str
    title: str
    summary: str
    modules: Modules


def split_blocks(markdown: str) -> list[str]:
    """A lesson's passages: one per `##` heading, headings inside code fences not counted."""
    fenced = [match.span() for match in FENCE.finditer(markdown)]
    cuts = [m.start() for m in HEADING.finditer(markdown) if not any(a <= m.start() < b for a, b in fenced)]
    edges = [0, *cuts, len(markdown)]
    passages = (markdown[a:b].strip() for a, b in pairwise(edges))
    return [passage for passage in passages if passage]


async def ensure_course(session: AsyncSession, text: CourseText) -> tuple[Course, CourseVersion]:
    """The course with this slug and its latest published version; published from `text` when missing.

    Where `text` has exercises and the only version there is has none, it is published as the second one, and sections
    that pin the first move to it: keys are the same, so what people made stays where it was.
    """
    if (course := await queries.course_by_slug(session, text.slug)) is None:
        return await publish_course(session, text)
    version = await queries.latest_version(session, course.id)
    if version.number > 1 or not _has_exercises(text) or await queries.has_exercises(session, version.id):
        return course, version
    second = await _publish(session, course, text, await queries.next_number(session, course.id))
    await queries.pin_version(session, version.id, second.id)
    return course, second


async def publish_course(session: AsyncSession, text: CourseText) -> tuple[Course, CourseVersion]:
    """Store `text` as the first, published version of a new course."""
    course = Course(slug=text.slug, title=text.title, summary=text.summary)
    session.add(course)
    await session.flush()
    return course, await _publish(session, course, text, number=1)


def _has_exercises(text: CourseText) -> bool:
    return any(lesson.exercises for _, lessons in text.modules for lesson in lessons)


async def _publish(session: AsyncSession, course: Course, text: CourseText, number: int) -> CourseVersion:
    version = CourseVersion(course_id=course.id, number=number, status=VersionStatus.PUBLISHED, published_at=now())
    session.add(version)
    await session.flush()
    await _add_modules(session, version.id, text.modules, course.id)
    return version


async def draft_version(session: AsyncSession, section_id: UUID, modules: Modules) -> UUID:
    """Store `modules` as the next version, a draft, of the course that a section runs; its id.

    Its lessons are new ones, whatever they are called: they share no key with those of other versions.
    """
    course_id = await queries.course_of(session, section_id)
    version = CourseVersion(course_id=course_id, number=await queries.next_number(session, course_id))
    session.add(version)
    await session.flush()
    await _add_modules(session, version.id, modules, version.id)
    return version.id


async def _add_modules(session: AsyncSession, version_id: UUID, modules: Modules, space: UUID) -> None:
    """Store a version's modules. Lessons get their keys from `space` and their slugs."""
    for position, (title, lessons) in enumerate(modules):
        module = Module(version_id=version_id, position=position, title=title)
        session.add(module)
        await session.flush()
        for place, lesson in enumerate(lessons):
            await _add_lesson(session, uuid5(space, lesson.slug), version_id, module.id, place, lesson)


async def _add_lesson(
    session: AsyncSession, key: UUID, version_id: UUID, module_id: UUID, position: int, text: LessonText
) -> None:
    lesson = Lesson(
        version_id=version_id,
        module_id=module_id,
        key=key,
        position=position,
        slug=text.slug,
        title=text.title,
        minutes=text.minutes,
        graded=text.graded,
    )
    session.add(lesson)
    await session.flush()
    passages = split_blocks(text.markdown)
    for place, body in enumerate(passages):
        session.add(Block(lesson_id=lesson.id, key=uuid5(key, str(place)), position=place, body=body))
    for place, (name, exercise) in enumerate(text.exercises, len(passages)):
        session.add(
            Block(
                lesson_id=lesson.id,
                key=uuid5(key, f"exercise {name}"),
                position=place,
                kind=BlockKind.EXERCISE,
                body=exercise.model_dump_json(),
            )
        )


async def version_modules(session: AsyncSession, version_id: UUID) -> Modules:
    """A version's texts, as an author would hand them in; without its exercises."""
    bodies = await queries.bodies_of(session, version_id)
    lessons = [
        (
            module.title,
            module.id,
            LessonText(x.slug, x.title, x.minutes, "\n\n".join(bodies.get(x.id, ())), graded=x.graded),
        )
        for module, x in await queries.outline(session, version_id)
    ]
    return tuple(
        (title, tuple(text for _, _, text in held)) for (title, _), held in groupby(lessons, lambda each: each[:2])
    )


async def ensure_section(
    session: AsyncSession, course: Course, version_id: UUID, slug: str, title: str, timezone: str
) -> Section:
    """The section with this slug, made when missing."""
    if (found := await queries.section_by_slug(session, slug)) is not None:
        return found[0]
    section = Section(course_id=course.id, version_id=version_id, slug=slug, title=title, timezone=timezone)
    session.add(section)
    await session.flush()
    return section
