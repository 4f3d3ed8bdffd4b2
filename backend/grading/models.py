"""What people submit, and what instructors decide about an exercise in their section."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from backend.core.database import Table, Versioned, moment, one_of
from backend.sandbox import Verdict


class LateRule(StrEnum):
    """What becomes of what is submitted after the due date."""

    NONE = "none"
    """It counts in full."""
    PERCENT_PER_DAY = "percent_per_day"
    """Each day begun takes a percentage of its score off."""
    CLOSED = "closed"
    """Nothing can be submitted any more."""


class ExerciseSettings(Versioned, table=True):
    """An exercise in one section; without a row, nothing is due and the exercise's own number of attempts holds."""

    __tablename__ = "exercise_settings"
    __table_args__ = (
        UniqueConstraint("section_id", "block_key"),
        one_of("late_rule", list(LateRule)),
        CheckConstraint("late_percent BETWEEN 0 AND 100", name="late_percent"),
        CheckConstraint("max_attempts > 0", name="max_attempts"),
    )

    section_id: UUID = Field(foreign_key="sections.id", ondelete="CASCADE")
    block_key: UUID
    due_at: datetime | None = moment()
    late_rule: str = LateRule.NONE
    late_percent: float = 0.0
    max_attempts: int | None = None
    results_published: bool = False


class Submission(Table, table=True):
    """One attempt of one person. `number` counts from 1, attempts that cost nothing too.

    Whether it counts as an attempt follows from it and its job: it has a verdict, or may still get one.
    """

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("section_id", "block_key", "person_id", "number"),
        UniqueConstraint("section_id", "block_key", "person_id", "idempotency_key"),
        one_of("verdict", list(Verdict)),
        CheckConstraint("deduction BETWEEN 0 AND 100", name="deduction"),
        CheckConstraint("(verdict IS NULL) = (graded_at IS NULL)", name="graded"),
    )

    section_id: UUID = Field(foreign_key="sections.id", ondelete="CASCADE")
    block_key: UUID
    person_id: UUID = Field(foreign_key="people.id", ondelete="CASCADE", index=True)
    number: int
    idempotency_key: str = Field(max_length=200)
    code: str = Field(sa_type=Text)
    days_late: int = 0
    deduction: float = 0.0
    """Per cent taken off for lateness."""
    job_id: UUID
    """Who grades it. No foreign key: jobs are forgotten after a while."""
    verdict: str | None = None
    score: float | None = None
    """Before the deduction."""
    max_score: float | None = None
    results: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    """A `Results` whole, hidden tests too: shown only through `showing`."""
    graded_at: datetime | None = moment()
    given_back: bool = False
    """It failed on our side and another attempt was made since: it isn't graded any more."""

    @property
    def final_score(self) -> float | None:
        """After the deduction; None while there is no verdict."""
        return None if self.score is None else round(self.score * (1 - self.deduction / 100), 4)
