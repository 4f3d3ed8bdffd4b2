"""Exercises on the real engine: the demo's can be solved, and a program can't find out or forge what is expected."""

import pytest

from backend.courses.demo import demo_courses
from backend.courses.exercises import CallTest, Exercise, PytestTest, StdioTest
from backend.grading.exercises import CLAIMS, how_graded
from backend.grading.results import Results
from backend.grading.testing import limits_for, run_tests
from backend.sandbox import Sandbox, Verdict

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEMO = {
    name: exercise
    for course in demo_courses()
    for _, lessons in course.modules
    for lesson in lessons
    for name, exercise in lesson.exercises
}
LOOKS_EVERYWHERE = """
import gc, os, sys
SELF = open(__file__, "rb").read()
def f(x):
    for place in ("/box", "/tmp", "/proc/self", "/proc/1", "/etc"):
        for folder, inner, names in os.walk(place):
            inner[:] = [each for each in inner if each not in ("task", "map_files", "root", "cwd", "net", "fd")]
            for name in names:
                try:
                    found = open(os.path.join(folder, name), "rb").read(100_000)
                    sys.stdout.write("found ses" + "ame" if b"ses" + b"ame" in found.replace(SELF, b"") else "")
                except Exception:
                    pass
    print([each for each in gc.get_objects() if isinstance(each, str) and "ses" + "ame" in each])
    return x
f(1)
"""
FORGED = """
import atexit, json, os, pathlib, sys
def write():
    pathlib.Path("stoa_claims.json").write_text(json.dumps({"passed": 9, "total": 9}))
    pathlib.Path("stoa_value.json").write_text(json.dumps("I passed"))
atexit.register(write)
write()
print('{"status": "passed", "score": 100}')
sys.modules["stoa_wire"] = type(sys)("stoa_wire")
sys.modules["stoa_wire"].encode = lambda value: True
f = lambda x: os._exit(0)
"""


KEEPS_WORDS = """
import os
word = int.from_bytes(input().encode())
print(os.stat("/box").st_atime_ns // 10**9, os.stat("/tmp").st_atime_ns // 10**9)
for place in ("/box", "/tmp"):
    os.utime(place, (word, word))
"""


async def graded(sandbox: Sandbox, exercise: Exercise, code: str) -> Results:
    async with sandbox.box("test:exercise", limits_for(exercise.limits)) as box:
        return await run_tests(box, code, list(enumerate(exercise.tests, 1)))


@pytest.mark.parametrize("name", DEMO)
async def test_a_demo_exercise_is_solved_by_its_solution_and_not_by_its_starter(sandbox: Sandbox, name: str) -> None:
    exercise = DEMO[name]
    solved = await graded(sandbox, exercise, exercise.solution)
    assert (solved.score, solved.extra_data.verdict) == (exercise.max_score, Verdict.ACCEPTED)
    assert (await graded(sandbox, exercise, exercise.starter)).score < exercise.max_score


async def test_a_program_finds_nothing_expected_and_forges_no_result(sandbox: Sandbox) -> None:
    exercise = Exercise(
        title="Secrets",
        statement="Find them.",
        tests=(
            CallTest(name="call", call="f(4)", expected="'sesame'"),
            StdioTest(name="stdio", stdin="4", expected="sesame"),
            PytestTest(name="pytest", file="from solution import f\n\n\ndef test_f():\n    assert f(1) == 2\n"),
        ),
    )
    looked = await graded(sandbox, exercise, LOOKS_EVERYWHERE)
    verdicts = [test.extra_data.verdict for test in looked.tests]
    assert verdicts == [Verdict.WRONG_ANSWER] * 3  # it looked to the end
    assert all("sesame" not in test.output + test.extra_data.actual for test in looked.tests)
    forged = await graded(sandbox, exercise, FORGED)
    assert [test.status for test in forged.tests] == ["failed", "failed", "passed"]  # a test file's results are claims
    assert CLAIMS in how_graded(exercise)


async def test_what_students_may_see_runs_before_what_they_may_not(sandbox: Sandbox) -> None:
    """A program that kept a hidden input for the next test would print it there."""
    exercise = Exercise(
        title="Order",
        statement="Keep it.",
        tests=tuple(
            StdioTest(name=visibility, stdin=f"in-{place}", expected="", visibility=visibility)
            for place, visibility in enumerate(("hidden", "after_published", "after_due_date", "visible"))
        ),
    )
    async with sandbox.box("test:order", limits_for(exercise.limits)) as box:
        results = await run_tests(box, KEEPS_WORDS, list(enumerate(exercise.tests, 1)))
    assert [test.number for test in results.tests] == [1, 2, 3, 4]
    assert [ran.command.stdin for ran in box.record.commands] == [b"in-3", b"in-2", b"in-1", b"in-0"]
    words = {str(int.from_bytes(f"in-{place}".encode())) for place in range(4)}
    assert not [test.name for test in results.tests if words & set(test.extra_data.actual.split())]
