"""The sandbox's record: filtered, paged, told in words, and exported as it is filtered."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.state.sandbox import SandboxState
from backend.core.clock import now
from backend.core.database import transaction
from backend.sandbox import RUNS_PAGE, Verdict
from backend.sandbox.models import SandboxRun
from tests.support.school import Member, School, found_school
from tests.support.tab import Tab, Told, running_app
from tests.support.web import browser

COMMAND = {
    "argv": ["python3", "main.py", "<script>alert(1)</script>"],
    "files": {"main.py": 12},
    "exit": 1,
    "verdict": "runtime_error",
    "executed": ["/usr/bin/python3"],
    "opened": ["/box/main.py", "/box/main.py"],
}


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def tab(school: School) -> AsyncIterator[Tab]:
    async with running_app():
        tab = Tab()
        await tab.connect(school.cookie("administrator"))
        yield tab


async def add_runs(count: int, member: Member | None = None, days_ago: float = 0.0, **values: Any) -> None:
    at = now() - timedelta(days=days_ago)
    facts = {
        "person_id": member.id if member else None,
        "created_at": at,
        "started_at": at,
        "ended_at": at,
        "image": "sha256:1234",
        "containers": ["c0ffee"],
        "limits": {"wall_seconds": 5.0},
        "commands": [COMMAND],
        "events": [{"event": "die", "at": at.timestamp() + 2}],
        "max_rss_kb": 20_480,
    }
    async with transaction() as session:
        session.add_all(SandboxRun(owner=f"submission:{n}", **{**facts, **values}) for n in range(count))


async def does(tab: Tab, event: str, **payload: Any) -> Told:
    return await tab.send(f"{SandboxState.get_full_name()}.{event}", **payload)


async def test_a_run_is_told_in_words(school: School, tab: Tab) -> None:
    await add_runs(1, school.members["student"], verdict=Verdict.RUNTIME_ERROR)
    told = await tab.load("/admin/sandbox")
    (run,) = told["sandbox_state.runs"]
    assert (run["who"], run["subject"], run["verdict"], run["good"]) == (
        "Student", "submission:0", "Runtime error", False,
    )  # fmt: skip
    assert run["commands"] == ["python3 main.py <script>alert(1)</script> · runtime error · with main.py (12 bytes)"]
    assert (run["executed"], run["opened"], run["events"]) == (
        ["/usr/bin/python3"],
        ["/box/main.py"],
        ["die, 2.0 s after it began"],
    )
    assert {"name": "Used", "value": "0.00 s of processor, 20 MB of memory"} in run["facts"]
    assert told["sandbox_state.retention"] == 90


async def test_runs_are_found_by_person_verdict_and_time_and_exported_alike(school: School, tab: Tab) -> None:
    student, assistant = school.members["student"], school.members["assistant"]
    await add_runs(2, student, verdict=Verdict.ACCEPTED)
    await add_runs(3, student, days_ago=10, verdict=Verdict.ACCEPTED)
    await add_runs(4, assistant, verdict=Verdict.ACCEPTED)
    await add_runs(5, student, verdict=Verdict.TIME_LIMIT)
    await tab.load("/admin/sandbox")
    await does(tab, "search_for", text="STUDENT@")
    await does(tab, "choose_verdict", verdict="accepted")
    told = await does(tab, "choose_period", period="week")
    assert len(told["sandbox_state.runs"]) == 2
    async with browser(school.cookie("administrator")) as client:
        lines = (await client.get(told["sandbox_state.export"])).text.splitlines()
    assert {(json.loads(line)["who"], json.loads(line)["verdict"]) for line in lines} == {("Student", "accepted")}
    assert len(lines) == 2


async def test_older_runs_follow(tab: Tab) -> None:
    await add_runs(RUNS_PAGE + 5)
    told = await tab.load("/admin/sandbox")
    assert (len(told["sandbox_state.runs"]), told["sandbox_state.has_more"]) == (RUNS_PAGE, True)
    told = await does(tab, "show_older")
    assert (len({run["id"] for run in told["sandbox_state.runs"]}), told["sandbox_state.has_more"]) == (
        RUNS_PAGE + 5,
        False,
    )


@pytest.mark.parametrize("wrong", [None, 7, ["accepted"], {"a": 1}, "x" * 10_000, "a\0b"])
async def test_arguments_that_no_page_sends_are_refused_or_find_nothing(tab: Tab, wrong: Any) -> None:
    await tab.load("/admin/sandbox")
    for event, argument in (("search_for", "text"), ("choose_verdict", "verdict"), ("choose_period", "period")):
        assert "went wrong" not in (await does(tab, event, **{argument: wrong})).refusal
