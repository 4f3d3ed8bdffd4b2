"""How a test went: what the program did against what was expected. It happens on the host, outside the container."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.courses.exercises import CallTest, ExerciseTest, PytestTest, StdioTest
from backend.courses.literals import parse_value
from backend.grading.commands import CLAIMS, VALUE
from backend.grading.comparisons import matches
from backend.grading.container import wire
from backend.sandbox import Outcome, Verdict, verdict_of

LONGEST_ANSWER = 65_536
"""Bytes of a returned value."""
TESTS_FAILED = 1
"""Pytest's exit status when it ran and some tests failed."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`share` of the points, 0 to 1; `actual` is what the program answered and `output` what else it said."""

    verdict: Verdict
    share: float
    actual: str
    output: str

    @property
    def passed(self) -> bool:
        """Whether it is right."""
        return self.verdict is Verdict.ACCEPTED


def judge(test: ExerciseTest, outcome: Outcome) -> Judgement:
    """The judgement on one test."""
    if isinstance(test, StdioTest):
        return _printed(test, outcome)
    return _returned(test, outcome) if isinstance(test, CallTest) else _claimed(test, outcome)


def readable(data: bytes) -> str:
    """A program's output as text that can be stored and shown."""
    return data.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _printed(test: StdioTest, outcome: Outcome) -> Judgement:
    actual, said = readable(outcome.stdout), readable(outcome.stderr)
    if verdict := verdict_of(outcome):
        return Judgement(verdict, 0.0, actual, said)
    return _decided(matches(actual, test.expected, test.comparison, test.tolerance), actual, said)


def _returned(test: CallTest, outcome: Outcome) -> Judgement:
    said = readable(outcome.stdout + outcome.stderr)
    if verdict := verdict_of(outcome):
        return Judgement(verdict, 0.0, "", said)
    try:
        value = wire.decode(_json(outcome, VALUE))
        actual = readable(repr(value).encode("utf-8", "replace"))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return Judgement(Verdict.FORMAT_ERROR, 0.0, "", said)
    return _decided(wire.same(value, parse_value(test.expected), test.tolerance), actual, said)


def _claimed(_test: PytestTest, outcome: Outcome) -> Judgement:
    said = readable(outcome.stdout + outcome.stderr)
    verdict = verdict_of(outcome)
    if verdict and not (verdict is Verdict.RUNTIME_ERROR and outcome.exit_code == TESTS_FAILED):
        return Judgement(verdict, 0.0, "", said)
    try:
        passed, total = _counts(_json(outcome, CLAIMS))
    except (ValueError, TypeError, RecursionError):
        return Judgement(Verdict.FORMAT_ERROR, 0.0, "", said)
    actual = f"{passed} of {total} passed"
    if (outcome.exit_code == 0) != (passed == total):  # what pytest says and what was noted disagree
        passed = 0
    return Judgement(Verdict.ACCEPTED if passed == total else Verdict.WRONG_ANSWER, passed / total, actual, said)


def _counts(claims: Any) -> tuple[int, int]:
    if not isinstance(claims, Mapping):
        raise TypeError
    passed, total = claims.get("passed"), claims.get("total")
    if not (type(passed) is int and type(total) is int and 0 <= passed <= total and total > 0):
        raise ValueError
    return passed, total


def _json(outcome: Outcome, name: str) -> Any:
    data = outcome.files.get(name)
    if data is None or len(data) > LONGEST_ANSWER:
        raise ValueError
    return json.loads(data)


def _decided(right: bool, actual: str, said: str) -> Judgement:
    return Judgement(Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER, float(right), actual, said)
