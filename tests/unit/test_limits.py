"""Days by a section's clock, and what people are told of their allowance."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from backend.genai.standing import Allowance, Limits, Notice, Standing, day_of, whole_seconds

HERE = uuid4()


def allowance(timezone: str = "Europe/London", **found: float) -> Allowance:
    names = ("messages_per_minute", "tokens_per_day_person", "tokens_per_day_section")
    limits = Limits(HERE, timezone, *(int(found.pop(name)) if name in found else None for name in names))
    return Allowance(limits, 3600.0, **found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("timezone", "moment", "begins", "hours"),
    [
        ("UTC", "2026-05-31T23:59", "2026-05-31T00:00", 24),
        ("Europe/London", "2026-05-31T23:30", "2026-05-31T23:00", 24),
        ("Europe/London", "2026-05-31T22:30", "2026-05-30T23:00", 24),
        ("Asia/Tokyo", "2026-05-31T15:00", "2026-05-31T15:00", 24),
        ("America/New_York", "2026-05-31T03:59", "2026-05-30T04:00", 24),
        ("Europe/London", "2026-03-29T12:00", "2026-03-29T00:00", 23),
        ("Europe/London", "2026-10-25T12:00", "2026-10-24T23:00", 25),
        ("America/New_York", "2026-11-01T12:00", "2026-11-01T04:00", 25),
        ("Africa/Cairo", "2026-04-24T12:00", "2026-04-23T22:00", 23),  # 00:00 doesn't exist: the day begins at 01:00
        ("America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", 25),  # 00:00 comes twice: it begins with the first
    ],
)
def test_a_day_is_that_of_the_sections_clock(timezone: str, moment: str, begins: str, hours: int) -> None:
    first, last = day_of(datetime.fromisoformat(moment).replace(tzinfo=UTC), timezone)
    assert first == datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert last - first == timedelta(hours=hours)


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../../etc/passwd", "Europe"])
def test_a_time_zone_that_nobody_knows_counts_as_utc(timezone: str) -> None:
    first, _ = day_of(datetime(2026, 5, 31, 12, tzinfo=UTC), timezone)
    assert first == datetime(2026, 5, 31, tzinfo=UTC)
    assert "(UTC)" in allowance(timezone, tokens_per_day_person=1, tokens_used=1).spent


def test_nothing_is_said_without_limits_or_far_from_them() -> None:
    assert allowance(tokens_used=10**9, section_tokens_used=10**9).notice == Notice()
    assert (
        allowance(tokens_per_day_person=100, tokens_used=79, messages_per_minute=5, messages_left=2).notice == Notice()
    )


def test_from_80_percent_on_the_share_and_the_reset_are_told() -> None:
    notice = allowance(tokens_per_day_person=200_000, tokens_used=170_000).notice
    assert notice.text == "You have used 85\u00a0% of today's tutor allowance; it resets at midnight, Europe/London."
    assert (notice.standing, notice.seconds) == (Standing.LOW, 3600)
    notice = allowance("America/New_York", tokens_per_day_section=1000, section_tokens_used=999).notice
    assert notice.text == (
        "This section has used 99\u00a0% of today's tutor allowance; it resets at midnight, America/New York."
    )


def test_of_two_shares_the_higher_one_is_told() -> None:
    found = allowance(tokens_per_day_person=100, tokens_used=85, tokens_per_day_section=100, section_tokens_used=95)
    assert found.notice.text.startswith("This section has used 95\u00a0%")


def test_the_last_message_of_a_minute_is_told() -> None:
    notice = allowance(messages_per_minute=10, messages_left=1, next_message_in=20.2).notice
    assert notice == Notice(Standing.LOW, "You can send one more message in this minute.", 21)


def test_one_message_a_minute_is_no_news_until_it_is_sent() -> None:
    assert allowance(messages_per_minute=1, messages_left=1).notice == Notice()
    notice = allowance(messages_per_minute=1, messages_left=0, next_message_in=59.0).notice
    assert notice == Notice(Standing.PAUSED, "You can send 1 message a minute here.", 59)


def test_both_are_told_together_until_the_first_of_them_passes() -> None:
    found = allowance(
        messages_per_minute=3, messages_left=1, next_message_in=9.0, tokens_per_day_person=100, tokens_used=90
    )
    assert found.notice.text.startswith("You can send one more message in this minute. You have used 90\u00a0%")
    assert found.notice.seconds == 9


def test_a_used_up_day_says_when_it_is_over() -> None:
    found = allowance(tokens_per_day_person=200_000, tokens_used=200_000, messages_per_minute=1, messages_left=0)
    said = "You have used today's 200,000 tokens. They are back at midnight (Europe/London)."
    assert found.notice == Notice(Standing.SPENT, said, 3600)
    found = allowance("Asia/Tokyo", tokens_per_day_section=10, section_tokens_used=11)
    assert found.spent == "This section has used today's tokens. They are back at midnight (Asia/Tokyo)."


@pytest.mark.parametrize(("seconds", "whole"), [(-3, 1), (0, 1), (0.2, 1), (19.01, 20), (20, 20)])
def test_who_waits_as_long_as_told_is_not_refused_again(seconds: float, whole: int) -> None:
    assert whole_seconds(seconds) == whole
