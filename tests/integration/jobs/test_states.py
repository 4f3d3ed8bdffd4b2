"""The state machine over the real statements: whatever happens in whatever order, only arrows are followed."""

import asyncio
import random
from uuid import UUID, uuid4

import hypothesis
import pytest
from hypothesis import strategies as st

from backend.access import SYSTEM
from backend.core.database import dispose_engine, transaction
from backend.core.redis import close_redis
from backend.jobs import JobStatus, Lane, enqueue, ordering_queries, queries
from backend.jobs.claiming import claim_jobs
from backend.jobs.models import ARROWS, Job
from backend.jobs.queries import Outcome
from tests.support.jobs import execute, job_of

ENDS = [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.DEAD, JobStatus.QUEUED]
STEPS = st.one_of(
    st.sampled_from(["claim", "expire", "cancel", "retry", "late"]), st.sampled_from([f"end {end}" for end in ENDS])
)


async def step(what: str, job: Job, tokens: list[UUID]) -> None:
    """One thing that can happen to a job."""
    if what == "claim":
        won = await claim_jobs(Lane.IO, [job.id], "worker", 1)
        tokens.extend(each.lease_token for each in won)
    elif what == "expire":
        await execute("UPDATE jobs SET lease_expires_at = now() - interval '1 s' WHERE status = 'running'")
        async with transaction() as session:
            await ordering_queries.end_leases(session)
    elif what == "late":
        await end(job.id, random.choice(tokens) if tokens else uuid4(), JobStatus.SUCCEEDED)
    elif what.startswith("end "):
        await end(job.id, tokens[-1] if tokens else uuid4(), JobStatus(what.removeprefix("end ")))
    else:
        async with transaction() as session:
            await {"cancel": queries.request_cancel, "retry": queries.retry}[what](session, [job.id])


async def end(job_id: UUID, token: UUID, status: JobStatus) -> None:
    async with transaction() as session:
        await queries.settle(session, [Outcome(job_id, token, status)])


async def live(steps: list[str]) -> None:
    """Let a job go through these steps, and look at every change."""
    try:
        async with transaction() as session:
            job_id = (await enqueue(session, SYSTEM, "trouble", {})).id
        tokens: list[UUID] = []
        before = await job_of(job_id)
        for what in steps:
            await step(what, before, tokens)
            after = await job_of(job_id)
            was, became = JobStatus(before.status), JobStatus(after.status)
            assert was is became or became in ARROWS[was], what
            if was.final and became is not was:
                assert what == "retry"
            assert after.attempts == before.attempts + (became is JobStatus.RUNNING and was is not became) or (
                what == "retry" and after.attempts == 0
            )
            assert (became is JobStatus.RUNNING) == (after.lease_token is not None)
            assert became.final == (after.finished_at is not None)
            before = after
    finally:
        await dispose_engine()
        await close_redis()


@pytest.mark.timeout(600)
@hypothesis.settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(st.lists(STEPS, max_size=12))
def test_a_job_follows_arrows_only(_database: None, steps: list[str]) -> None:
    asyncio.run(live(steps))


@pytest.fixture
def _database(services: None) -> None:
    """The test's services, for a test that brings its own event loops."""
