"""Which of a section's days were counted beforehand, and which have to be counted now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.genai import Period

GRACE = timedelta(hours=1)
"""A day is counted for good this long after it ended: what was begun before midnight is stored by then."""
MEMORY = timedelta(days=365)
"""How far back "ever" looks."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a section's rollups reach; `through` is None when they count for nothing."""

    section_id: UUID
    zone: ZoneInfo
    through: date | None
    stale: frozenset[date]

    def span(self, first: date, last: date, *, since: datetime | None = None) -> dict[str, Any]:
        """Parameters of queries over the days from `first` to `last`; of `first` only what came after `since`."""
        days = [day for day in Period(first, last, self.zone).days if self._live(day)] if first <= last else []
        if since is not None and first not in days:
            days.insert(0, first)
        parameters = ranges(days, self.zone)
        if since is not None:
            parameters["begins"][0] = since
        return {"section": self.section_id, "first": first, "last": last} | parameters

    def _live(self, day: date) -> bool:
        return self.through is None or day > self.through or day in self.stale


def ranges(days: Sequence[date], zone: ZoneInfo) -> dict[str, Any]:
    """Days with the moments at which they begin and end, as queries take them."""
    starts = [Period(day, day, zone).starts for day in days]
    return {"days": list(days), "begins": [each[0] for each in starts], "ends": [each[1] for each in starts]}


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day that a moment falls on there."""
    return moment.astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins there."""
    return Period(day, day, zone).starts[0]


def last_closed(moment: datetime, zone: ZoneInfo) -> date:
    """The last day that may be counted for good."""
    return day_of(moment - GRACE, zone) - timedelta(days=1)
