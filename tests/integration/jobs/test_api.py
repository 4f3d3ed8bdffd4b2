"""Jobs over the real API: asked for once, looked at, cancelled, retried, followed; and what attackers send."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from backend import storage
from backend.core.events import Frame
from backend.dialogue import get_runner
from backend.jobs import JobStatus, Priority
from tests.support.jobs import add_job, ask, job_of, reaches, working
from tests.support.school import School
from tests.support.web import EventSource, browser, served

JOBS = "/api/v1/jobs"


@pytest.fixture
async def student(school: School) -> AsyncIterator[httpx2.AsyncClient]:
    async with browser(school.cookie("student")) as client:
        yield client


async def request(client: httpx2.AsyncClient, key: str | None = None, **body: Any) -> httpx2.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post(JOBS, json={"kind": "effect", **body}, headers=headers)


async def test_a_key_asks_once_and_never_for_two_things(student: httpx2.AsyncClient, school: School) -> None:
    first, again = await request(student, "a"), await request(student, "a")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = [await request(student, "a", payload={"steps": 2}), await request(student, "a", section="baking-autumn")]
    assert [each.status_code for each in other] == [409, 409]
    async with browser(school.cookie("assistant")) as assistant:
        assert (await request(assistant, "a")).status_code == 201, "keys are each person's own"
    assert (await request(student)).status_code == (await request(student)).status_code == 201
    job = await job_of(first.json()["id"])
    assert (job.priority, job.requested_by) == (Priority.P1, school.members["student"].id)


MISTAKES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"kind": "wizardry"}, "kind: "),
    ({"kind": "noop"}, "kind: this kind of job can't be asked for here"),
    ({"kind": "k" * 41}, "kind: "),
    ({"payload": {"seconds": "long"}}, "payload.seconds: "),
    ({"payload": {"seconds": 601}}, "payload.seconds: "),
    ({"payload": []}, "payload: "),
    ({"section": "s" * 81}, "section: "),
)


async def test_what_is_wrong_is_named_by_its_field(student: httpx2.AsyncClient) -> None:
    for body, field in MISTAKES:
        answer = await request(student, **body)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"].startswith(field)


async def test_a_section_that_one_is_not_in_does_not_exist(student: httpx2.AsyncClient) -> None:
    for slug in ("baking-spring", "nowhere"):
        assert (await request(student, section=slug)).status_code == 404
    assert (await request(student, section="baking-autumn")).json()["section_id"]


async def test_a_job_is_done_followed_and_its_files_downloaded(school: School, object_storage: str) -> None:
    await storage.ensure_bucket()
    async with browser(school.cookie("student")) as student:
        asked = (await request(student, kind="files")).json()
    async with served() as port, browser(school.cookie("student")) as student, get_runner().run():
        events = EventSource(port, asked["events"], school.cookie("student"))
        async with working(store=storage), asyncio.timeout(20):
            frames = [frame async for frame in events.frames()]
        done = (await student.get(f"{JOBS}/{asked['id']}")).json()
        assert "text/event-stream" in events.head
        assert (frames[0].name, frames[-1].name) == ("snapshot", "status")
        again = await student.get(asked["events"], headers={"Last-Event-ID": frames[-1].id})
        assert again.status_code == 204
        assert_log_is_whole(frames)
        assert (done["status"], done["progress"], done["result"]) == ("succeeded", 1, {})
        files = {each["name"]: each for each in done["artifacts"]}
        assert {name: each["size"] for name, each in files.items()} == {"a.txt": 4, "b.bin": 1}
        redirect = await student.get(files["a.txt"]["address"])
    assert redirect.status_code == 307
    assert redirect.headers["cache-control"] == "no-store"
    async with httpx2.AsyncClient() as anyone:
        file = await anyone.get(redirect.headers["location"])
    assert (file.content, file.headers["content-disposition"]) == (
        b"new!",
        "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt",
    )


def assert_log_is_whole(frames: list[Frame]) -> None:
    assert [frame.id for frame in frames if frame.name == "log"] == ["1", "2"]


async def test_cancel_and_retry(student: httpx2.AsyncClient, school: School) -> None:
    waiting = (await request(student)).json()["id"]
    assert (await student.post(f"{JOBS}/{waiting}/cancel")).json()["status"] == "canceled"
    assert (await student.post(f"{JOBS}/{waiting}/cancel")).status_code == 200, "asking twice changes nothing"
    assert (await student.post(f"{JOBS}/{waiting}/retry")).status_code == 409
    dead = await add_job(school.members["student"].id, JobStatus.DEAD, attempts=5)
    again = (await student.post(f"{JOBS}/{dead}/retry")).json()
    assert (again["status"], again["attempts"]) == ("queued", 0)
    done = await add_job(school.members["student"].id, JobStatus.SUCCEEDED)
    assert (await student.post(f"{JOBS}/{done}/cancel")).status_code == 409


async def test_the_list_goes_on_from_its_cursor(student: httpx2.AsyncClient, school: School) -> None:
    mine = [str(await add_job(school.members["student"].id, JobStatus.FAILED)) for _ in range(5)]
    await add_job(school.members["assistant"].id, JobStatus.FAILED)
    seen, before = [], None
    while True:
        page = (await student.get(JOBS, params={"limit": 2} | ({"before": before} if before else {}))).json()
        seen += [job["id"] for job in page["jobs"]]
        if (before := page["next"]) is None:
            break
    assert seen == mine[::-1]
    assert (await student.get(JOBS, params={"status": "dead"})).json()["jobs"] == []
    assert (await student.get(JOBS, params={"everybody": True})).status_code == 403
    for wrong in ({"status": "odd"}, {"limit": 0}, {"limit": 51}, {"before": "x"}, {"kind": "k" * 41}):
        assert (await student.get(JOBS, params=wrong)).status_code == 422
    async with browser(school.cookie("administrator")) as administrator:
        assert len((await administrator.get(JOBS, params={"everybody": True})).json()["jobs"]) == 6


async def test_payload_and_result_of_what_stoa_began_itself_are_not_shown(
    student: httpx2.AsyncClient, school: School
) -> None:
    job = await ask("noop", actor=await school.actor())
    async with working():
        await reaches(job.id)
    shown = (await student.get(f"{JOBS}/{job.id}")).json()
    assert (shown["status"], shown["payload"], shown["result"]) == ("succeeded", None, None)
