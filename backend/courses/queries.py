"""All SQL about courses and sections. What an actor may see is part of each query."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor
from backend.courses.models import (
    Block,
    BlockKind,
    Course,
    CourseVersion,
    Lesson,
    LessonSwitch,
    Module,
    Section,
    VersionStatus,
)


async def sections_of(session: AsyncSession, actor: Actor) -> Sequence[tuple[Section, Course, int]]:
    """The actor's sections (an administrator's: all) with their course and number of lessons."""
    lessons = select(Lesson.version_id, func.count().label("lessons")).group_by(col(Lesson.version_id)).subquery()
    statement = (
        select(Section, Course, func.coalesce(lessons.c.lessons, 0))
        .join(Course, col(Course.id) == col(Section.course_id))
        .outerjoin(lessons, lessons.c.version_id == col(Section.version_id))
        .order_by(col(Course.title), col(Section.title))
    )
    if not (actor.is_administrator or actor.is_system):
        statement = statement.where(col(Section.id).in_(actor.roles.keys()))
    return (await session.exec(statement)).all()


async def section_by_slug(session: AsyncSession, slug: str) -> tuple[Section, Course] | None:
    """The section with this slug and its course."""
    return (
        await session.exec(
            select(Section, Course)
            .join(Course, col(Course.id) == col(Section.course_id))
            .where(col(Section.slug) == slug)
        )
    ).first()


async def section_by_id(session: AsyncSession, section_id: UUID) -> tuple[Section, Course] | None:
    """The section with this id and its course."""
    return (
        await session.exec(
            select(Section, Course)
            .join(Course, col(Course.id) == col(Section.course_id))
            .where(col(Section.id) == section_id)
        )
    ).first()


async def outline(session: AsyncSession, version_id: UUID) -> Sequence[tuple[Module, Lesson]]:
    """A version's modules and lessons in reading order."""
    return (
        await session.exec(
            select(Module, Lesson)
            .join(Lesson, col(Lesson.module_id) == col(Module.id))
            .where(col(Module.version_id) == version_id)
            .order_by(col(Module.position), col(Lesson.position))
        )
    ).all()


async def blocks_of(session: AsyncSession, version_id: UUID, lesson_key: UUID) -> Sequence[Block]:
    """A lesson's blocks, in order."""
    return (
        await session.exec(
            select(Block)
            .join(Lesson, col(Lesson.id) == col(Block.lesson_id))
            .where(col(Lesson.version_id) == version_id, col(Lesson.key) == lesson_key)
            .order_by(col(Block.position))
        )
    ).all()


async def exercise_block(session: AsyncSession, section_id: UUID, key: UUID) -> tuple[Block, Lesson, Section] | None:
    """The exercise with this key in the version that a section pins."""
    return (
        await session.exec(
            select(Block, Lesson, Section)
            .join(Lesson, col(Lesson.id) == col(Block.lesson_id))
            .join(Section, col(Section.version_id) == col(Lesson.version_id))
            .where(col(Section.id) == section_id, col(Block.key) == key, col(Block.kind) == BlockKind.EXERCISE)
        )
    ).first()


async def has_exercises(session: AsyncSession, version_id: UUID) -> bool:
    """Whether a version has any exercise."""
    found = await session.exec(
        select(Block.id)
        .join(Lesson, col(Lesson.id) == col(Block.lesson_id))
        .where(col(Lesson.version_id) == version_id, col(Block.kind) == BlockKind.EXERCISE)
        .limit(1)
    )
    return found.first() is not None


async def pin_version(session: AsyncSession, before: UUID, after: UUID) -> None:
    """Have every section that pins the version `before` read `after`."""
    await session.exec(update(Section).where(col(Section.version_id) == before).values(version_id=after))


async def lesson_switch(session: AsyncSession, section_id: UUID, version_id: UUID, lesson_key: UUID) -> str:
    """A lesson's assistant switch in a section: the section's own, else the course's."""
    own = and_(col(LessonSwitch.lesson_key) == col(Lesson.key), col(LessonSwitch.section_id) == section_id)
    return (
        await session.exec(
            select(func.coalesce(LessonSwitch.assistant, Lesson.assistant))
            .select_from(Lesson)
            .outerjoin(LessonSwitch, own)
            .where(col(Lesson.version_id) == version_id, col(Lesson.key) == lesson_key)
        )
    ).one()


async def lesson_switches(session: AsyncSession, section_id: UUID) -> Sequence[LessonSwitch]:
    """What a section says of its lessons' assistants."""
    return (await session.exec(select(LessonSwitch).where(col(LessonSwitch.section_id) == section_id))).all()


async def locked_section(session: AsyncSession, section_id: UUID) -> Section | None:
    """A section that nobody else changes before the transaction ends."""
    return (await session.exec(select(Section).where(col(Section.id) == section_id).with_for_update())).one_or_none()


async def course_by_slug(session: AsyncSession, slug: str) -> Course | None:
    """The course with this slug."""
    return (await session.exec(select(Course).where(col(Course.slug) == slug))).one_or_none()


async def latest_version(session: AsyncSession, course_id: UUID) -> CourseVersion:
    """The latest published version of a course that has one."""
    return (
        await session.exec(
            select(CourseVersion)
            .where(col(CourseVersion.course_id) == course_id, col(CourseVersion.status) == VersionStatus.PUBLISHED)
            .order_by(col(CourseVersion.number).desc())
            .limit(1)
        )
    ).one()


async def course_of(session: AsyncSession, section_id: UUID) -> UUID:
    """The course that a section runs."""
    return (await session.exec(select(Section.course_id).where(col(Section.id) == section_id))).one()


async def next_number(session: AsyncSession, course_id: UUID) -> int:
    """The number of a course's next version. Others who ask wait for our commit."""
    await session.exec(select(Course.id).where(col(Course.id) == course_id).with_for_update())
    latest = select(func.coalesce(func.max(CourseVersion.number), 0)).where(col(CourseVersion.course_id) == course_id)
    return (await session.exec(latest)).one() + 1


async def bodies_of(session: AsyncSession, version_id: UUID) -> dict[UUID, list[str]]:
    """The text of every Markdown block of a version, in order, by lesson id."""
    rows = await session.exec(
        select(Block.lesson_id, Block.body)
        .join(Lesson, col(Lesson.id) == col(Block.lesson_id))
        .where(col(Lesson.version_id) == version_id, col(Block.kind) == BlockKind.MARKDOWN)
        .order_by(col(Block.position))
    )
    found: dict[UUID, list[str]] = {}
    for lesson_id, body in rows.all():
        found.setdefault(lesson_id, []).append(body)
    return found


async def sections_matching(
    session: AsyncSession, actor: Actor, text: str, limit: int
) -> Sequence[tuple[Section, Course]]:
    """The actor's sections (an administrator's: all) whose slug, title or course holds every word of `text`."""
    statement = select(Section, Course).join(Course, col(Course.id) == col(Section.course_id))
    for word in text.split():
        names = (col(Section.slug), col(Section.title), col(Course.title))
        statement = statement.where(or_(*(name.icontains(word, autoescape=True) for name in names)))
    if not (actor.is_administrator or actor.is_system):
        statement = statement.where(col(Section.id).in_(actor.roles.keys()))
    return (await session.exec(statement.order_by(col(Course.title), col(Section.slug)).limit(limit))).all()
