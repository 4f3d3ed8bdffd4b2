"""How exercises go: pass rates, and students who try in vain."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from backend import insights
from backend.access.models import Role
from backend.core.database import transaction
from backend.grading.models import Submission
from backend.insights import SignalKind
from tests.support.jobs import execute, fetch
from tests.support.school import School, make_member

NOW = datetime.now(UTC)

BLOCK = """
INSERT INTO blocks (id, created_at, lesson_id, key, position, kind, body)
SELECT gen_random_uuid(), now(), id, :key, 9, 'exercise', :body FROM lessons WHERE key = :lesson
"""


@pytest.fixture
async def exercise(school: School) -> UUID:
    """An exercise in the lesson about yeast."""
    key = uuid4()
    await execute(BLOCK, key=key, body=json.dumps({"title": "Prove it"}), lesson=school.lessons["yeast"])
    return key


async def submit(school: School, exercise: UUID, person: UUID, *verdicts: str | None, days_ago: float = 1) -> None:
    async with transaction() as session:
        for number, verdict in enumerate(verdicts, start=1):
            at = NOW - timedelta(days=days_ago, minutes=-number)
            row = Submission(
                created_at=at,
                section_id=school.here.id,
                block_key=exercise,
                person_id=person,
                number=number,
                idempotency_key=str(number),
                code="",
                job_id=uuid4(),
                verdict=verdict,
                graded_at=at if verdict else None,
            )
            session.add(row)


def rate_of(view: insights.Overview, exercise: UUID) -> insights.ExerciseRate:
    return next(each for each in view.exercises if each.key == exercise)


async def test_a_rate_is_who_passed_of_those_who_tried(school: School, exercise: UUID) -> None:
    actor, section = await school.actor("instructor"), school.here.id
    untried = rate_of(await insights.read_overview(actor, section), exercise)
    assert (untried.title, untried.lesson_title, untried.tried, untried.rate) == ("Prove it", "Yeast", 0, 0.0)
    stuck, early = [await make_member(name, school.here, Role.STUDENT) for name in ("Stuck", "Early")]
    await submit(school, exercise, school.members["student"].id, "wrong_answer", "accepted")
    await submit(school, exercise, stuck.id, *["wrong_answer"] * 5, "sandbox_error", None)
    await submit(school, exercise, early.id, "accepted", days_ago=90)
    await submit(school, exercise, school.members["assistant"].id, "accepted")
    view = await insights.read_overview(actor, section)
    rate = rate_of(view, exercise)
    assert (rate.tried, rate.passed, rate.attempts, rate.rate) == (2, 1, 7, 0.5)
    ((independent,),) = await fetch(
        "SELECT count(DISTINCT person_id) FROM submissions WHERE verdict = 'accepted' AND created_at > now() - interval"
        " '28 days' AND person_id IN (SELECT person_id FROM memberships WHERE role = 'student')"
    )
    assert rate.passed == independent
    only_flour = insights.Filters(view.section.filters.first, view.section.filters.last, school.lessons["flour"])
    assert (await insights.read_overview(actor, section, only_flour)).exercises == ()

    students = {each.name: each for each in (await insights.read_students(actor, section)).students}
    assert [(each.kind, each.reason) for each in students["Stuck"].signals] == [
        (SignalKind.FAILING, "Tried “Prove it” 5 times lately and hasn’t passed it.")
    ]
    assert students["Student"].signals == () and students["Student"].submissions == 2
    assert students["Early"].submissions == 0 and students["Early"].weeks_quiet is not None
