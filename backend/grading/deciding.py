"""What instructors decide about an exercise in their section."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, AuditEntry, Scope, record, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors
from backend.core.rules import sentence_of
from backend.grading import lateness, queries
from backend.grading.exercises import iso
from backend.grading.models import ExerciseSettings, LateRule
from backend.grading.places import Place, place_of
from backend.grading.schemas import ExerciseSettingsView

CHANGED = "Somebody else changed this since you opened it. Nothing was saved."
NOT_A_MOMENT = "Give a day and time such as 2026-05-31T23:59."


class SettingsForm(BaseModel):
    """The form; `due_at` is local time of the section, which the validation is told as context."""

    model_config = ConfigDict(extra="forbid")

    due_at: datetime | None = None
    late_rule: LateRule = LateRule.NONE
    late_percent: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)
    max_attempts: int | None = Field(default=None, ge=1, le=1000)
    results_published: bool = False

    @field_validator("due_at", mode="before")
    @classmethod
    def _in_local_time(cls, text: object, info: ValidationInfo) -> datetime | None:
        try:
            return lateness.parse_local(str(text or ""), info.context["timezone"] if info.context else "UTC")
        except (ValueError, OverflowError) as error:
            raise ValueError(NOT_A_MOMENT) from error

    @field_validator("max_attempts", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _only_what_counts(self) -> "SettingsForm":
        if self.late_rule is not LateRule.PERCENT_PER_DAY:
            self.late_percent = 0.0
        return self


async def read_settings(actor: Actor, section_id: UUID, block_key: UUID) -> ExerciseSettingsView:
    """What is decided so far. Raises `NotFound`, `Forbidden`."""
    require(actor, Action.EXERCISE_CONFIGURE, Scope(section_id=section_id))
    async with transaction() as session:
        return _view(await place_of(session, section_id, block_key))


async def change_settings(
    actor: Actor, section_id: UUID, block_key: UUID, form: Mapping[str, Any], version: int
) -> ExerciseSettingsView:
    """Store all of a form's fields; `version` is the one that it was filled with.

    What was submitted keeps the deduction that held then, unless the new one is milder. Raises `FieldErrors`,
    `Conflict` when somebody else saved meanwhile, `NotFound`, `Forbidden`.
    """
    require(actor, Action.EXERCISE_CONFIGURE, Scope(section_id=section_id))
    try:
        async with transaction() as session:
            place = await place_of(session, section_id, block_key)
            wanted = _parsed(form, place.found.timezone)
            if place.settings.version != version:
                raise Conflict(CHANGED)
            await _store(session, actor, place, wanted)
            await _relent(session, place)
            return _view(place)
    except IntegrityError as error:
        raise Conflict(CHANGED) from error


def _parsed(form: Mapping[str, Any], timezone: str) -> SettingsForm:
    try:
        return SettingsForm.model_validate(dict(form), context={"timezone": timezone})
    except ValidationError as error:
        raise FieldErrors({str(fault["loc"][0]): sentence_of(fault) for fault in error.errors()}) from error


async def _store(session: AsyncSession, actor: Actor, place: Place, wanted: SettingsForm) -> None:
    row = place.settings
    before = _audited(row) if row.version else None
    for name in SettingsForm.model_fields:
        setattr(row, name, getattr(wanted, name))
    if before is None:
        row.version = 1
    session.add(row)
    await session.flush()
    after = _audited(row)
    if before != after:
        verb = "changed" if before else "created"
        subject = f"{place.found.lesson_title}: {place.exercise.title}"[:200]
        record(
            session,
            AuditEntry(
                actor_id=actor.person_id, action=f"exercise.{verb}", subject=subject, before=before, after=after
            ),
        )


async def _relent(session: AsyncSession, place: Place) -> None:
    """Give everybody the milder of the deduction they have and the one that the new settings make."""
    settings = place.settings
    for submission in await queries.submissions_to(session, settings.section_id, settings.block_key):
        days = lateness.days_late(settings.due_at, submission.created_at, place.found.timezone)
        taken = lateness.deduction(settings, days)
        if days < submission.days_late or taken < submission.deduction:
            submission.days_late = min(days, submission.days_late)
            submission.deduction = min(taken, submission.deduction)
            session.add(submission)


def _audited(row: ExerciseSettings) -> dict[str, Any]:
    return {
        "section": str(row.section_id),
        "due_at": iso(row.due_at),
        "late_rule": row.late_rule,
        "late_percent": row.late_percent,
        "max_attempts": row.max_attempts,
        "results_published": row.results_published,
    }


def _view(place: Place) -> ExerciseSettingsView:
    row = place.settings
    return ExerciseSettingsView(
        due_at=lateness.local(row.due_at, place.found.timezone),
        timezone=place.found.timezone,
        late_rule=row.late_rule,
        late_percent=row.late_percent,
        max_attempts=row.max_attempts,
        results_published=row.results_published,
        version=row.version,
    )
