"""A coding exercise with a hidden test, and attempts at it that nobody had to run."""

from uuid import UUID, uuid4

from sqlmodel import func, select

from backend.core.clock import now
from backend.core.database import transaction
from backend.courses.exercises import Exercise
from backend.grading.judging import Judgement
from backend.grading.models import Submission
from backend.grading.results import Results, document, result_of
from backend.sandbox import Outcome, Verdict

HIDDEN = ("loaves(3670500)", "7341", "A secret bag")
"""What nobody learns of the exercise's hidden test: what goes in, what should come out, its name."""
EXERCISE = Exercise.model_validate(
    {
        "title": "Loaves",
        "statement": "Write a function `loaves(flour)`.",
        "starter": "def loaves(flour):\n    ...\n",
        "max_attempts": 20,
        "tests": [
            {"name": "One bag", "kind": "call", "call": "loaves(500)", "expected": "1"},
            {
                "name": HIDDEN[2],
                "kind": "call",
                "call": HIDDEN[0],
                "expected": HIDDEN[1],
                "visibility": "hidden",
                "points": 3,
            },
        ],
    }
)


def results_of(*passed: bool) -> Results:
    """What came of the exercise's tests."""
    judged = [Judgement(Verdict.ACCEPTED if fine else Verdict.WRONG_ANSWER, float(fine), "1", "") for fine in passed]
    tests = zip(EXERCISE.tests, judged, strict=False)
    return document([result_of(n, test, judgement, Outcome()) for n, (test, judgement) in enumerate(tests, 1)])


async def add_attempt(
    section_id: UUID, key: UUID, person_id: UUID, *passed: bool, code: str = "pass", job_id: UUID | None = None
) -> UUID:
    """Somebody's graded attempt; its id. Without `passed`, the visible test passed and the hidden one failed."""
    results = results_of(*(passed or (True, False)))
    async with transaction() as session:
        count = (await session.exec(select(func.count()).where(Submission.person_id == person_id))).one()
        attempt = Submission(
            section_id=section_id,
            block_key=key,
            person_id=person_id,
            number=count + 1,
            idempotency_key=uuid4().hex,
            code=code,
            job_id=job_id or uuid4(),
            verdict=results.extra_data.verdict,
            score=results.score,
            max_score=results.max_score,
            results=results.model_dump(mode="json"),
            graded_at=now(),
        )
        session.add(attempt)
    return attempt.id
