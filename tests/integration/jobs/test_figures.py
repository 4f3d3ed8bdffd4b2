"""What Prometheus reads of jobs: the present from Postgres, what workers did from Redis."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.core.redis import get_redis
from backend.jobs import JobStatus, Priority
from backend.jobs.figures import add_counted, count_attempt, count_end, exposition
from tests.support.jobs import ask, begun, reaches, redis_away, set_columns, working
from tests.support.school import School
from tests.support.web import browser


async def figures() -> dict[str, float]:
    """Every sample, by its name and labels."""
    text = (await exposition()).decode()
    return {
        f"{sample.name}{[*sample.labels.values()]}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_what_waits_and_runs_is_counted_where_it_does() -> None:
    await ask("heavy")
    old = await ask(priority=Priority.P1)
    await ask(priority=Priority.P1)
    await begun(await ask())
    await set_columns(old.id, run_at="now() - interval '90 s'", created_at="now() - interval '90 s'")
    found = await figures()
    assert found["stoa_jobs_queued['cpu', 'p2']"] == 1
    assert found["stoa_jobs_queued['io', 'p1']"] == 2
    assert found["stoa_jobs_queued['io', 'p0']"] == 0
    assert found["stoa_jobs_running['io', 'p2']"] == 1
    assert 90 <= found["stoa_jobs_oldest_wait_seconds['io', 'p1']"] < 100


async def test_what_workers_did_is_counted_by_kind_and_outcome() -> None:
    jobs = [await ask("trouble", {"times": 1}), await ask("trouble", {"how": "permanent"}), await ask("noop")]
    async with working():
        for job in jobs:
            await reaches(job.id)
        assert (await figures())["stoa_job_workers['io']"] == 1
    found = await figures()
    assert found["stoa_job_attempts_total['trouble', 'queued']"] == 1
    assert found["stoa_job_attempts_total['trouble', 'succeeded']"] == 1
    assert found["stoa_jobs_ended_total['trouble', 'failed']"] == 1
    assert "stoa_jobs_ended_total['trouble', 'queued']" not in found
    assert found["stoa_job_attempt_seconds_count['noop']"] == 1
    assert found["stoa_job_attempt_seconds_bucket['trouble', '+Inf']"] == 3


async def test_counts_outlast_an_outage_of_redis_and_are_missing_meanwhile() -> None:
    count_attempt("patient", JobStatus.SUCCEEDED, 2.0)
    count_end("patient", JobStatus.QUEUED)
    async with redis_away():
        await add_counted()
        found = await figures()
        assert "stoa_jobs_queued['io', 'p0']" in found
        assert not [name for name in found if "patient" in name]
    await add_counted()
    found = await figures()
    assert found["stoa_jobs_ended_total['patient', 'succeeded']"] == 1
    assert found["stoa_job_attempt_seconds_bucket['patient', '1.0']"] == 0
    assert found["stoa_job_attempt_seconds_bucket['patient', '5.0']"] == 1
    assert found["stoa_job_attempt_seconds_sum['patient']"] == 2
    await get_redis().flushall()
    await add_counted()
    assert not [name for name in await figures() if "patient" in name], "nothing is added twice"


async def test_they_stand_with_all_other_metrics(school: School) -> None:
    async with browser(school.cookie("administrator")) as administrator:
        text = (await administrator.get("/api/metrics")).text
    assert "stoa_jobs_queued{" in text
    assert "stoa_turns_active" in text
    assert len(list(text_string_to_metric_families(text))) > 10


@pytest.fixture(autouse=True)
async def _nothing_counted(services: None) -> None:
    await add_counted()
    await get_redis().flushall()
