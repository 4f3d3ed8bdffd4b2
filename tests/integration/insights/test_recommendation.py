"""The recommendation: one at a time, from sums alone, reused for a day; and the job that keeps the rollups."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from backend import insights
from backend.access.models import Role
from backend.core.errors import NotFound
from backend.genai import Feature
from backend.insights import Recommendation, RecommendationState, SectionSwitches
from backend.jobs import periodic
from tests.support.activity import Said, Talk, write
from tests.support.genai import model_of, nothing_remembered, register
from tests.support.jobs import execute, fetch, reaches, working
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer
from tests.support.school import School, make_member

WRITTEN = json.dumps({"headline": "Yeast is hard.", "text": "Ten questions were about yeast. Show it once more."})
SECRET_QUESTION = "Why does my sourdough smell of acetone?"
NAMES = ("Ada Lovelace", "Student", "Chiara Rossi")


@pytest.fixture
async def replay(school: School) -> AsyncIterator[Replay]:
    async with Replay.openai(WRITTEN) as server, nothing_remembered():
        await register(model_of(server), features=[Feature.INSTRUCTOR_DASHBOARD])
        yield server


@pytest.fixture
async def busy(school: School) -> School:
    """Three students who asked twelve questions, one of them with a thumbs-down and a reason."""
    others = [await make_member(name, school.here, Role.STUDENT) for name in (NAMES[0], NAMES[2])]
    at = datetime.now(UTC) - timedelta(days=2)
    said = Said(at, rating=-1, text=SECRET_QUESTION, reason="Dr Snape was of no use")
    people = [each.id for each in (*others, school.members["student"])]
    await write(school.here, [Talk(person, (said,) * 4, school.lessons["yeast"]) for person in people])
    return school


async def ask(school: School, *, again: bool = False) -> Recommendation:
    return await insights.ask_recommendation(await school.actor("instructor"), school.here.id, again=again)


async def read(school: School, role: str = "instructor") -> Recommendation:
    return await insights.read_recommendation(await school.actor(role), school.here.id)


async def done(asked: Recommendation) -> None:
    assert asked.job_id is not None
    async with working():
        await reaches(asked.job_id)


async def test_it_is_written_from_sums_alone_and_reused_for_a_day(replay: Replay, busy: School) -> None:
    assert (await read(busy)).state is RecommendationState.NONE
    asked = await asyncio.gather(*(ask(busy) for _ in range(5)))
    assert {each.state for each in asked} == {RecommendationState.WRITING} and len({each.job_id for each in asked}) == 1
    await done(asked[0])
    found = await read(busy, "assistant")
    assert (found.state, found.headline, found.model) == (RecommendationState.READY, "Yeast is hard.", "primary")
    assert await ask(busy) == await read(busy)
    (sent,) = replay.requests
    wire = sent.body.decode()
    assert "Yeast" in wire and '\\"questions\\": 12' in wire and '\\"thumbs down\\": 12' in wire
    told = (
        "sourdough",
        "acetone",
        "Snape",
        "Gluten is",
        "gluten",
        "example.org",
        *NAMES,
        *(n.split()[0] for n in NAMES),
    )
    assert not [word for word in told if word in wire]
    people = [str(row.id) for row in await fetch("SELECT id FROM people UNION SELECT id FROM conversations")]
    assert not [each for each in people if each in wire]
    ((section, feature, job),) = await fetch("SELECT section_id, feature, job_id FROM completion_requests")
    assert (section, feature, job) == (busy.here.id, "instructor_dashboard", asked[0].job_id)
    await execute("UPDATE insight_advice SET written_at = written_at - interval '25 hours'")
    old = await read(busy)
    assert (old.state, old.headline) == (RecommendationState.NONE, "Yeast is hard.")


async def test_another_one_is_written_when_asked_for_and_one_at_a_time(replay: Replay, busy: School) -> None:
    await done(await ask(busy))
    replay.play(openai_answer(json.dumps({"headline": "Salt.", "text": "Less."})))
    first, second = await asyncio.gather(ask(busy, again=True), ask(busy, again=True))
    assert first.state is RecommendationState.WRITING and first.job_id == second.job_id
    assert first.headline == "Yeast is hard."
    await done(first)
    assert ((await read(busy)).headline, len(replay.requests)) == ("Salt.", 2)


async def test_what_went_wrong_is_said_and_can_be_tried_again(replay: Replay, busy: School) -> None:
    replay.play(openai_answer(json.dumps({"headline": ""})), openai_answer(WRITTEN))
    await done(await ask(busy))
    failed = await read(busy)
    assert (failed.state, failed.text) == (RecommendationState.FAILED, "")
    assert failed.problem.startswith("The model’s answer couldn’t be used.")
    await done(await ask(busy))
    assert (await read(busy)).state is RecommendationState.READY


async def test_with_too_little_nobody_is_asked(replay: Replay, school: School) -> None:
    at = datetime.now(UTC) - timedelta(days=1)
    await write(school.here, [Talk(school.members["student"].id, (Said(at),) * 40)])
    assert (await read(school)).state is RecommendationState.NOT_ENOUGH
    assert (await ask(school)).state is RecommendationState.NOT_ENOUGH
    assert await fetch("SELECT FROM jobs") == [] == replay.requests


async def test_a_section_can_do_without(replay: Replay, busy: School) -> None:
    actor = await busy.actor("instructor")
    await insights.save_switches(actor, busy.here.id, SectionSwitches(recommendations=False))
    assert (await ask(busy)).state is (await read(busy)).state is RecommendationState.OFF


async def test_each_reader_has_one_thumb(replay: Replay, busy: School) -> None:
    await done(await ask(busy))
    found = await read(busy)
    assert found.id is not None
    for rating, comment in ((1, "Good"), (-1, "On second thoughts")):
        await insights.rate_recommendation(await busy.actor("assistant"), found.id, rating, comment)
    await insights.rate_recommendation(await busy.actor("instructor"), found.id, 1)
    mine = await read(busy, "assistant")
    assert (mine.my_rating, mine.my_comment, (await read(busy)).my_rating) == (-1, "On second thoughts", 1)
    assert len(await fetch("SELECT FROM insight_thumbs")) == 2
    await insights.rate_recommendation(await busy.actor("instructor"), found.id, 0)
    assert (await read(busy)).my_rating == 0
    with pytest.raises(NotFound):
        await insights.rate_recommendation(await busy.actor("instructor_elsewhere"), found.id, 1)


async def test_many_workers_start_one_rollup_in_a_period_and_it_counts(busy: School) -> None:
    for _ in range(3):
        periodic.forget_periods()
        await asyncio.gather(periodic.start_periodic(), periodic.start_periodic())
    ((job,),) = await fetch("SELECT id FROM jobs WHERE kind = 'rollup'")
    async with working():
        result = (await reaches(job)).result
    assert result is not None and result["sections"] == 2 and result["days"] in {1, 2}  # until 1 a.m. there is one less
    assert [row.questions for row in await fetch("SELECT questions FROM insight_activity")] == [4, 4, 4]
    assert await fetch("SELECT FROM insight_stale") == []
