"""Attacks on the API of jobs: others' jobs, other sites, keys, payloads and names that are weapons."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from backend import storage
from backend.jobs import JobStatus
from backend.jobs.enqueueing import MOST_ACTIVE
from tests.support.jobs import add_artifact, add_job, fetch, job_of, register_kinds
from tests.support.school import School, found_school
from tests.support.web import browser

JOBS = "/api/v1/jobs"


@pytest.fixture
async def school(services: None) -> School:
    register_kinds()
    return await found_school()


@pytest.fixture
async def student(school: School) -> AsyncIterator[httpx2.AsyncClient]:
    async with browser(school.cookie("student")) as client:
        yield client


EVERY_ROUTE = (
    ("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/events"), ("GET", "/artifacts/a.txt"),
)  # fmt: skip


async def test_anothers_job_does_not_exist(school: School) -> None:
    job = await add_job(school.members["student"].id, JobStatus.DEAD)
    for role in ("student_elsewhere", "assistant", "instructor", "instructor_elsewhere"):
        async with browser(school.cookie(role)) as stranger:
            for method, route in EVERY_ROUTE:
                theirs = await stranger.request(method, f"{JOBS}/{job}{route}")
                nobodys = await stranger.request(method, f"{JOBS}/{uuid4()}{route}")
                assert theirs.status_code == nobodys.status_code == 404
                assert theirs.json() == nobodys.json(), "nothing tells that it is there"
            assert (await stranger.get(JOBS)).json()["jobs"] == []
    assert (await job_of(job)).status == JobStatus.DEAD


async def test_another_site_can_ask_for_nothing(student: httpx2.AsyncClient, school: School) -> None:
    job = await add_job(school.members["student"].id, JobStatus.DEAD)
    forged = {"origin": "https://evil.example"}
    for path in (JOBS, f"{JOBS}/{job}/cancel", f"{JOBS}/{job}/retry"):
        answer = await student.post(path, json={"kind": "effect"}, headers=forged)
        assert answer.json()["error"]["code"] == "wrong_origin"
    assert [row.status for row in await fetch("SELECT status FROM jobs")] == ["dead"]


async def test_keys_that_are_no_keys_are_refused(student: httpx2.AsyncClient) -> None:
    for key in ("", "k" * 201, "k" * 60_000):
        answer = await student.post(JOBS, json={"kind": "effect"}, headers={"Idempotency-Key": key})
        assert answer.status_code == 422
        assert len(answer.text) < 500
    assert await fetch("SELECT 1 FROM jobs") == []


BOMBS = (
    b'{"kind": "effect", "payload": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    b'{"kind": "effect", "payload": {"seconds": ' + b"9" * 100_000 + b"}}",
    b'{"kind": "effect", "payload": {"seconds": NaN}}',
    b'{"kind": "effect", "payload": {"seconds": 1e999}}',
    b'{"kind": "effect\\u0000", "payload": {}}',
    b'{"kind": "effect", "section": "\\ud800"}',
    b"\xff\xfe",
    b"{" * 500_000,
    b'{"kind": "export", "payload": {"' + b"k" * 300_000 + b'": 1}}',
)


async def test_a_bomb_is_an_error_of_the_sender_and_a_short_answer(student: httpx2.AsyncClient) -> None:
    for body in BOMBS:
        answer = await student.post(JOBS, content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, body[:80]
        assert len(answer.text) < 1_000
    assert await fetch("SELECT 1 FROM jobs") == []


async def test_a_huge_payload_is_refused(student: httpx2.AsyncClient) -> None:
    payload = {"x": "y" * 1_000_001}
    assert (await student.post(JOBS, json={"kind": "effect", "payload": payload})).status_code == 413


async def test_nobody_fills_the_queue(student: httpx2.AsyncClient) -> None:
    for number in range(MOST_ACTIVE):
        answer = await student.post(JOBS, json={"kind": "effect"}, headers={"Idempotency-Key": f"key {number}"})
        assert answer.status_code == 201
    refused = await student.post(JOBS, json={"kind": "effect"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many")
    again = await student.post(JOBS, json={"kind": "effect"}, headers={"Idempotency-Key": "key 3"})
    assert again.status_code == 200
    assert (await fetch("SELECT count(*) FROM jobs"))[0][0] == MOST_ACTIVE
    await student.post(f"{JOBS}/{again.json()['id']}/cancel")
    assert (await student.post(JOBS, json={"kind": "effect"})).status_code == 201


HOSTILE_NAMES = ('"; filename="x.exe', "a\u202egpj.exe", "..%2f..%2fetc", "ä ö;=,'%0d%0aSet-Cookie: a=b", "x" * 200)


async def test_a_name_gets_into_no_header(student: httpx2.AsyncClient, school: School, object_storage: str) -> None:
    await storage.ensure_bucket()
    job = await add_job(school.members["student"].id, JobStatus.SUCCEEDED)
    for name in HOSTILE_NAMES:
        await add_artifact(job, name)
    listed = (await student.get(f"{JOBS}/{job}")).json()["artifacts"]
    assert {each["name"] for each in listed} == set(HOSTILE_NAMES)
    async with httpx2.AsyncClient() as anyone:
        for each in listed:
            redirect = await student.get(each["address"])
            assert redirect.status_code == 307
            assert "set-cookie" not in redirect.headers
            file = await anyone.get(redirect.headers["location"])
            assert file.content == b"made"
            assert file.headers["content-disposition"].startswith('attachment; filename="')
            assert file.headers["content-disposition"].count('"') == 2
