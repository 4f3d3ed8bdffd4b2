"""Putting a file through tests from the command line: without a database, a student or an attempt."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.core.errors import Invalid
from backend.courses.exercises import MAX_TESTS, ExerciseTest
from backend.grading.results import Results
from backend.grading.testing import run_tests
from backend.sandbox import Limits, Sandbox


class Tests(BaseModel):
    """What a file of tests holds: an exercise's `tests`. What else an exercise has may be in it, too."""

    __test__ = False
    model_config = ConfigDict(extra="ignore")

    tests: tuple[ExerciseTest, ...] = Field(min_length=1, max_length=MAX_TESTS)


async def try_tests(source: str, spec: object, limits: Limits) -> Results:
    """Grade a program by the tests of `spec`. Raises `Invalid` for tests that are none, and `SandboxUnavailable`."""
    try:
        tests = Tests.model_validate(spec).tests
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise Invalid(f"{place}: {problem['msg']}") from error
    sandbox = Sandbox(warm=0)
    try:
        async with sandbox.box("cli", limits) as box:
            return await run_tests(box, source, list(enumerate(tests, 1)))
    finally:
        await sandbox.close()
