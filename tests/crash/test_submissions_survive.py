"""Submissions through an engine that is restarted and workers that are killed: none lost, none charged wrongly."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import grading
from backend.access import Role
from backend.sandbox.policy import LABEL
from backend.wiring import register_job_kinds
from tests.support import services as support
from tests.support.exercises import add_exercise
from tests.support.job_nursery import Nursery
from tests.support.jobs import FAST, fetch
from tests.support.private_engine import PrivateEngine, why_no_private_engine
from tests.support.school import found_school, make_member

SUBMISSIONS, STUDENTS = (200, 10) if os.environ.get("TEST_FULL") else (24, 4)
WORKERS = 4
ECHO = {
    "title": "Echo",
    "statement": "Print what comes in.",
    "tests": [{"kind": "stdio", "name": "Echo", "stdin": "a word", "expected": "a word"}],
}
GRADED = "SELECT status, count(*) FROM jobs WHERE kind = 'grade' GROUP BY 1"
RUN = {"STOA_SANDBOX_RUNS_PER_MINUTE": "1000", "STOA_SANDBOX_WARM": "1", "STOA_SANDBOX_SWEEP": "1"}
LEASE = {"STOA_JOB_LEASE": "3"}
"""Starting containers of four workers on two processors keeps them from showing life for a second."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def nursery(services: None) -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def dockerd(engine: None, tmp_path: Path) -> Iterator[PrivateEngine]:
    if reason := why_no_private_engine():
        pytest.skip(reason)
    made = PrivateEngine(tmp_path)
    made.start()
    made.take_image()
    yield made
    made.close()


async def graded(share: float) -> None:
    while (await fetch("SELECT count(graded_at) FROM submissions"))[0][0] < share * SUBMISSIONS:
        await asyncio.sleep(0.03)


async def test_no_submission_is_lost_or_charged_wrongly(nursery: Nursery, dockerd: PrivateEngine) -> None:
    register_job_kinds()
    school = await found_school()
    key = await add_exercise(school, ECHO)
    students = [await make_member(f"Student {number}", school.here, Role.STUDENT) for number in range(STUDENTS)]
    with support.environment(**FAST | LEASE, **RUN, DOCKER_HOST=dockerd.address):
        for number in range(SUBMISSIONS):
            code = f"print(input() if {number % 2} else {number})"
            actor = await students[number % STUDENTS].actor()
            await grading.submit(actor, school.here.id, key, code, f"submission {number}")
        for _ in range(WORKERS):
            nursery.start("grader")
        await graded(0.2)
        dockerd.stop()
        while not (await fetch("SELECT count(*) FROM jobs WHERE progress_note <> ''"))[0][0]:
            await asyncio.sleep(0.03)
        dockerd.start()
        nursery.signal_one()
        await graded(0.5)
        dockerd.stop(signal.SIGKILL)
        dockerd.start()
        await graded(0.8)
        nursery.signal_one()
        await graded(1.0)
        for student in students:
            attempts = await grading.list_submissions(await student.actor(), school.here.id, key)
            assert [each.number for each in attempts] == list(range(SUBMISSIONS // STUDENTS, 0, -1))
            assert all(each.charged and each.score == float("input() if 1" in each.code) for each in attempts)
            view = await grading.read_exercise(await student.actor(), school.here.id, key)
            assert view.attempts_used == len(attempts)
        assert await fetch(GRADED) == [("succeeded", SUBMISSIONS)]
        living = {str(pid) for pid in nursery.alive}
        while {each["Labels"][LABEL].split(" ")[1] for each in dockerd.containers()} - living:
            await asyncio.sleep(0.1)  # the sweep of a living worker removes what the dead left
        nursery.stop()
        assert dockerd.containers() == []
