"""A section's switches as its instructors see and change them: where the tutor answers, and what it may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, can, note_change, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors
from backend.courses import queries
from backend.courses.models import AssistantSwitch, Lesson, LessonSwitch, Module, Section
from backend.courses.reading import open_section
from backend.courses.schemas import SectionView

FLAGS = ("assistant_enabled", "run_python_enabled")
CHANGED = "Somebody else changed these settings since you opened them. Nothing was saved."
AS_THE_COURSE = ""


@dataclass(frozen=True, slots=True)
class LessonChoice:
    """What is said of a lesson's assistant: by the course, and by the section (empty: as the course)."""

    key: UUID
    title: str
    module: str
    graded: bool
    course: str
    chosen: str

    @property
    def field(self) -> str:
        """Its field in the form."""
        return f"lesson-{self.key}"


@dataclass(frozen=True, slots=True)
class SwitchesView:
    """The switches of a section. `version` goes back with the form."""

    version: int
    flags: Mapping[str, bool]
    lessons: tuple[LessonChoice, ...]
    may_change: bool
    """Whether the actor may, too, and not only look."""


async def read_switches(actor: Actor, slug: str) -> SwitchesView:
    """A section's switches. Raises `NotFound`, and `Forbidden` for its students."""
    view = await open_section(actor, slug)
    require(actor, Action.SECTION_SETTINGS_READ, view.scope)
    async with transaction() as session:
        return await _view(session, actor, view)


async def save_switches(actor: Actor, slug: str, given: Mapping[str, str], version: int) -> SwitchesView:
    """Store the switches as the form gives them: flags as true or false, lessons by `LessonChoice.field`.

    What isn't given stays. Raises `FieldErrors`, and `Conflict` when somebody changed them since `version`.
    """
    view = await open_section(actor, slug)
    require(actor, Action.SECTION_CONFIGURE, view.scope)
    async with transaction() as session:
        section = await queries.locked_section(session, view.id)
        if section is None or section.settings_version != version:
            raise Conflict(CHANGED)
        before = await _view(session, actor, view)
        _refuse_unknown(given, before.lessons)
        await _store(session, section, given, before.lessons)
        after = await _view(session, actor, view)
        if _said(before) != _said(after):
            section.settings_version += 1
        note_change(session, actor, "section_settings", slug, _said(before), _said(after))
    return replace(after, version=section.settings_version)


def _refuse_unknown(given: Mapping[str, str], lessons: Sequence[LessonChoice]) -> None:
    faults = {name: "Choose yes or no." for name in FLAGS if given.get(name, "true") not in {"true", "false"}}
    choices = {AS_THE_COURSE, *AssistantSwitch}
    for lesson in lessons:
        if given.get(lesson.field, lesson.chosen) not in choices:
            faults[lesson.field] = "Choose one of them."
    if faults:
        raise FieldErrors(faults)


async def _store(
    session: AsyncSession, section: Section, given: Mapping[str, str], lessons: Sequence[LessonChoice]
) -> None:
    for name in FLAGS:
        if name in given:
            setattr(section, name, given[name] == "true")
    rows = {row.lesson_key: row for row in await queries.lesson_switches(session, section.id)}
    for lesson in lessons:
        chosen, row = given.get(lesson.field, lesson.chosen), rows.get(lesson.key)
        if chosen == AS_THE_COURSE:
            if row is not None:
                await session.delete(row)
        elif row is not None:
            row.assistant = chosen
        else:
            session.add(LessonSwitch(section_id=section.id, lesson_key=lesson.key, assistant=chosen))
    await session.flush()


async def _view(session: AsyncSession, actor: Actor, view: SectionView) -> SwitchesView:
    section = await queries.section_by_id(session, view.id)
    assert section is not None
    own = {row.lesson_key: row.assistant for row in await queries.lesson_switches(session, view.id)}
    lessons = await queries.outline(session, view.version_id)
    return SwitchesView(
        version=section[0].settings_version,
        flags={name: getattr(section[0], name) for name in FLAGS},
        lessons=tuple(_choice(module, lesson, own.get(lesson.key, AS_THE_COURSE)) for module, lesson in lessons),
        may_change=can(actor, Action.SECTION_CONFIGURE, view.scope),
    )


def _choice(module: Module, lesson: Lesson, chosen: str) -> LessonChoice:
    return LessonChoice(lesson.key, lesson.title, module.title, lesson.graded, lesson.assistant, chosen)


def _said(view: SwitchesView) -> dict[str, bool | str]:
    """What the audit log says of them."""
    lessons = {f"tutor in “{each.title}”": each.chosen for each in view.lessons if each.chosen != AS_THE_COURSE}
    return {**view.flags, **lessons}
