"""Whole days of a reader's time zone: what usage is counted by."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from backend.core.errors import Invalid

LONGEST_PERIOD = 366
"""Days: a year at a glance."""
FIRST_YEAR, LAST_YEAR = 2000, 2200
"""Of days that are asked for: near the ends of the calendar there is no next day or other time zone."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both of them in it, as `zone` has them."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> tuple[date, ...]:
        """Every day, in order."""
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))

    @property
    def starts(self) -> tuple[datetime, ...]:
        """When each day begins (UTC), and when the last one ends."""
        return tuple(start_of(day, self.zone) for day in (*self.days, self.last + timedelta(days=1)))


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The moment (UTC) a day begins: the first midnight where clocks go back over it, the jump where they skip it."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def zone_named(name: str) -> ZoneInfo:
    """The time zone with this IANA name. Raises `Invalid`."""
    if name not in _names():
        raise Invalid("zone: there is no such time zone. It is a name like Europe/Paris.")
    return ZoneInfo(name)


def period(first: str, last: str, zone: ZoneInfo) -> Period:
    """The days between two dates as `2026-03-01`. Raises `Invalid`, naming the field (from, to) and the rule."""
    begins, ends = _day("from", first), _day("to", last)
    if ends < begins:
        raise Invalid("to: the last day can't be before the first.")
    if (ends - begins).days >= LONGEST_PERIOD:
        raise Invalid(f"to: choose at most {LONGEST_PERIOD} days.")
    return Period(begins, ends, zone)


def _day(field: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{field}: that isn't a date.") from None
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise Invalid(f"{field}: choose a day from {FIRST_YEAR} on.")
    return day


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Asked by name only after this: a `ZoneInfo` opens files by names it is given."""
    return frozenset(available_timezones())
