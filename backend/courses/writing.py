"""Putting a whole course into the database as a published version."""

import re
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID, uuid5

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.core.clock import now
from backend.courses import queries
from backend.courses.models import Block, Course, CourseVersion, Lesson, Module, Section, VersionStatus

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


@dataclass(frozen=True, slots=True)
class CourseText:
    """A course as an author hands it in: modules are (title, lessons)."""

    slug: str
    title: str
    summary: str
    modules: tuple[tuple[str, tuple[LessonText, ...]], ...]


def split_blocks(markdown: str) -> list[str]:
    """A lesson's passages: one per `##` heading, headings inside code fences not counted."""
    fenced = [match.span() for match in FENCE.finditer(markdown)]
    cuts = [m.start() for m in HEADING.finditer(markdown) if not any(a <= m.start() < b for a, b in fenced)]
    edges = [0, *cuts, len(markdown)]
    passages = (markdown[a:b].strip() for a, b in pairwise(edges))
    return [passage for passage in passages if passage]


async def ensure_course(session: AsyncSession, text: CourseText) -> tuple[Course, CourseVersion]:
    """The course with this slug and its latest published version; published from `text` when missing."""
    if (course := await queries.course_by_slug(session, text.slug)) is None:
        return await publish_course(session, text)
    return course, await queries.latest_version(session, course.id)


async def publish_course(session: AsyncSession, text: CourseText) -> tuple[Course, CourseVersion]:
    """Store `text` as the first, published version of a new course."""
    course = Course(slug=text.slug, title=text.title, summary=text.summary)
    version = CourseVersion(course_id=course.id, number=1, status=VersionStatus.PUBLISHED, published_at=now())
    session.add(course)
    await session.flush()
    session.add(version)
    await session.flush()
    for position, (title, lessons) in enumerate(text.modules):
        module = Module(version_id=version.id, position=position, title=title)
        session.add(module)
        await session.flush()
        for place, lesson in enumerate(lessons):
            await _add_lesson(session, course, version.id, module.id, place, lesson)
    return course, version


async def _add_lesson(
    session: AsyncSession, course: Course, version_id: UUID, module_id: UUID, position: int, text: LessonText
) -> None:
    key = uuid5(course.id, text.slug)
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
    for place, body in enumerate(split_blocks(text.markdown)):
        session.add(Block(lesson_id=lesson.id, key=uuid5(key, str(place)), position=place, body=body))


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
