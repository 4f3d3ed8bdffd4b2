"""Jobs that ask models: who is refused for want of room waits, and loses no attempt by it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from backend import genai
from backend.access import Action
from backend.jobs import JobContext, JobStatus, Kind, register
from tests.support import jobs
from tests.support.genai import Servers, nothing_remembered, question
from tests.support.jobs import Nothing, reaches, working
from tests.support.replay_answers import openai_answer, openai_error

WELL = openai_answer("Well done")


async def _ask_a_model(_context: JobContext, _payload: Nothing) -> Nothing:
    await genai.generate(question())
    return Nothing()


@pytest.fixture
async def servers(services: None) -> AsyncIterator[Servers]:
    register(Kind("asks", Nothing, Nothing, _ask_a_model, Action.SECTION_LIST, max_attempts=1))
    async with nothing_remembered(), AsyncExitStack() as stack:
        yield Servers(stack)


async def test_jobs_wait_until_a_full_model_has_room(servers: Servers) -> None:
    await servers.chain(openai_answer(["one ", "two ", "three"]).pace(10), fields=({"max_concurrent": 1},))
    asked = [await jobs.ask("asks") for _ in range(3)]
    with capture_logs() as logs:
        async with working():
            done = [await reaches(job.id) for job in asked]
    assert [(job.status, job.attempts) for job in done] == [(JobStatus.SUCCEEDED, 1)] * 3
    assert "job_waits_for_models" in {line["event"] for line in logs}, "some of them were refused"


async def test_a_provider_that_says_when_is_asked_then(servers: Servers) -> None:
    (replay,) = await servers.chain(WELL)
    replay.play(openai_error(429, "slow down").with_headers(retry_after="5"), WELL)
    async with working(STOA_JOB_BACKOFF_CAP="0.5"):
        job = await reaches((await jobs.ask("asks")).id)
    assert (job.status, job.attempts) == (JobStatus.SUCCEEDED, 1)
    assert len(replay.requests) == 2
    assert job.started_at is not None
    assert (job.started_at - job.created_at).total_seconds() >= 0.5, "not at once, and not after a server's hours"


async def test_a_failure_is_an_attempt(servers: Servers) -> None:
    await servers.chain(openai_error(500, "broken"))
    async with working():
        job = await reaches((await jobs.ask("asks")).id)
    assert (job.status, job.attempts, job.error_class) == (JobStatus.DEAD, 1, "ProviderUnavailable")
