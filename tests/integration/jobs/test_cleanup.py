"""What jobs made leaves the storage once nobody can download it any more, and not before."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from backend import storage
from backend.access import SYSTEM
from backend.core.database import transaction
from backend.jobs import ARTIFACT_CLEANUP, JobStatus, cleanup, discard_jobs, enqueue, pushes_done, register
from backend.jobs.artifacts import artifact_key
from backend.jobs.periodic import forget_periods, start_periodic
from tests.support.jobs import add_artifact, add_job, ask, fetch, reaches, set_columns, working
from tests.support.school import School
from tests.support.services import environment


@pytest.fixture(autouse=True)
async def _storage(object_storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    register(ARTIFACT_CLEANUP)
    monkeypatch.setattr(cleanup, "UNCLAIMED", timedelta(0))
    await storage.ensure_bucket()


async def clean() -> None:
    async with transaction() as session:
        job = await enqueue(session, SYSTEM, ARTIFACT_CLEANUP.name, {})
    await pushes_done()
    async with working(store=storage):
        assert (await reaches(job.id)).status == JobStatus.SUCCEEDED


async def kept() -> set[str]:
    return {found.key async for found in storage.list("jobs/")}


@pytest.fixture
async def person(school: School) -> UUID:
    return school.members["student"].id


async def test_what_no_row_names_is_deleted_and_the_rest_kept(
    school: School, person: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "BATCH", 2)
    done, dead = await add_job(person, JobStatus.SUCCEEDED), await add_job(person, JobStatus.DEAD)
    keep = {await add_artifact(done, "a"), await add_artifact(done, "b")}
    discarded = await add_artifact(dead, "c")
    assert await discard_jobs(await school.actor("administrator"), [dead]) == 1
    left_over = {artifact_key(done), artifact_key(uuid4()), discarded}
    foreign = "jobs/notes/read-me"
    for key in (*left_over, foreign):
        await storage.put_bytes(key, b"x", "text/plain")
    await clean()
    assert keep | {foreign} <= await kept()
    assert not left_over & await kept()
    await storage.delete(foreign)


async def test_what_an_attempt_replaced_is_deleted() -> None:
    job = await ask("files")
    async with working(store=storage):
        await reaches(job.id)
    assert len(await kept()) >= 3
    await clean()
    named = {row.key for row in await fetch("SELECT key FROM job_artifacts")}
    assert len(named) == 2
    assert await kept() == named


async def test_files_outlive_their_job_for_as_long_as_the_setting_says(person: UUID) -> None:
    old, young = await add_job(person, JobStatus.SUCCEEDED), await add_job(person, JobStatus.SUCCEEDED)
    keys = {job: await add_artifact(job, "a") for job in (old, young)}
    await set_columns(old, finished_at="now() - interval '3 days'")
    await set_columns(young, finished_at="now() - interval '1 day'")
    with environment(STOA_JOB_ARTIFACT_DAYS="2"):
        await clean()
    assert keys[young] in await kept()
    assert keys[old] not in await kept()
    assert [row.job_id for row in await fetch("SELECT job_id FROM job_artifacts")] == [young]


async def test_an_object_whose_row_may_still_come_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "UNCLAIMED", timedelta(hours=1))
    key = artifact_key(uuid4())
    await storage.put_bytes(key, b"x", "text/plain")
    await clean()
    assert key in await kept()


async def test_it_comes_back_once_a_day() -> None:
    for _ in range(2):
        forget_periods()
        await start_periodic()
    (job,) = await fetch("SELECT requested_by, priority FROM jobs WHERE kind = 'artifact_cleanup'")
    assert (job.requested_by, job.priority) == (None, "p3")
