"""Exercises, results and attempts as the exercise's component takes them."""

from dataclasses import asdict
from typing import Any, TypedDict, cast
from uuid import uuid4

from backend.grading import ExerciseView, ResultState, ResultView, SubmissionView

RUN, SUBMIT = "run", "submit"


class TestItem(TypedDict):
    """A test that may be seen, before anything was run."""

    number: int
    name: str
    kind: str
    input: str
    expected: str
    comparison: str
    points: float


class TestResultItem(TypedDict):
    """How a test went that may be seen."""

    number: int
    name: str
    kind: str
    passed: bool
    verdict: str
    sentence: str
    score: float
    max_score: float
    input: str
    expected: str
    actual: str
    output: str
    seconds: float


class HiddenItem(TypedDict):
    """How the other tests went."""

    total: int
    passed: int


class ResultItem(TypedDict):
    """What came of running code."""

    state: str
    note: str
    verdict: str
    sentence: str
    output: str
    """What the program said, where it ran without tests."""
    tests: list[TestResultItem]
    hidden: HiddenItem


class AttemptItem(TypedDict):
    """A line of the history."""

    id: str
    number: int
    at: str
    score: float | None
    max_score: float
    charged: bool
    best: bool
    state: str


class OutcomeItem(TypedDict):
    """The result on show; `number` is 0 and `id` empty for a run, `nonce` new each time."""

    nonce: str
    id: str
    number: int
    at: str
    days_late: int
    deduction: float
    score: float | None
    max_score: float
    code: str
    result: ResultItem


class WorkItem(TypedDict):
    """The job to follow: a `RUN` or a `SUBMIT`."""

    purpose: str
    job_id: str


class ExerciseItem(TypedDict):
    """An exercise, and where the person stands with it."""

    key: str
    title: str
    statement: str
    starter: str
    code: str
    tests: list[TestItem]
    hidden_tests: int
    max_score: float
    due_at: str
    late_rule: str
    attempts_used: int
    attempts_allowed: int | None
    best_score: float | None
    how_graded: list[str]
    may_submit: bool
    refusal: str
    may_try: bool
    work: WorkItem | None
    outcome: OutcomeItem | None
    attempts: list[AttemptItem]


def exercise_item(
    view: ExerciseView, submissions: list[SubmissionView], work: WorkItem | None, outcome: OutcomeItem | None
) -> ExerciseItem:
    """An exercise with the person's attempts, the latest first. One that is being graded is followed."""
    pending = next((each for each in submissions if not ResultState(each.result.state).final), None)
    if work is None and pending is not None:
        work = WorkItem(purpose=SUBMIT, job_id=str(pending.job_id))
    facts = {name: value for name, value in asdict(view).items() if name in ExerciseItem.__annotations__}
    facts |= {"key": str(view.key), "work": work, "outcome": outcome}
    return cast(ExerciseItem, facts | {"attempts": [_attempt(each) for each in submissions]})


def submission_outcome(submission: SubmissionView) -> OutcomeItem:
    """An attempt on show."""
    return OutcomeItem(
        nonce=uuid4().hex,
        id=str(submission.id),
        number=submission.number,
        at=submission.at,
        days_late=submission.days_late,
        deduction=submission.deduction,
        score=submission.score,
        max_score=submission.max_score,
        code=submission.code,
        result=_result(submission.result),
    )


def run_outcome(result: ResultView) -> OutcomeItem:
    """A run on show."""
    return OutcomeItem(
        nonce=uuid4().hex,
        id="",
        number=0,
        at="",
        days_late=0,
        deduction=0.0,
        score=result.score,
        max_score=result.max_score,
        code="",
        result=_result(result),
    )


def _result(result: ResultView) -> ResultItem:
    return cast(ResultItem, _named(asdict(result), ResultItem))


def _attempt(submission: SubmissionView) -> AttemptItem:
    facts = asdict(submission) | {"id": str(submission.id), "state": submission.result.state}
    return cast(AttemptItem, _named(facts, AttemptItem))


def _named(facts: dict[str, Any], kind: Any) -> dict[str, Any]:
    """The facts that `kind` has a place for; those below them are as they are."""
    return {name: facts[name] for name in kind.__annotations__}
