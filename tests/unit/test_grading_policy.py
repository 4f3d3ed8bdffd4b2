"""Lateness, what hidden tests let through, and whether the demo's exercises can be solved at all: no I/O."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.ids import new_id
from backend.courses.exercises import CallTest, TestVisibility
from backend.grading import lateness
from backend.grading.judging import Judgement
from backend.grading.models import ExerciseSettings, LateRule
from backend.grading.results import document, result_of
from backend.grading.showing import result_view, visible_to_students
from backend.sandbox import Outcome, Verdict

ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Tokyo", "Pacific/Apia")
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def settings(**values: object) -> ExerciseSettings:
    return ExerciseSettings(section_id=new_id(), block_key=new_id(), **values)


@given(moments, st.timedeltas(timedelta(0), timedelta(days=40)), st.sampled_from(ZONES))
def test_days_late_are_days_begun_at_the_sections_clock(due: datetime, late: timedelta, zone: str) -> None:
    days = lateness.days_late(due, due + late, zone)
    local = due.astimezone(ZoneInfo(zone))
    assert due + late <= (local + timedelta(days=days)).astimezone(UTC)
    assert days == 0 or due + late > (local + timedelta(days=days - 1)).astimezone(UTC)
    assert lateness.days_late(due, due - late, zone) == 0


def test_a_day_of_25_hours_is_one_day() -> None:
    due = datetime(2026, 10, 24, 22, 59, tzinfo=UTC)  # 23:59 in London, where the clocks go back the next night
    assert lateness.days_late(due, due + timedelta(hours=25), "Europe/London") == 1
    assert lateness.days_late(due, due + timedelta(hours=25), "UTC") == 2
    assert lateness.days_late(due, due + timedelta(hours=25, seconds=1), "Europe/London") == 2


def test_the_same_words_are_another_moment_in_another_section() -> None:
    assert lateness.parse_local("2026-05-31T23:59", "Asia/Tokyo") == datetime(2026, 5, 31, 14, 59, tzinfo=UTC)
    assert lateness.parse_local("2026-05-31T23:59", "America/New_York") == datetime(2026, 6, 1, 3, 59, tzinfo=UTC)
    assert lateness.local(datetime(2026, 5, 31, 14, 59, tzinfo=UTC), "Asia/Tokyo") == "2026-05-31T23:59"


@pytest.mark.parametrize(
    ("rule", "percent", "days", "taken"),
    [
        (LateRule.NONE, 50, 3, 0),
        (LateRule.CLOSED, 50, 3, 0),
        (LateRule.PERCENT_PER_DAY, 10, 0, 0),
        (LateRule.PERCENT_PER_DAY, 10, 3, 30),
        (LateRule.PERCENT_PER_DAY, 40, 3, 100),
    ],
)
def test_lateness_takes_off_what_the_rule_says(rule: LateRule, percent: float, days: int, taken: float) -> None:
    assert lateness.deduction(settings(late_rule=rule, late_percent=percent), days) == taken


def test_tests_open_at_the_due_date_and_when_results_are_published() -> None:
    due = datetime(2026, 5, 31, tzinfo=UTC)
    after_due, published = TestVisibility.AFTER_DUE_DATE, TestVisibility.AFTER_PUBLISHED
    assert visible_to_students(settings(), due) == {TestVisibility.VISIBLE}
    assert after_due not in visible_to_students(settings(due_at=due), due - timedelta(seconds=1))
    assert after_due in visible_to_students(settings(due_at=due), due)
    assert published in visible_to_students(settings(results_published=True), due)
    assert TestVisibility.HIDDEN not in visible_to_students(settings(due_at=due, results_published=True), due)


@given(st.lists(st.tuples(st.sampled_from(TestVisibility), st.booleans()), min_size=1, max_size=8))
def test_nothing_of_a_hidden_test_is_in_what_a_student_sees(tests: list[tuple[TestVisibility, bool]]) -> None:
    entries = []
    for number, (visibility, right) in enumerate(tests, 1):
        secret = f"secret{number}s"
        test = CallTest(name=f"name {secret}", call=f"f('{secret}')", expected=f"'{secret}'", visibility=visibility)
        verdict = Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER
        entries.append(result_of(number, test, Judgement(verdict, float(right), secret, secret), Outcome()))
    seen = {TestVisibility.VISIBLE}
    view = result_view(document(entries), seen)
    said = json.dumps(asdict(view))
    for number, (visibility, _) in enumerate(tests, 1):
        assert (f"secret{number}s" in said) == (visibility in seen)
    hidden = [right for visibility, right in tests if visibility not in seen]
    assert (view.hidden.total, view.hidden.passed) == (len(hidden), sum(hidden))
    assert (view.verdict == Verdict.ACCEPTED) == all(right for _, right in tests)
