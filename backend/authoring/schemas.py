"""What is asked of a course generation, what a model must answer, and what pages are shown."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from backend.authoring.languages import LANGUAGES, Language
from backend.genai.attempts import storable
from backend.jobs import JobView

MOST_LESSONS = 12
"""Lessons of one generation: about what an author reads through in a sitting."""


def _known_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError("Choose one of the languages.")
    return code


def _as_text(value: object) -> object:
    """A text without what no column can hold, which JSON's escapes can spell, and without space around it."""
    return storable(value).strip() if isinstance(value, str) else value


def _as_line(value: object) -> object:
    return " ".join(storable(value).split()) if isinstance(value, str) else value


Words = Annotated[str, Field(min_length=1)]
TEXT, LINE = BeforeValidator(_as_text), BeforeValidator(_as_line)


class CourseRequest(BaseModel):
    """The payload of a job: the course that somebody wants."""

    topic: Annotated[Words, Field(max_length=300), LINE]
    audience: Annotated[Words, Field(max_length=200), LINE]
    lessons: Annotated[int, Field(ge=1, le=MOST_LESSONS)]
    language: Annotated[str, AfterValidator(_known_language)] = "en"

    @property
    def tongue(self) -> Language:
        """The language to write in."""
        return LANGUAGES[self.language]


class CourseResult(BaseModel):
    """What a job made: a draft version of the section's course."""

    title: str
    lessons: int
    version_id: UUID


class PlannedLesson(BaseModel):
    """A lesson in the outline. Neighbours with the same `module` are one chapter."""

    module: Annotated[Words, Field(max_length=200), LINE]
    title: Annotated[Words, Field(max_length=200), LINE]
    goal: Annotated[Words, Field(max_length=600), LINE]


class Outline(BaseModel):
    """A model's plan of a course."""

    title: Annotated[Words, Field(max_length=200), LINE]
    summary: Annotated[Words, Field(max_length=1_000), LINE]
    lessons: Annotated[list[PlannedLesson], Field(min_length=1, max_length=MOST_LESSONS)]


class LessonAnswer(BaseModel):
    """A model's lesson; every text is Markdown."""

    objectives: Annotated[list[Annotated[Words, Field(max_length=500), LINE]], Field(min_length=1, max_length=8)]
    text: Annotated[Words, Field(max_length=30_000), TEXT]
    example: Annotated[Words, Field(max_length=8_000), TEXT]
    exercises: Annotated[list[Annotated[Words, Field(max_length=3_000), TEXT]], Field(min_length=1, max_length=12)]


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation in its section's list. `job_open`: the actor may open the job itself."""

    job: JobView
    request: CourseRequest
    asked_by: str
    job_open: bool
    title: str
    """The course's, once there is an outline."""


@dataclass(frozen=True, slots=True)
class DraftLesson:
    """A lesson of a draft; without `markdown` while it isn't written."""

    title: str
    minutes: int
    markdown: str


@dataclass(frozen=True, slots=True)
class DraftModule:
    """A chapter of a draft."""

    title: str
    lessons: tuple[DraftLesson, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a generation has written. `complete`: every lesson is there, as a draft version of the course."""

    generation: Generation
    summary: str
    modules: tuple[DraftModule, ...]
    complete: bool

    @property
    def written(self) -> int:
        """How many lessons have text."""
        return sum(1 for module in self.modules for lesson in module.lessons if lesson.markdown)
