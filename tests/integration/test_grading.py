"""Exercises from the first look to the grade: what students see of them, and which attempts cost something."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend import grading
from backend.access import AuditEntry
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Forbidden, Invalid, NotFound, NotSignedIn, StoaError, TooMany
from backend.core.ids import new_id
from backend.courses import ensure_course, ensure_section, open_lesson
from backend.courses.demo import demo_courses
from backend.courses.models import Block, Lesson, Section
from backend.grading.models import Submission
from backend.grading.schemas import SubmissionView
from backend.grading.submissions import TRIED_AGAIN
from backend.jobs import JobStatus, Lane, cancel_job, read_job, read_log
from backend.wiring import register_job_kinds
from tests.support.exercises import HALF_RIGHT, RIGHT, SECRETS, Machine, add_exercise
from tests.support.jobs import ask, execute, job_of, reaches, set_columns, working
from tests.support.school import School, change, found_school
from tests.support.services import environment

STUDENT = "student"


@pytest.fixture
async def machine(engine: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    made = Machine()
    monkeypatch.setattr("backend.grading.testing.get_sandbox", lambda: made)
    yield made
    await made.close()


@pytest.fixture
async def school(services: None) -> School:
    register_job_kinds()
    return await found_school()


@pytest.fixture
async def key(school: School) -> UUID:
    return await add_exercise(school)


async def hand_in(school: School, key: UUID, code: str, idempotency_key: str = "") -> SubmissionView:
    actor = await school.actor()
    return await grading.submit(actor, school.here.id, key, code, idempotency_key or str(new_id()))


async def graded(school: School, submission: SubmissionView) -> SubmissionView:
    async with working(Lane.CPU):
        await reaches(submission.job_id)
    return await grading.read_submission(await school.actor(), submission.id)


async def decide(school: School, key: UUID, **form: object) -> None:
    actor = await school.actor("instructor")
    version = (await grading.read_settings(actor, school.here.id, key)).version
    await grading.change_settings(actor, school.here.id, key, form, version)


def local(delta: timedelta) -> str:
    return f"{now() + delta:%Y-%m-%dT%H:%M}"


@pytest.mark.usefixtures("machine")
async def test_a_student_solves_an_exercise_and_reads_nothing_hidden(
    school: School, key: UUID, capfd: pytest.CaptureFixture[str]
) -> None:
    actor, section = await school.actor(), school.here.id
    said: list[str] = []

    def heard(view: object) -> None:
        said.append(json.dumps(asdict(view), default=str))  # type: ignore[call-overload]

    heard(await open_lesson(actor, school.here.slug, "flour"))
    heard(await grading.read_exercise(actor, section, key))
    run = await grading.run_code(actor, section, key, HALF_RIGHT, "run")
    submission = await hand_in(school, key, HALF_RIGHT)
    heard(submission)
    async with working(Lane.CPU):
        for job_id in (run.job_id, submission.job_id):
            assert (await reaches(job_id)).status == JobStatus.SUCCEEDED
            heard(await read_job(actor, job_id))
            said.append(str(await read_log(actor, job_id)))
    run = await grading.read_run(actor, run.job_id)
    assert (run.result.state, run.result.verdict, run.result.score, run.result.max_score) == (
        "finished",
        "accepted",
        1,
        1,
    )
    assert [(test.name, test.expected, test.actual) for test in run.result.tests] == [
        ("One word", "'SEEN-IN'", "'SEEN-IN'")
    ]
    assert "I got seen-in" in run.result.tests[0].output
    submission = (await grading.list_submissions(actor, section, key))[0]
    assert (submission.score, submission.max_score, submission.best) == (1, 5, True)
    assert (submission.result.hidden.total, submission.result.hidden.passed) == (3, 0)
    assert submission.result.verdict == "wrong_answer"
    assert "hidden" in submission.result.sentence
    exercise = await grading.read_exercise(actor, section, key)
    assert (exercise.attempts_used, exercise.attempts_allowed, exercise.best_score) == (1, 3, 1)
    assert (exercise.hidden_tests, len(exercise.tests), exercise.may_submit) == (3, 1, True)
    for view in (run, submission, exercise):
        heard(view)
    said += capfd.readouterr()
    assert "seen-in" in "".join(said)
    assert [secret for secret in SECRETS if secret in "".join(said)] == []


@pytest.mark.usefixtures("machine")
async def test_tests_open_with_the_due_date_and_when_results_are_published(school: School, key: UUID) -> None:
    submission = await graded(school, await hand_in(school, key, HALF_RIGHT))
    await decide(school, key, due_at=local(timedelta(minutes=-2)))
    opened = await grading.read_submission(await school.actor(), submission.id)
    assert [test.name for test in opened.result.tests] == ["One word", "Later"]
    assert (opened.days_late, opened.deduction) == (0, 0)
    await decide(school, key, results_published=True)
    exercise = await grading.read_exercise(await school.actor(), school.here.id, key)
    assert ([test.name for test in exercise.tests], exercise.hidden_tests) == (["One word", "Last"], 2)


async def test_those_who_teach_see_every_test(school: School, key: UUID, machine: Machine) -> None:
    submission = await graded(school, await hand_in(school, key, RIGHT))
    assert (submission.score, submission.result.verdict) == (5, "accepted")
    actor = await school.actor("assistant")
    run = await grading.run_code(actor, school.here.id, key, RIGHT, "try")
    async with working(Lane.CPU):
        await reaches(run.job_id)
    tried = (await grading.read_run(actor, run.job_id)).result
    assert [test.passed for test in tried.tests] == [True] * 4
    seen = await grading.list_submissions(actor, school.here.id, key, submission_owner := school.members[STUDENT].id)
    assert [test.expected for test in seen[0].result.tests][1] == "'hidden-out'"
    assert machine.owners == [f"submission:{submission.id}", f"run:{run.job_id}"]
    assert submission_owner != actor.person_id


@pytest.mark.usefixtures("machine")
async def test_what_a_run_shows_is_decided_by_the_role_alone(school: School, key: UUID) -> None:
    payload = {"code": HALF_RIGHT, "block_key": str(key), "all_tests": True, "visibility": "hidden"}
    job = await ask("sandbox_run", payload, await school.actor(), section_id=school.here.id)
    async with working(Lane.CPU):
        result = (await reaches(job.id)).result
    assert [test["name"] for test in result["tests"]] == ["One word"]
    with pytest.raises(NotFound):
        await ask("sandbox_run", payload, await school.actor(), section_id=school.elsewhere.id)


async def test_a_double_click_is_one_attempt(school: School, key: UUID) -> None:
    first, again = await asyncio.gather(hand_in(school, key, RIGHT), hand_in(school, key, RIGHT))
    assert first.id == again.id
    assert (await hand_in(school, key, HALF_RIGHT, "key")).number == 2
    assert (await hand_in(school, key, "print('changed')", "key")).number == 2
    assert (await grading.read_exercise(await school.actor(), school.here.id, key)).attempts_used == 2


async def test_many_at_once_are_never_more_than_the_attempts(school: School, key: UUID) -> None:
    sent = await asyncio.gather(
        *(hand_in(school, key, f"print({number})") for number in range(5)), return_exceptions=True
    )
    assert sorted(each.number for each in sent if isinstance(each, SubmissionView)) == [1, 2, 3]
    assert [type(each) for each in sent if isinstance(each, StoaError)] == [Conflict, Conflict]


async def test_a_breakdown_costs_the_job_an_attempt_but_not_the_student(
    school: School, key: UUID, machine: Machine
) -> None:
    machine.breakdowns = 2
    submission = await graded(school, await hand_in(school, key, RIGHT))
    assert (await job_of(submission.job_id)).attempts == 3
    assert (submission.number, submission.score, submission.result.state) == (1, 5, "finished")
    assert (await grading.read_exercise(await school.actor(), school.here.id, key)).attempts_used == 1


async def test_without_an_engine_submissions_and_runs_wait(
    school: School, key: UUID, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.grading.testing.ENGINE_AWAY", 0.1)
    machine.away = True
    submission = await hand_in(school, key, RIGHT)
    run = await grading.run_code(await school.actor(), school.here.id, key, RIGHT, "run")
    async with working(Lane.CPU):
        async with asyncio.timeout(10):
            while not (waiting := await grading.read_submission(await school.actor(), submission.id)).result.note:
                await asyncio.sleep(0.02)
        assert (waiting.result.state, waiting.charged, waiting.score) == ("waiting", True, None)
        assert "waits" in waiting.result.note
        machine.away = False
        for job_id in (submission.job_id, run.job_id):
            job = await reaches(job_id)
            assert (job.status, job.attempts) == (JobStatus.SUCCEEDED, 1)
    assert [each.score for each in await grading.list_submissions(await school.actor(), school.here.id, key)] == [5]


async def test_an_attempt_that_cannot_be_graded_is_given_back(school: School, key: UUID, machine: Machine) -> None:
    lost = await hand_in(school, key, RIGHT)
    await set_columns(lost.job_id, max_attempts="1")
    machine.breakdowns = 1
    lost = await graded(school, lost)
    assert (lost.result.state, lost.charged, lost.score) == ("failed", False, None)
    canceled = await hand_in(school, key, HALF_RIGHT)
    await cancel_job(await school.actor(), canceled.job_id)
    for number in range(3):
        await hand_in(school, key, f"print({number})")
    with pytest.raises(Conflict, match="all your attempts"):
        await hand_in(school, key, "print('one more')")
    await set_columns(lost.job_id, status="'queued'", finished_at="NULL", max_attempts="5")  # its owner tries again
    async with working(Lane.CPU):
        for each in await grading.list_submissions(await school.actor(), school.here.id, key):
            await reaches(each.job_id)
    again = await grading.read_submission(await school.actor(), lost.id)
    assert (again.result.state, again.result.note) == ("failed", TRIED_AGAIN)
    await execute("DELETE FROM jobs")
    kept = await grading.list_submissions(await school.actor(), school.here.id, key)
    assert [each.charged for each in kept] == [True, True, True, False, False]


async def test_a_run_is_answered_within_a_second(school: School, key: UUID, machine: Machine) -> None:
    """Asserted at three times the promise."""
    actor, loop = await school.actor(), asyncio.get_running_loop()
    async with working(Lane.CPU):
        await reaches((await grading.run_code(actor, school.here.id, key, RIGHT, "first")).job_id)
        begun = loop.time()
        run = await grading.run_code(actor, school.here.id, key, RIGHT, "second")
        await reaches(run.job_id)
        seconds = loop.time() - begun
    assert (await grading.read_run(actor, run.job_id)).result.state == "finished"
    assert seconds < 3


async def test_who_cancels_a_grading_that_began_has_used_the_attempt(school: School, key: UUID) -> None:
    """How long it took told something already."""
    endless = await hand_in(school, key, "while True: pass")
    async with working(Lane.CPU):
        while (await job_of(endless.job_id)).status != JobStatus.RUNNING:
            await asyncio.sleep(0.02)
        await cancel_job(await school.actor(), endless.job_id)
        await reaches(endless.job_id)
    canceled = await grading.read_submission(await school.actor(), endless.id)
    assert (canceled.result.state, canceled.charged, canceled.score) == ("failed", True, None)
    assert "counts" in canceled.result.note
    again = await hand_in(school, key, "while True: pass")
    assert again.id != endless.id
    await set_columns(endless.job_id, error_class="'SandboxUnavailable'")  # it was between attempts: ours had failed
    assert not (await grading.read_submission(await school.actor(), endless.id)).charged


async def test_grading_again_changes_nothing(school: School, key: UUID, machine: Machine) -> None:
    submission = await graded(school, await hand_in(school, key, RIGHT))
    boxes = list(machine.owners)
    async with working(Lane.CPU):
        again = await ask(
            "grade", {"submission_id": str(submission.id)}, await school.actor(), section_id=school.here.id
        )
        assert (await reaches(again.id)).result["score"] == 5
        theirs = await ask(
            "grade",
            {"submission_id": str(submission.id)},
            await school.actor("student_elsewhere"),
            section_id=school.elsewhere.id,
        )
        assert (await reaches(theirs.id)).status == JobStatus.FAILED
    assert machine.owners == boxes
    assert await grading.read_submission(await school.actor(), submission.id) == submission


@pytest.mark.usefixtures("machine")
async def test_lateness_is_frozen_and_only_ever_softened(school: School, key: UUID) -> None:
    await decide(
        school, key, due_at=local(timedelta(hours=-30)), late_rule="percent_per_day", late_percent=20, max_attempts=9
    )
    exercise = await grading.read_exercise(await school.actor(), school.here.id, key)
    assert exercise.late_rule == "What is late loses 20 % of its score for each day begun."
    late = await graded(school, await hand_in(school, key, RIGHT))
    assert (late.days_late, late.deduction, late.score) == (2, 40, 3)
    await decide(school, key, due_at=local(timedelta(hours=-300)), late_rule="percent_per_day", late_percent=50)
    assert (await grading.read_submission(await school.actor(), late.id)).deduction == 40
    await decide(school, key, due_at=local(timedelta(hours=-1)), late_rule="percent_per_day", late_percent=10)
    assert (await grading.read_submission(await school.actor(), late.id)).score == 4.5
    await decide(school, key, due_at=local(timedelta(hours=-1)), late_rule="closed")
    assert (await grading.read_submission(await school.actor(), late.id)).score == 5
    with pytest.raises(Conflict, match="nothing can be submitted"):
        await hand_in(school, key, HALF_RIGHT)
    async with transaction() as session:
        lines = (await session.exec(select(AuditEntry.action).where(AuditEntry.action.startswith("exercise.")))).all()
    assert sorted(lines) == ["exercise.changed"] * 3 + ["exercise.created"]


async def test_a_form_says_what_is_wrong_and_a_stale_one_is_refused(school: School, key: UUID) -> None:
    actor = await school.actor("instructor")
    with pytest.raises(FieldErrors) as refused:
        await grading.change_settings(
            actor, school.here.id, key, {"due_at": "soon", "late_percent": 101, "max_attempts": 0}, 0
        )
    assert set(refused.value.fields) == {"due_at", "late_percent", "max_attempts"}
    await grading.change_settings(actor, school.here.id, key, {"max_attempts": "2"}, 0)
    for stale in (0, 7):
        with pytest.raises(Conflict):
            await grading.change_settings(actor, school.here.id, key, {}, stale)
    await change(Section, school.here.id, timezone="Asia/Tokyo")
    view = await grading.change_settings(actor, school.here.id, key, {"due_at": "2026-05-31T23:59"}, 1)
    assert (view.due_at, view.timezone, view.version, view.max_attempts) == ("2026-05-31T23:59", "Asia/Tokyo", 2, None)
    assert (await grading.read_exercise(actor, school.here.id, key)).due_at == "2026-05-31T14:59:00+00:00"


async def test_nobody_does_what_is_not_theirs(school: School, key: UUID) -> None:
    submission = await hand_in(school, key, RIGHT)
    here = school.here.id
    doors: dict[str, tuple[Callable[..., Awaitable[object]], tuple[object, ...], set[str]]] = {
        "read": (grading.read_exercise, (here, key), {"student", "assistant", "instructor", "administrator"}),
        "run": (grading.run_code, (here, key, "1", "a"), {"student", "assistant", "instructor", "administrator"}),
        "submit": (grading.submit, (here, key, "1", "a"), {"student"}),
        "submission": (grading.read_submission, (submission.id,), {"student", "assistant", "instructor"}),
        "theirs": (
            grading.list_submissions,
            (here, key, school.members[STUDENT].id),
            {"student", "assistant", "instructor"},
        ),
        "settings": (grading.read_settings, (here, key), {"instructor"}),
        "change": (grading.change_settings, (here, key, {}, 0), {"instructor"}),
    }
    for name, (door, arguments, may) in doors.items():
        for role in ("anonymous", *school.members):
            actor = await school.actor(role)
            if role in may:
                await door(actor, *arguments)
                continue
            with pytest.raises(NotSignedIn if role == "anonymous" else (Forbidden, NotFound)):
                await door(actor, *arguments)
                raise AssertionError(f"{role} may {name}")
    with pytest.raises(NotFound):
        await grading.read_exercise(await school.actor(), here, new_id())


async def test_nobody_floods_the_lane(school: School, key: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = await school.actor()
    with environment(STOA_SANDBOX_RUNS_PER_MINUTE="5"):
        first = await grading.run_code(actor, school.here.id, key, "1", "a")
        await grading.run_code(actor, school.here.id, key, "1", "b")
        with pytest.raises(TooMany, match="haven't ended"):
            await grading.run_code(actor, school.here.id, key, "1", "c")
        assert await grading.run_code(actor, school.here.id, key, "1", "a") == first
        await hand_in(school, key, "1")
        with pytest.raises(TooMany, match="Again in"):
            await hand_in(school, key, "2")
    with environment(STOA_SANDBOX_RUNS_PER_MINUTE="100"), monkeypatch.context() as context:
        context.setattr("backend.grading.submissions.SUBMISSIONS_AT_ONCE", 1)
        with pytest.raises(TooMany, match="haven't ended"):
            await hand_in(school, key, "3")
        assert (await grading.read_exercise(actor, school.here.id, key)).attempts_used == 1
    for nothing in (" \n", "x" * 70_000):
        with pytest.raises(Invalid):
            await grading.run_code(actor, school.here.id, key, nothing, "d")


async def test_a_demo_seeded_before_gets_the_exercises_once(database: str) -> None:
    text = demo_courses()[0]
    plain = tuple(
        (title, tuple(replace(lesson, exercises=()) for lesson in lessons)) for title, lessons in text.modules
    )
    seen = []
    for edition in (replace(text, modules=plain), text, text):
        async with transaction() as session:
            course, version = await ensure_course(session, edition)
            section = await ensure_section(session, course, version.id, "python-autumn", "Autumn", "UTC")
            seen.append((version.number, section.version_id == version.id, await _kinds(session, version.id)))
    (one, pinned, before), (two, moved, after), again = seen
    assert (one, pinned, two, moved) == (1, True, 2, True)
    assert {key for key, kind in after.items() if kind == "markdown"} == before.keys()
    assert list(after.values()).count("exercise") == 5
    assert again == (two, moved, after)


async def _kinds(session: AsyncSession, version_id: UUID) -> dict[UUID, str]:
    """The kinds of a version's blocks by key."""
    found = await session.exec(
        select(Block.key, Block.kind).join(Lesson, Lesson.id == Block.lesson_id).where(Lesson.version_id == version_id)
    )
    return dict(found.all())


@pytest.mark.usefixtures("machine")
async def test_a_submission_is_stored_whole_for_those_who_teach(school: School, key: UUID) -> None:
    submission = await graded(school, await hand_in(school, key, RIGHT))
    async with transaction() as session:
        stored = await session.get_one(Submission, submission.id)
    assert stored.results is not None
    assert [test["visibility"] for test in stored.results["tests"]] == [
        "visible",
        "hidden",
        "after_due_date",
        "after_published",
    ]
    assert set(stored.results) == {
        "score", "max_score", "execution_time", "output", "visibility", "tests", "extra_data",
    }  # fmt: skip
