"""The document of a graded program, by the autograders' convention of `results.json`. It is stored whole, and shown
only through `backend.grading.showing`."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from backend.courses.exercises import CallTest, ExerciseTest, StdioTest
from backend.grading.comparisons import in_words
from backend.grading.judging import Judgement
from backend.sandbox import Outcome, Verdict

SHOWN = 4_000
"""Characters of a program's answer or output that are kept."""


class TestDetail(BaseModel):
    """What the convention has no field for."""

    __test__ = False

    kind: str
    verdict: Verdict
    input: str
    expected: str
    actual: str
    seconds: float


class TestResult(BaseModel):
    """How one test went. `output` is what the program said beside its answer."""

    __test__ = False

    name: str
    number: int
    score: float
    max_score: float
    status: Literal["passed", "failed"]
    output: str
    tags: list[str] = Field(default_factory=list)
    visibility: str
    extra_data: TestDetail


class Summary(BaseModel):
    """The verdict on the whole: the first failed test's, or accepted."""

    verdict: Verdict


class Results(BaseModel):
    """The whole document. Times in seconds."""

    score: float
    max_score: float
    execution_time: float
    output: str
    visibility: str = "visible"
    tests: list[TestResult]
    extra_data: Summary

    @property
    def passed(self) -> bool:
        """Whether all of it is right."""
        return self.extra_data.verdict is Verdict.ACCEPTED


def result_of(number: int, test: ExerciseTest, judgement: Judgement, outcome: Outcome) -> TestResult:
    """The entry of test `number`, counted from 1."""
    detail = TestDetail(
        kind=test.kind,
        verdict=judgement.verdict,
        input=shortened(input_of(test)),
        expected=shortened(expected_of(test)),
        actual=shortened(judgement.actual),
        seconds=round(outcome.wall_seconds, 3),
    )
    return TestResult(
        name=test.name,
        number=number,
        score=round(judgement.share * test.points, 4),
        max_score=test.points,
        status="passed" if judgement.passed else "failed",
        output=shortened(judgement.output),
        visibility=test.visibility,
        extra_data=detail,
    )


def document(tests: Sequence[TestResult]) -> Results:
    """The document of a program's tests."""
    failed = [test.extra_data.verdict for test in tests if test.status == "failed"]
    verdict = failed[0] if failed else Verdict.ACCEPTED
    return Results(
        score=round(sum(test.score for test in tests), 4),
        max_score=round(sum(test.max_score for test in tests), 4),
        execution_time=round(sum(test.extra_data.seconds for test in tests), 3),
        output=verdict.sentence,
        tests=list(tests),
        extra_data=Summary(verdict=verdict),
    )


def input_of(test: ExerciseTest) -> str:
    """What goes in, as a reader sees it."""
    if isinstance(test, StdioTest):
        return test.stdin
    return test.call if isinstance(test, CallTest) else test.file


def expected_of(test: ExerciseTest) -> str:
    """What should come out, as a reader sees it; empty for a test file."""
    return test.expected if isinstance(test, StdioTest | CallTest) else ""


def comparison_of(test: ExerciseTest) -> str:
    """How the two are compared, in words; empty where they just have to be equal."""
    return in_words(test.comparison, test.tolerance) if isinstance(test, StdioTest) else ""


def shortened(text: str) -> str:
    """`text`, or its beginning and what is missing."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n… {len(text) - SHOWN:,} more characters"
