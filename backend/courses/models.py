"""Courses as they are written (versions, modules, lessons, blocks) and as they are run (sections)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Text, UniqueConstraint
from sqlmodel import Field

from backend.core.database import Table, moment, one_of


class VersionStatus(StrEnum):
    """A draft may change; what is published never does."""

    DRAFT = "draft"
    PUBLISHED = "published"


class AssistantSwitch(StrEnum):
    """Whether the tutor answers beside a lesson."""

    AUTO = "auto"
    """On for practice, off for graded work."""
    ON = "on"
    OFF = "off"


class BlockKind(StrEnum):
    """What a block of a lesson holds."""

    MARKDOWN = "markdown"
    EXERCISE = "exercise"
    """Its body is an `Exercise` as JSON, with everything that students must not see."""


class Course(Table, table=True):
    """A subject that can be run many times."""

    __tablename__ = "courses"

    slug: str = Field(max_length=80, unique=True)
    title: str = Field(max_length=200)
    summary: str = Field(default="", sa_type=Text)


class CourseVersion(Table, table=True):
    """The course's text at one moment. Sections pin one."""

    __tablename__ = "course_versions"
    __table_args__ = (UniqueConstraint("course_id", "number"), one_of("status", list(VersionStatus)))

    course_id: UUID = Field(foreign_key="courses.id", ondelete="CASCADE")
    number: int
    status: str = VersionStatus.DRAFT
    published_at: datetime | None = moment()


class Module(Table, table=True):
    """A chapter."""

    __tablename__ = "modules"
    __table_args__ = (UniqueConstraint("version_id", "position"), UniqueConstraint("version_id", "id"))

    version_id: UUID = Field(foreign_key="course_versions.id", ondelete="CASCADE")
    position: int
    title: str = Field(max_length=200)


class Lesson(Table, table=True):
    """One sitting's reading. `key` stays the same from version to version; what people make refers to it."""

    __tablename__ = "lessons"
    __table_args__ = (
        UniqueConstraint("version_id", "key"),
        UniqueConstraint("version_id", "slug"),
        UniqueConstraint("module_id", "position"),
        ForeignKeyConstraint(["version_id", "module_id"], ["modules.version_id", "modules.id"], ondelete="CASCADE"),
        CheckConstraint("minutes > 0", name="minutes"),
        one_of("assistant", list(AssistantSwitch)),
    )

    version_id: UUID
    module_id: UUID
    key: UUID
    position: int
    slug: str = Field(max_length=80)
    title: str = Field(max_length=200)
    minutes: int = 10
    graded: bool = False
    assistant: str = AssistantSwitch.AUTO


class Block(Table, table=True):
    """A passage of a lesson, in order. `key` stays the same from version to version."""

    __tablename__ = "blocks"
    __table_args__ = (
        UniqueConstraint("lesson_id", "key"),
        UniqueConstraint("lesson_id", "position"),
        one_of("kind", list(BlockKind)),
    )

    lesson_id: UUID = Field(foreign_key="lessons.id", ondelete="CASCADE")
    key: UUID
    position: int
    kind: str = BlockKind.MARKDOWN
    body: str = Field(sa_type=Text)


class Section(Table, table=True):
    """One run of a course, with its own people and switches. It pins the version its students read."""

    __tablename__ = "sections"
    __table_args__ = (CheckConstraint("ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name="dates"),)

    course_id: UUID = Field(foreign_key="courses.id")
    version_id: UUID = Field(foreign_key="course_versions.id")
    slug: str = Field(max_length=80, unique=True)
    title: str = Field(max_length=200)
    starts_on: date | None = None
    ends_on: date | None = None
    timezone: str = Field(default="UTC", max_length=64)
    assistant_enabled: bool = True
    run_python_enabled: bool = True
    """Whether the tutor may run Python to show something."""
    settings_version: int = 1
    """Counts changes of the switches. A form sends back the one that it was filled with."""


class LessonSwitch(Table, table=True):
    """What a section says of a lesson's assistant, in the place of what the course says."""

    __tablename__ = "lesson_switches"
    __table_args__ = (UniqueConstraint("section_id", "lesson_key"), one_of("assistant", list(AssistantSwitch)))

    section_id: UUID = Field(foreign_key="sections.id", ondelete="CASCADE")
    lesson_key: UUID
    assistant: str
