"""An exercise in a section, with what was decided about it there, whatever the version of the course."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, can
from backend.core.clock import now
from backend.core.errors import Invalid
from backend.courses import PlacedExercise, place_exercise
from backend.courses.exercises import MAX_CODE, Exercise, TestVisibility
from backend.grading import queries
from backend.grading.models import ExerciseSettings
from backend.grading.showing import EVERYTHING, visible_to_students


@dataclass(frozen=True, slots=True)
class Place:
    """An exercise whole and its settings: never shown as it is."""

    found: PlacedExercise
    settings: ExerciseSettings

    @property
    def exercise(self) -> Exercise:
        """What its author wrote."""
        return self.found.exercise

    @property
    def max_attempts(self) -> int | None:
        """How often it may be submitted; None: as often as one likes."""
        return self.settings.max_attempts or self.exercise.max_attempts

    def seen_by(self, actor: Actor) -> frozenset[TestVisibility]:
        """Of which tests `actor` sees the data now: those who teach in the section, of all."""
        if can(actor, Action.EXERCISE_TRY, Scope(section_id=self.found.section_id)):
            return EVERYTHING
        return visible_to_students(self.settings, now())


async def place_of(session: AsyncSession, section_id: UUID, key: UUID) -> Place:
    """The exercise. Raises `NotFound`."""
    found = await place_exercise(session, section_id, key)
    settings = await queries.settings_of(session, section_id, key)
    return Place(found, settings or ExerciseSettings(section_id=section_id, block_key=key, version=0))


def program(code: str) -> str:
    """`code`, refused with `Invalid` when it is empty or longer than any program here needs to be."""
    if not code.strip():
        raise Invalid("There is no program yet.")
    if len(code) > MAX_CODE:
        raise Invalid(f"A program has at most {MAX_CODE:,} characters.")
    return code
