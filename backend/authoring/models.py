"""What course-generating jobs have made so far. A draft version of the course appears only when all of it is there."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from backend.core.database import Table


class CourseGeneration(Table, table=True):
    """One job's course, from the moment its outline is there."""

    __tablename__ = "course_generations"

    job_id: UUID = Field(foreign_key="jobs.id", ondelete="CASCADE", unique=True)
    outline: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """A `schemas.Outline`."""
    version_id: UUID | None = Field(default=None, foreign_key="course_versions.id", ondelete="SET NULL")
    """The draft, once every lesson is written."""


class GeneratedLesson(Table, table=True):
    """A lesson's text, paid for: no later attempt asks for it again."""

    __tablename__ = "generated_lessons"
    __table_args__ = (UniqueConstraint("generation_id", "position"),)

    generation_id: UUID = Field(foreign_key="course_generations.id", ondelete="CASCADE")
    position: int
    """Its place in the outline, from 0."""
    markdown: str = Field(sa_type=Text)
