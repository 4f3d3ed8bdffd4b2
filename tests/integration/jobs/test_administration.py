"""Everybody's jobs: at a glance, many at once, paused and resumed; for administrators alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.access import SYSTEM
from backend.core.errors import Forbidden, Invalid, NotSignedIn
from backend.jobs import (
    JobStatus,
    Lane,
    Priority,
    cancel_jobs,
    discard_jobs,
    list_jobs,
    overview,
    pause,
    resume,
    retry_jobs,
)
from backend.jobs.administration import MOST
from backend.jobs.carrier import carried
from backend.jobs.claiming import claim_jobs
from tests.support.jobs import ask, fetch, job_of, reaches, set_columns, working
from tests.support.school import ROLES, School

DEAD = {"status": "'dead'", "finished_at": "now()"}

CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "overview": overview,
    "list": lambda actor: list_jobs(actor, everybody=True),
    "cancel": lambda actor: cancel_jobs(actor, []),
    "retry": lambda actor: retry_jobs(actor, []),
    "discard": lambda actor: discard_jobs(actor, []),
    "pause": lambda actor: pause(actor, "lane:io"),
    "resume": lambda actor: resume(actor, "lane:io"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_only_administrators_may(call: str, school: School) -> None:
    for role in ROLES:
        actor = await school.actor(role)
        if role == "administrator":
            await CALLS[call](actor)
        else:
            with pytest.raises(NotSignedIn if role == "anonymous" else Forbidden):
                await CALLS[call](actor)


async def test_the_overview_counts_what_waits_runs_and_ended() -> None:
    async with working() as worker:
        running = await ask(payload={"seconds": 60})
        await reaches(running.id, JobStatus.RUNNING)
        for _ in range(2):
            await reaches((await ask("noop", priority=Priority.P0)).id)
        waiting = await ask("heavy")
        await set_columns(waiting.id, created_at="now() - interval '90 s'", run_at="now() - interval '90 s'")
        seen = await overview(SYSTEM)
    assert {(each.lane, each.priority, each.status): each.jobs for each in seen.counts} == {
        ("io", "p2", "running"): 1,
        ("cpu", "p2", "queued"): 1,
        ("io", "p0", "succeeded"): 2,
    }
    assert 90 <= seen.oldest_wait["cpu"] < 120
    assert seen.oldest_wait["io"] == 0
    assert seen.per_minute["io"] == pytest.approx(2 / 60)
    assert [(each.name, each.running) for each in seen.workers] == [(worker.name, (running.id,))]
    assert (seen.dead, seen.paused) == (0, ())


async def test_a_silent_worker_is_not_shown() -> None:
    async with working():
        while not (await overview(SYSTEM)).workers:
            await asyncio.sleep(0.02)
    assert (await overview(SYSTEM)).workers == ()


async def test_many_are_cancelled_retried_and_discarded_as_far_as_that_goes() -> None:
    ids: list[UUID] = [(await ask()).id for _ in range(4)]
    await set_columns(ids[0], **DEAD)
    await set_columns(ids[1], **DEAD)
    assert await cancel_jobs(SYSTEM, [*ids, uuid4()]) == 2
    assert await retry_jobs(SYSTEM, [ids[0], ids[2]]) == 1
    assert await discard_jobs(SYSTEM, ids) == 1
    assert [(await job_of(job_id)).status for job_id in (ids[0], ids[2], ids[3])] == ["queued", "canceled", "canceled"]
    changes = [tuple(row) for row in await fetch("SELECT action, subject FROM audit_log ORDER BY id")]
    assert changes == [("jobs.canceled", "2 jobs"), ("jobs.retried", "1 job"), ("jobs.discarded", "1 job")]


async def test_too_many_at_once_are_refused() -> None:
    with pytest.raises(Invalid):
        await retry_jobs(SYSTEM, [uuid4() for _ in range(MOST + 1)])


@pytest.mark.parametrize("subject", ["lane:gpu", "kind:teleport", "effect", ""])
async def test_only_lanes_and_kinds_are_paused(subject: str) -> None:
    with pytest.raises(Invalid):
        await pause(SYSTEM, subject)


@pytest.mark.parametrize("subject", ["lane:io", "kind:effect"])
async def test_what_is_paused_waits_and_is_handed_on_when_resumed(subject: str) -> None:
    await pause(SYSTEM, subject)
    await pause(SYSTEM, subject)
    job = await ask()
    assert (await overview(SYSTEM)).paused == (subject,)
    assert await claim_jobs(Lane.IO, [job.id], "me", 1) == []
    async with working():
        await asyncio.sleep(1)
    assert ((await job_of(job.id)).status, (await job_of(job.id)).attempts) == (JobStatus.QUEUED, 0)
    assert await carried("io", "p2") == set()
    await resume(SYSTEM, subject)
    assert await carried("io", "p2") == {job.id}
