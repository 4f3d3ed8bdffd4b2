"""What of an exercise and its results a reader may see. Everything that leaves grading passes through here."""

from collections.abc import Collection
from datetime import datetime

from backend.courses.exercises import Exercise, ExerciseTest, TestVisibility
from backend.grading.models import ExerciseSettings
from backend.grading.results import Results, TestResult, comparison_of, expected_of, input_of
from backend.grading.schemas import HiddenResults, ResultState, ResultView, ShownResult, ShownTest
from backend.sandbox import Verdict

EVERYTHING = frozenset(TestVisibility)
HIDDEN_FAILED = "Every test that you can see passed, but a hidden one didn't."


def visible_to_students(settings: ExerciseSettings, at: datetime) -> frozenset[TestVisibility]:
    """Of which tests students see the data at a moment."""
    seen = {TestVisibility.VISIBLE}
    if settings.due_at is not None and at >= settings.due_at:
        seen.add(TestVisibility.AFTER_DUE_DATE)
    if settings.results_published:
        seen.add(TestVisibility.AFTER_PUBLISHED)
    return frozenset(seen)


def tests_seen(exercise: Exercise, seen: Collection[TestVisibility]) -> list[tuple[int, ExerciseTest]]:
    """The tests that may be seen, with their numbers."""
    return [(number, test) for number, test in enumerate(exercise.tests, 1) if test.visibility in seen]


def shown_test(number: int, test: ExerciseTest) -> ShownTest:
    """A test that may be seen."""
    return ShownTest(number, test.name, test.kind, input_of(test), expected_of(test), comparison_of(test), test.points)


def result_view(results: Results, seen: Collection[TestVisibility]) -> ResultView:
    """Results as far as a reader may know them."""
    shown = [test for test in results.tests if test.visibility in seen]
    hidden = [test for test in results.tests if test.visibility not in seen]
    failed = [test for test in shown if test.status == "failed"]
    verdict = failed[0].extra_data.verdict if failed else results.extra_data.verdict
    only_hidden = not failed and verdict is not Verdict.ACCEPTED and hidden
    return ResultView(
        state=ResultState.FINISHED,
        verdict=verdict,
        sentence=f"{HIDDEN_FAILED} {verdict.sentence}" if only_hidden else verdict.sentence,
        score=results.score,
        max_score=results.max_score,
        output="" if results.tests else results.output,
        tests=tuple(_shown(test) for test in shown),
        hidden=HiddenResults(len(hidden), sum(test.status == "passed" for test in hidden)),
    )


def _shown(test: TestResult) -> ShownResult:
    detail = test.extra_data
    return ShownResult(
        number=test.number,
        name=test.name,
        kind=detail.kind,
        passed=test.status == "passed",
        verdict=detail.verdict,
        sentence=detail.verdict.sentence,
        score=test.score,
        max_score=test.max_score,
        input=detail.input,
        expected=detail.expected,
        actual=detail.actual,
        output=test.output,
        seconds=detail.seconds,
    )
