"""What is counted beforehand of a section's closed days, and what its instructors noted, revealed and were advised."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Numeric, Text, UniqueConstraint, text
from sqlmodel import Field

from backend.core.database import Table, Versioned, moment, one_of
from backend.insights.schemas import TranscriptSwitch


def _section(*, unique: bool = False, index: bool = False) -> Any:
    return Field(foreign_key="sections.id", ondelete="CASCADE", unique=unique, index=index)


def _person() -> Any:
    return Field(foreign_key="people.id", ondelete="CASCADE", index=True)


class RolledSection(Table, table=True):
    """How far a section's rollups reach. Whatever day isn't covered, or is stale, is counted when it is read."""

    __tablename__ = "insight_sections"

    section_id: UUID = _section(unique=True)
    rolled_through: date
    timezone: str = Field(max_length=64)
    """Whose days these are: rollups of another zone than the section's count for nothing."""


class StaleDay(Table, table=True):
    """A past day of which something changed: a thumb, a deletion. Triggers write it; the next rollup counts anew.

    Without uniqueness, so that nobody who changes something waits for a rollup.
    """

    __tablename__ = "insight_stale"

    section_id: UUID = _section(index=True)
    day: date


class ActivityRollup(Table, table=True):
    """What one person did on one of the section's days beside one lesson (NULL: beside none)."""

    __tablename__ = "insight_activity"
    __table_args__ = (
        Index(
            "uq_insight_activity",
            "section_id",
            "day",
            "person_id",
            "lesson_key",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    section_id: UUID = _section()
    day: date
    person_id: UUID = _person()
    lesson_key: UUID | None = None
    conversations: int
    questions: int
    answers: int
    failed: int
    thumbs_up: int
    thumbs_down: int


class CostRollup(Table, table=True):
    """What a section's attempts of one day, feature and model came to."""

    __tablename__ = "insight_costs"
    __table_args__ = (
        Index(
            "uq_insight_costs",
            "section_id",
            "day",
            "feature",
            "model_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    section_id: UUID = _section()
    day: date
    feature: str
    model_id: UUID | None = None
    requests: int
    attempts: int
    failed: int
    input_tokens: int = Field(sa_type=BigInteger)
    output_tokens: int = Field(sa_type=BigInteger)
    cached_tokens: int = Field(sa_type=BigInteger)
    reasoning_tokens: int = Field(sa_type=BigInteger)
    estimated: int
    cost_usd: Decimal = Field(sa_column=Column(Numeric(18, 8), nullable=False))
    unpriced: int


class Visit(Table, table=True):
    """When a person was on a section's dashboard. `previous_at` is the end of the sitting before this one."""

    __tablename__ = "insight_visits"
    __table_args__ = (UniqueConstraint("section_id", "person_id"),)

    section_id: UUID = _section()
    person_id: UUID = _person()
    visited_at: datetime = moment(nullable=False, default=...)
    previous_at: datetime | None = moment()


class Resolution(Table, table=True):
    """Somebody saw to an answer that got a thumbs-down."""

    __tablename__ = "insight_resolutions"

    message_id: UUID = Field(unique=True, foreign_key="messages.id", ondelete="CASCADE")
    resolved_by: UUID | None = Field(default=None, index=True, foreign_key="people.id", ondelete="SET NULL")


class Pseudonym(Table, table=True):
    """What a student is called in a section where names aren't shown: drawn at random, so nothing leads back."""

    __tablename__ = "insight_pseudonyms"
    __table_args__ = (UniqueConstraint("section_id", "person_id"), UniqueConstraint("section_id", "code"))

    section_id: UUID = _section()
    person_id: UUID = _person()
    code: str = Field(max_length=8)


class Reveal(Table, table=True):
    """A person learnt the name behind a pseudonym, and why. It holds for a day."""

    __tablename__ = "insight_reveals"
    __table_args__ = (Index("ix_insight_reveals_standing", "section_id", "student_id", "revealed_to"),)

    section_id: UUID = _section()
    student_id: UUID = _person()
    revealed_to: UUID = _person()
    reason: str = Field(max_length=300)


class DashboardSwitches(Versioned, table=True):
    """What a section's dashboard may show; a section without a row has the defaults."""

    __tablename__ = "insight_switches"
    __table_args__ = (one_of("transcripts", list(TranscriptSwitch)),)

    section_id: UUID = _section(unique=True)
    transcripts: str = TranscriptSwitch.REVEALABLE
    recommendations: bool = True


class RecommendationRow(Table, table=True):
    """One recommendation, from the moment it was asked for. Of each section one at a time is being written."""

    __tablename__ = "insight_advice"
    __table_args__ = (
        Index(
            "uq_insight_advice_writing",
            "section_id",
            unique=True,
            postgresql_where=text("written_at IS NULL AND failed_at IS NULL"),
        ),
        Index("ix_insight_advice_section", "section_id", "id"),
        CheckConstraint("written_at IS NULL OR failed_at IS NULL", name="one_end"),
    )

    section_id: UUID = _section()
    job_id: UUID
    headline: str = Field(default="", max_length=160)
    body: str = Field(default="", sa_type=Text)
    model: str = Field(default="", max_length=120)
    problem: str = Field(default="", sa_type=Text)
    written_at: datetime | None = moment()
    failed_at: datetime | None = moment()


class RecommendationThumb(Table, table=True):
    """What a reader thinks of a recommendation: one thumb each."""

    __tablename__ = "insight_thumbs"
    __table_args__ = (
        UniqueConstraint("recommendation_id", "person_id"),
        CheckConstraint("rating IN (-1, 1)", name="rating"),
    )

    recommendation_id: UUID = Field(foreign_key="insight_advice.id", ondelete="CASCADE")
    person_id: UUID = _person()
    rating: int
    comment: str = Field(default="", max_length=500)
