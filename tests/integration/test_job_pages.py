"""The pages of jobs: one's own, one of them live, everybody's, and word of those that end while one is elsewhere."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.state.author import AuthorState
from app.state.home import HomeState
from app.state.job import JobState
from app.state.job_news import JobNewsState
from app.state.jobs import JobsState
from app.state.jobs_admin import JobsAdminState
from app.state.session import Session
from backend.access import Action
from backend.authoring import COURSE_GENERATE
from backend.jobs import JobStatus, Kind, kinds, pause, register
from backend.jobs.enqueueing import MOST_ACTIVE
from tests.support.jobs import (
    Nothing,
    add_job,
    ask,
    begun,
    do_nothing,
    fetch,
    job_of,
    register_kinds,
    set_columns,
)
from tests.support.school import School, found_school
from tests.support.tab import Tab, Told, running_app


@pytest.fixture
async def school(services: None) -> AsyncIterator[School]:
    register_kinds()
    async with running_app():
        yield await found_school()


async def tab_of(school: School, role: str, path: str = "/404", **query: str) -> Tab:
    tab = Tab()
    await tab.connect(school.cookie(role))
    await tab.load(path, **query)
    return tab


async def does(tab: Tab, state: type[Session], event: str, **payload: Any) -> Told:
    return await tab.send(f"{state.get_full_name()}.{event}", **payload)


def mine(school: School, role: str = "student") -> UUID:
    return school.members[role].id


async def test_the_list_is_paged_filtered_and_leaves_out_what_pages_wait_for(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.jobs.reading.PAGE", 2)
    ids = [str(await add_job(mine(school), status)) for status in (JobStatus.DEAD, JobStatus.QUEUED, JobStatus.FAILED)]
    await add_job(mine(school, "student_elsewhere"), JobStatus.QUEUED)
    tab = await tab_of(school, "student", "/jobs")

    async def shown() -> list[str]:
        async with tab.held(JobsState) as state:
            return [each["id"] for each in state.jobs]

    assert await shown() == [ids[2], ids[1]]
    await does(tab, JobsState, "show_older")
    await does(tab, JobsState, "beat")
    assert await shown() == [ids[0]]
    await does(tab, JobsState, "show_newer")
    assert await shown() == [ids[2], ids[1]]
    await does(tab, JobsState, "choose_status", status="dead")
    assert await shown() == [ids[0]]
    await does(tab, JobsState, "choose_status", status=["dead"])
    assert len(await shown()) == 2
    monkeypatch.setitem(
        kinds._kinds, "old", Kind("old", Nothing, Nothing, do_nothing, Action.SECTION_LIST, awaited=True)
    )
    await does(tab, JobsState, "beat")
    assert await shown() == []
    await does(tab, JobsState, "choose_kind", kind="old")
    assert len(await shown()) == 2


async def test_a_job_says_what_it_is_and_why_it_waits(school: School) -> None:
    student = await school.actor()
    job = await ask("story", {"topic": "Snow"}, student, section_id=school.here.id)
    tab = await tab_of(school, "student", "/jobs/[job]", job=str(job.id))
    async with tab.held(JobState) as state:
        assert (state.title, state.about, state.section) == ("A story", "Snow", "Baking, Autumn")
        assert (state.label, state.can_cancel, state.can_retry) == ("Waiting", True, False)
    await pause(await school.actor("administrator"), "kind:story")
    told = await does(tab, JobState, "refresh")
    assert "paused" in told["job_state.said"]
    await set_columns(job.id, attempts="2", run_at="now() + interval '40 s'")
    told = await does(tab, JobState, "refresh")
    assert told["job_state.label"] == "Waiting to try again"
    looking = await tab_of(school, "administrator", "/jobs/[job]", job=str(job.id))
    async with looking.held(JobState) as state:
        assert state.requested_by == "Student"


async def test_the_log_is_shown_from_its_end_and_another_jobs_never(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.state.job.LINES", 2)
    student = await school.actor()
    job, other = await ask("noop", actor=student), await ask("noop", actor=student)
    context = await begun(job)
    for number in range(1, 6):
        await context.log(f"<i>{number}</i>")
    tab = await tab_of(school, "student", "/jobs/[job]", job=str(job.id))

    async def shown() -> list[str]:
        async with tab.held(JobState) as state:
            return [each["message"] for each in state.lines]

    assert await shown() == ["<i>4</i>", "<i>5</i>"]
    await does(tab, JobState, "show_earlier")
    assert (await shown())[0] == "<i>2</i>"
    await context.log("six")
    await does(tab, JobState, "refresh")
    assert (await shown())[-1] == "six"
    tab._query = {"job": str(other.id)}
    await does(tab, JobState, "refresh")
    assert await shown() == []


async def test_who_is_elsewhere_is_told_once_and_who_looks_on_isnt(school: School) -> None:
    first, second = await tab_of(school, "student", "/account"), await tab_of(school, "student", "/account")
    job = await add_job(mine(school), JobStatus.QUEUED)
    assert (await does(first, JobNewsState, "look"))["job_news_state.active"] == 1
    await set_columns(job, status="'succeeded'", finished_at="now()")
    told = await does(first, JobNewsState, "look")
    assert told["session.toast"] | {"nonce": ""} == {
        "nonce": "", "text": "Old is done.", "tone": "plain", "href": f"/jobs/{job}",
    }  # fmt: skip
    assert told["job_news_state.active"] == 0
    for tab in (first, second):
        assert (await does(tab, JobNewsState, "look"))["session.toast"] is None
    for _ in range(2):
        await add_job(mine(school), JobStatus.DEAD)
    assert (await does(first, JobNewsState, "look"))["session.toast"]["text"] == "2 of your jobs have ended."
    watched = await add_job(mine(school), JobStatus.FAILED)
    first._path = f"/jobs/{watched}"
    assert (await does(first, JobNewsState, "look"))["session.toast"] is None
    home = await second.load("/")
    assert len(home["home_state.jobs"]) == 4
    await set_columns(watched, finished_at="now() - interval '2 days'")
    assert len((await does(second, HomeState, "look_at_jobs"))["home_state.jobs"]) == 3


async def test_administrators_narrow_choose_and_change_many(school: School) -> None:
    dead = [str(await add_job(mine(school), JobStatus.DEAD, section_id=school.here.id)) for _ in range(3)]
    queued = str(await add_job(mine(school, "instructor"), JobStatus.QUEUED))
    tab = await tab_of(school, "administrator", "/admin/jobs")

    async def shown() -> set[str]:
        async with tab.held(JobsAdminState) as state:
            return {each["id"] for each in state.jobs}

    for event, payload, found in (
        ("search_person", {"text": "instructor"}, {queued}),
        ("search_person", {"text": "100%"}, set()),
        ("search_person", {"text": ""}, {*dead, queued}),
        ("search_section", {"text": "baking autumn"}, set(dead)),
        ("show_dead", {}, set(dead)),
    ):
        await does(tab, JobsAdminState, event, **payload)
        assert await shown() == found, payload
    await does(tab, JobsAdminState, "select_page", on=True)
    await does(tab, JobsAdminState, "select", job_id=dead[0], on=False)
    await does(tab, JobsAdminState, "select", job_id=queued, on=True)
    told = await does(tab, JobsAdminState, "beat")
    assert told["jobs_admin_state.selected"] is None, "what was chosen stays"
    told = await does(tab, JobsAdminState, "retry")
    assert told["session.toast"]["text"].startswith("2 jobs of 3 were tried again. Only")
    await does(tab, JobsAdminState, "select", job_id=dead[0], on=True)
    told = await does(tab, JobsAdminState, "discard")
    assert told["session.toast"]["text"] == "1 job of 1 was discarded."
    left = [str(row.id) for row in await fetch("SELECT id FROM jobs WHERE status = 'queued' ORDER BY id")]
    assert left == sorted([*dead[1:], queued])
    await does(tab, JobsAdminState, "choose_to_pause", subject="lane:io")
    told = await does(tab, JobsAdminState, "pause", subject="lane:io")
    assert [each["label"] for each in told["jobs_admin_state.paused"]] == ["The whole io lane"]
    assert (await does(tab, JobsAdminState, "resume", subject="lane:io"))["jobs_admin_state.paused"] == []


async def test_who_has_too_much_under_way_reads_so_at_the_form(school: School) -> None:
    register(COURSE_GENERATE)
    for _ in range(MOST_ACTIVE):
        await add_job(mine(school, "instructor"), JobStatus.QUEUED)
    tab = await tab_of(school, "instructor", "/s/[section]/teach/author", section="baking-autumn")
    form = {"topic": "Rain", "audience": "all", "lessons": "1", "language": "en", "key": "k"}
    told = await does(tab, AuthorState, "start", values=form)
    assert told["author_state.saving"] is False
    assert [text.split(".")[0] for text in told["author_state.errors"].values()] == ["You have 20 jobs under way"]
    assert await fetch("SELECT 1 FROM jobs WHERE kind = 'course_generate'") == []


async def test_another_persons_job_is_neither_read_nor_changed(school: School) -> None:
    job = await add_job(mine(school), JobStatus.DEAD, error_message="my secret", progress_note="my secret")
    for role in ("student_elsewhere", "instructor", "anonymous"):
        tab = await tab_of(school, role)
        told = await tab.load("/jobs/[job]", job=str(job))
        for event in ("refresh", "retry", "cancel", "show_earlier"):
            async with tab.held(JobState) as state:
                state.subject, state.lines = str(job), [{"sequence": 5, "at": "", "level": "info", "message": ""}]
            told.wire += (await does(tab, JobState, event)).wire
        for state, event in ((JobsState, "load"), (JobNewsState, "look"), (HomeState, "look_at_jobs")):
            told.wire += (await does(tab, state, event)).wire
        assert "my secret" not in told.wire
    assert (await job_of(job)).status == JobStatus.DEAD
    assert (await job_of(job)).told_at is None
