"""Courses as pages and the tutor read them."""

from dataclasses import dataclass
from uuid import UUID

from backend.access import Scope
from backend.courses.exercises import Exercise


@dataclass(frozen=True, slots=True)
class SectionCard:
    """A section in a list."""

    id: UUID
    slug: str
    title: str
    course_title: str
    summary: str
    lessons: int
    role: str


@dataclass(frozen=True, slots=True)
class SectionName:
    """A section as one picks it from a list."""

    id: UUID
    slug: str
    title: str
    course_title: str


@dataclass(frozen=True, slots=True)
class LessonLink:
    """A lesson in a table of contents."""

    key: UUID
    slug: str
    title: str
    minutes: int
    graded: bool


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A chapter and its lessons, in order."""

    title: str
    lessons: tuple[LessonLink, ...]


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section with its table of contents."""

    id: UUID
    slug: str
    title: str
    course_title: str
    summary: str
    role: str
    starts_on: str
    ends_on: str
    assistant_enabled: bool
    run_python_enabled: bool
    version_id: UUID
    modules: tuple[ModuleView, ...]

    @property
    def scope(self) -> Scope:
        """Where what belongs to this section belongs."""
        return Scope(section_id=self.id)

    @property
    def lessons(self) -> tuple[LessonLink, ...]:
        """Every lesson, in reading order."""
        return tuple(lesson for module in self.modules for lesson in module.lessons)


@dataclass(frozen=True, slots=True)
class BlockView:
    """A passage of a lesson. `kind` is `markdown` or `exercise`, of which `markdown` is the statement alone."""

    key: UUID
    kind: str
    markdown: str


@dataclass(frozen=True, slots=True)
class PlacedExercise:
    """An exercise in the version that a section pins. It holds what students must not see: never shown as it is."""

    section_id: UUID
    key: UUID
    exercise: Exercise
    lesson_title: str
    timezone: str
    """The section's: due dates are said in it."""


@dataclass(frozen=True, slots=True)
class LessonView:
    """A lesson to read. `tutor_off` says why the tutor doesn't answer here, or is empty."""

    key: UUID
    slug: str
    title: str
    module_title: str
    minutes: int
    graded: bool
    blocks: tuple[BlockView, ...]
    previous: LessonLink | None
    following: LessonLink | None
    tutor_off: str
    section: SectionView

    @property
    def text(self) -> str:
        """The whole lesson as Markdown."""
        return "\n\n".join(block.markdown for block in self.blocks)
