"""The exercise in its lesson: what a tab is sent, what its events do, and what they refuse."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from app.state.exercise import ExerciseState
from app.state.exercise_terms import ExerciseTermsState
from backend.core.clock import now
from backend.jobs.models import Job, JobStatus
from tests.support.loaves import HIDDEN, add_attempt, results_of
from tests.support.school import School, change, found_school
from tests.support.tab import Tab, Told, running_app

LESSON = {"section": "baking-autumn", "lesson": "yeast"}
PAGE = "/s/[section]/l/[lesson]"


@pytest.fixture
async def school(services: None) -> AsyncIterator[School]:
    async with running_app():
        yield await found_school()


async def tab_of(school: School, role: str) -> tuple[Tab, Told]:
    """A tab of somebody with this role, and what it was sent with the lesson."""
    tab = Tab()
    await tab.connect(school.cookie(role))
    return tab, await tab.load(PAGE, **LESSON)


async def does(tab: Tab, event: str, **payload: Any) -> Told:
    return await tab.send(f"{ExerciseState.get_full_name()}.{event}", **payload)


async def item_of(tab: Tab, school: School) -> dict[str, Any]:
    """The exercise as the tab holds it."""
    async with tab.held(ExerciseState) as held:
        return dict(held.items[str(school.exercise)])


async def finish(job_id: str, *passed: bool) -> None:
    """Have a run end as a worker would end it."""
    results = results_of(*passed)
    await change(Job, job_id, status=JobStatus.SUCCEEDED, finished_at=now(), result=results.model_dump(mode="json"))


async def test_a_lesson_brings_its_exercise_without_what_is_hidden(school: School) -> None:
    await add_attempt(school.here.id, school.exercise, school.members["student"].id)
    _, told = await tab_of(school, "student")
    text, exercise = told["lesson_state.passages"]
    assert (text["key"], exercise) == ("", {"key": str(school.exercise), "text": ""})
    item = told["exercise_state.items"][str(school.exercise)]
    assert [test["name"] for test in item["tests"]] == ["One bag"]
    assert (item["hidden_tests"], item["best_score"], item["attempts_used"]) == (1, 1.0, 1)
    assert item["outcome"]["result"]["hidden"] == {"total": 1, "passed": 0}
    assert not [word for word in HIDDEN if word in told.wire]
    assert told["exercise_terms_state.forms"] in (None, {})


async def test_a_run_is_followed_and_then_shown(school: School) -> None:
    tab, _ = await tab_of(school, "student")
    key = str(school.exercise)
    await does(tab, "run_code", key=key, code="def loaves(flour): return 1")
    work = (await item_of(tab, school))["work"]
    assert work["purpose"] == "run"
    await finish(work["job_id"], True)
    told = await does(tab, "job_ended", key=key, job_id=work["job_id"])
    item = told["exercise_state.items"][key]
    assert item["work"] is None
    assert [test["passed"] for test in item["outcome"]["result"]["tests"]] == [True]


async def test_a_teachers_run_shows_every_test(school: School) -> None:
    tab, told = await tab_of(school, "assistant")
    item = told["exercise_state.items"][str(school.exercise)]
    assert item["may_try"]
    assert [test["name"] for test in item["tests"]] == ["One bag", HIDDEN[2]]
    refused = await does(tab, "submit_code", key=str(school.exercise), code="pass")
    assert refused.refusal


async def test_an_attempt_is_graded_while_the_page_is_left(school: School) -> None:
    tab, _ = await tab_of(school, "student")
    await does(tab, "submit_code", key=str(school.exercise), code="def loaves(flour): return 1")
    again, _ = await tab_of(school, "student")
    item = await item_of(again, school)
    assert (item["work"]["purpose"], item["attempts"][0]["state"]) == ("submit", "waiting")
    assert item["code"] == "def loaves(flour): return 1"


async def test_what_isnt_on_the_page_is_refused_in_words(school: School) -> None:
    tab, _ = await tab_of(school, "student")
    key = str(school.exercise)
    for wrong in (None, 7, ["x"], "x", str(uuid4())):
        assert (await does(tab, "run_code", key=wrong, code="pass")).refusal
        assert "went wrong" not in (await does(tab, "job_ended", key=wrong, job_id=wrong)).refusal
        assert (await does(tab, "show_attempt", key=key, submission_id=wrong)).refusal
    for wrong_code in (None, 7, "", "x" * 300_000):
        refusal = (await does(tab, "submit_code", key=key, code=wrong_code)).refusal
        assert refusal
        assert "went wrong" not in refusal


async def test_somebody_elses_run_and_attempt_stay_theirs(school: School) -> None:
    owner, _ = await tab_of(school, "student")
    key = str(school.exercise)
    await does(owner, "run_code", key=key, code="pass")
    job_id = (await item_of(owner, school))["work"]["job_id"]
    await finish(job_id, True, True)
    attempt = await add_attempt(school.here.id, school.exercise, school.members["student"].id, code="my own words")
    other, _ = await tab_of(school, "instructor_elsewhere")
    async with other.held(ExerciseState) as held:
        held._section_id, held.items = school.here.id, {key: {"work": {"purpose": "run", "job_id": job_id}}}
    for told in (
        await does(other, "job_ended", key=key, job_id=job_id),
        await does(other, "show_attempt", key=key, submission_id=str(attempt)),
    ):
        assert told.refusal
        assert "my own words" not in told.wire
        assert HIDDEN[1] not in told.wire


async def test_an_instructor_decides_what_students_then_see(school: School) -> None:
    tab, told = await tab_of(school, "instructor")
    key = str(school.exercise)
    form = told["exercise_terms_state.forms"][key]["values"]
    save = f"{ExerciseTermsState.get_full_name()}.save"
    told = await tab.send(save, values={**form, "max_attempts": "none"})
    assert "max_attempts" in told["exercise_terms_state.forms"][key]["errors"]
    wanted = {"due_at": "2030-05-31T23:59", "late_rule": "percent_per_day", "late_percent": "10", "max_attempts": "1"}
    told = await tab.send(save, values={**form, **wanted})
    assert told["exercise_terms_state.forms"][key]["errors"] == {}
    assert told["exercise_state.items"][key]["due_at"].startswith("2030-05-31T23:59")
    told = await tab.send(save, values={**form, **wanted})
    assert "conflict" in told["exercise_terms_state.forms"][key]["errors"]
    await add_attempt(school.here.id, school.exercise, school.members["student"].id)
    student, seen = await tab_of(school, "student")
    item = seen["exercise_state.items"][key]
    assert (item["attempts_allowed"], item["may_submit"]) == (1, False)
    assert "10" in item["late_rule"]
    assert (await does(student, "submit_code", key=key, code="pass")).refusal == item["refusal"]
