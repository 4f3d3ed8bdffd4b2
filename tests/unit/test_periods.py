"""Days of a time zone: when each begins, and what isn't one."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.genai.periods import LONGEST_PERIOD, Period, period, start_of, zone_named

PARIS = ZoneInfo("Europe/Paris")


def test_a_day_begins_at_the_readers_midnight() -> None:
    assert start_of(date(2026, 1, 1), PARIS) == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert start_of(date(2026, 7, 1), PARIS) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert start_of(date(2026, 7, 1), ZoneInfo("Asia/Kolkata")) == datetime(2026, 6, 30, 18, 30, tzinfo=UTC)


def test_days_on_which_clocks_change_have_23_and_25_hours() -> None:
    for first, last, hours in (("2026-03-28", "2026-03-30", [24, 23, 24]), ("2026-10-24", "2026-10-26", [24, 25, 24])):
        starts = period(first, last, PARIS).starts
        assert [(after - before) / timedelta(hours=1) for before, after in pairwise(starts)] == hours


def test_a_day_without_midnight_begins_when_clocks_jump_over_it() -> None:
    cairo = ZoneInfo("Africa/Cairo")  # on 2026-04-24 clocks went from 0:00 to 1:00
    assert start_of(date(2026, 4, 24), cairo) == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert start_of(date(2026, 4, 24), cairo).astimezone(cairo).hour == 1


def test_a_day_with_two_midnights_begins_at_the_first() -> None:
    havana = ZoneInfo("America/Havana")  # on 2026-11-01 clocks went from 1:00 back to 0:00
    assert start_of(date(2026, 11, 1), havana) == datetime(2026, 11, 1, 4, tzinfo=UTC)


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.integers(0, LONGEST_PERIOD - 1),
    st.sampled_from(["UTC", "Europe/Paris", "America/St_Johns", "Pacific/Apia", "Africa/Cairo", "Asia/Kathmandu"]),
)
def test_days_follow_each_other_without_gaps(first: date, more: int, zone: str) -> None:
    found = Period(first, first + timedelta(days=more), ZoneInfo(zone))
    assert len(found.days) == more + 1
    assert len(found.starts) == more + 2
    assert list(found.starts) == sorted(found.starts)


@pytest.mark.parametrize(
    ("first", "last", "rule"),
    [
        ("", "2026-01-01", "from: that isn't a date."),
        ("2026-01-01", "yesterday", "to: that isn't a date."),
        ("2026-02-30", "2026-03-01", "from: that isn't a date."),
        ("2026-01-02", "2026-01-01", "to: the last day can't be before the first."),
        ("2025-01-01", "2026-01-02", "to: choose at most 366 days."),
        ("0001-01-01", "0001-01-02", "from: choose a day from 2000 on."),
        ("2026-01-01", "9999-12-31", "to: choose a day from 2000 on."),
    ],
)
def test_what_is_no_period_is_refused_by_its_rule(first: str, last: str, rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        period(first, last, PARIS)


def test_a_year_is_allowed() -> None:
    assert len(period("2025-01-01", "2026-01-01", PARIS).days) == LONGEST_PERIOD


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b", "x" * 9_999]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="there is no such time zone"):
        zone_named(name)


def test_a_time_zone_has_its_name() -> None:
    assert zone_named("Europe/Paris").key == "Europe/Paris"
