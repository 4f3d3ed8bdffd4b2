"""An exercise as one person sees it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from backend.access import Action, Actor, Scope, can, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.courses.exercises import Exercise, PytestTest
from backend.grading import lateness, queries
from backend.grading.places import Place, place_of
from backend.grading.queries import Attempt
from backend.grading.schemas import ExerciseView
from backend.grading.showing import shown_test, tests_seen

NOT_A_STUDENT = "Only the section's students submit."
CLOSED = "It was due, and nothing can be submitted any more."
NO_ATTEMPTS = "You have used all your attempts."
ON_OUR_SIDE = (
    "Your code runs by itself in a sandbox without a network. What it answers is compared outside of it, where it "
    "can't reach."
)
BEST_COUNTS = "The best attempt counts. Runs are free; an attempt that fails on our side isn't counted."
CLAIMS = (
    "Some tests are test files that run in one program with your code, so their results are taken from there. "
    "Instructors may look at the code itself."
)


async def read_exercise(actor: Actor, section_id: UUID, block_key: UUID) -> ExerciseView:
    """An exercise of a section. Raises `NotFound`."""
    scope = Scope(section_id=section_id)
    require(actor, Action.SECTION_READ, scope)
    async with transaction() as session:
        place = await place_of(session, section_id, block_key)
        attempts = await queries.attempts_of(session, section_id, block_key, actor.person_id)
    seen = tests_seen(place.exercise, place.seen_by(actor))
    used = charged(attempts)
    may_submit = can(actor, Action.EXERCISE_SUBMIT, scope)
    refusal = refusal_of(place, used, now()) if may_submit else NOT_A_STUDENT
    best = best_of(attempts)
    return ExerciseView(
        section_id=section_id,
        key=block_key,
        title=place.exercise.title,
        statement=place.exercise.statement,
        starter=place.exercise.starter,
        code=attempts[0].submission.code if attempts else place.exercise.starter,
        tests=tuple(shown_test(number, test) for number, test in seen),
        hidden_tests=len(place.exercise.tests) - len(seen),
        max_score=place.exercise.max_score,
        due_at=iso(place.settings.due_at),
        late_rule=lateness.in_words(place.settings),
        attempts_used=used,
        attempts_allowed=place.max_attempts,
        best_score=best.submission.final_score if best else None,
        how_graded=how_graded(place.exercise),
        may_submit=not refusal,
        refusal=refusal,
        may_try=can(actor, Action.EXERCISE_TRY, scope),
    )


def refusal_of(place: Place, used: int, at: datetime) -> str:
    """Why a student can't submit; empty when they can."""
    if lateness.closed(place.settings, at):
        return CLOSED
    allowed = place.max_attempts
    return NO_ATTEMPTS if allowed is not None and used >= allowed else ""


def charged(attempts: Sequence[Attempt]) -> int:
    """How many attempts count."""
    return sum(attempt.charged for attempt in attempts)


def best_of(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt that counts: the best score, of equal ones the earliest."""
    graded = [attempt for attempt in attempts if attempt.submission.final_score is not None]
    return max(graded, key=lambda each: (each.submission.final_score or 0.0, -each.submission.number), default=None)


def how_graded(exercise: Exercise) -> tuple[str, ...]:
    """How the exercise grades itself, in sentences."""
    claims = any(isinstance(test, PytestTest) for test in exercise.tests)
    return (ON_OUR_SIDE, CLAIMS, BEST_COUNTS) if claims else (ON_OUR_SIDE, BEST_COUNTS)


def iso(moment: datetime | None) -> str:
    """A moment as pages take it; empty for none."""
    return moment.astimezone(UTC).isoformat() if moment else ""
