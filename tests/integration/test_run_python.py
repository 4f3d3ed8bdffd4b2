"""The tutor's `run_python`: through a job, in the sandbox, where the section allows it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backend.courses.models import Section
from backend.dialogue import ask, register_tool, stop, tools
from backend.dialogue.models import TurnStatus
from backend.dialogue.run_python import RUN_PYTHON
from backend.jobs import JobStatus, Lane, list_jobs
from backend.wiring import register_job_kinds
from tests.support.jobs import working
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer
from tests.support.school import School, change, found_school, messages_of
from tests.support.tutoring import ended, tutoring, until


@pytest.fixture
async def school(services: None, monkeypatch: pytest.MonkeyPatch) -> School:
    monkeypatch.setattr(tools, "_tools", {})
    register_tool(RUN_PYTHON)
    register_job_kinds()
    return await found_school()


@pytest.fixture
async def replay(school: School) -> AsyncIterator[Replay]:
    async with Replay.openai("Forty-two.") as server, tutoring(server):
        yield server


def running(code: str) -> Any:
    arguments = json.dumps({"code": code})
    return openai_answer("", tool_calls=[("call_1", "run_python", arguments)], finish_reason="tool_calls")


@pytest.mark.usefixtures("engine")
async def test_the_tutor_hears_what_a_program_printed(school: School, replay: Replay) -> None:
    replay.play(running("import sys\nprint(6 * 7)\nsys.exit(3)"), openai_answer("Forty-two."))
    async with working(Lane.CPU):
        turn = await ask(await school.actor(), school.here.id, "What is 6 * 7?")
        assert await ended(turn.id, 60) is TurnStatus.FINISHED
    (result,) = [each for each in replay.requests[-1].json["messages"] if each["role"] == "tool"]
    assert "It printed:\n42" in result["content"]
    assert (await messages_of(turn.conversation_id))[-1].content == "Forty-two."


async def test_a_stopped_turn_cancels_its_run(school: School, replay: Replay) -> None:
    replay.play(running("while True: pass"))
    actor = await school.actor()
    turn = await ask(actor, school.here.id, "Loop!")

    async def waits() -> bool:
        return bool((await list_jobs(actor, kind="sandbox_run")).jobs)

    await until(waits)
    await stop(actor, turn.id)
    assert await ended(turn.id) is TurnStatus.STOPPED

    async def canceled() -> bool:
        return [job.status for job in (await list_jobs(actor, kind="sandbox_run")).jobs] == [JobStatus.CANCELED]

    await until(canceled)


async def test_where_the_section_forbids_it_the_model_isnt_told_of_it(school: School, replay: Replay) -> None:
    await change(Section, school.here.id, run_python_enabled=False)
    turn = await ask(await school.actor(), school.here.id, "What is 6 * 7?")
    await ended(turn.id)
    assert "tools" not in replay.requests[-1].json
