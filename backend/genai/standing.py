"""What a person has used of a section's limits, what is left, and how that is said."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from math import ceil
from uuid import UUID
from zoneinfo import ZoneInfo

LOW = 0.8
"""From this share of a day's tokens on, people are told."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much people may ask in one section. None: no limit."""

    section_id: UUID
    timezone: str
    """Where the section's days begin and end."""
    messages_per_minute: int | None = None
    tokens_per_day_person: int | None = None
    tokens_per_day_section: int | None = None


class Standing(StrEnum):
    """How near a person is to their limits."""

    PLENTY = "plenty"
    """Nothing needs to be said."""
    LOW = "low"
    PAUSED = "paused"
    """The minute's messages are sent."""
    SPENT = "spent"
    """The day's tokens are used, their own or the section's."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What stands beside the tutor, and after how many seconds that is to be looked at again."""

    standing: Standing = Standing.PLENTY
    text: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is used and what is left. Times are seconds from when it was asked for."""

    limits: Limits
    day_ends_in: float
    tokens_used: int = 0
    """The person's own in this section, today."""
    section_tokens_used: int = 0
    messages_left: int | None = None
    """In this minute; None without a limit."""
    next_message_in: float = 0.0
    """Until another message is possible than are left now."""

    @property
    def spent(self) -> str:
        """Why nothing can be asked before midnight; empty when something can."""
        back = f"They are back at midnight ({place_of(self.limits.timezone)})."
        own, whole = self.limits.tokens_per_day_person, self.limits.tokens_per_day_section
        if own is not None and self.tokens_used >= own:
            return f"You have used today's {own:,} tokens. {back}"
        if whole is not None and self.section_tokens_used >= whole:
            return f"This section has used today's tokens. {back}"
        return ""

    @property
    def notice(self) -> Notice:
        """What the person should see of it."""
        if self.spent:
            return Notice(Standing.SPENT, self.spent, whole_seconds(self.day_ends_in))
        if self.messages_left == 0:
            return Notice(Standing.PAUSED, pace(self.limits), whole_seconds(self.next_message_in))
        due = [part for part in (self._last_message(), self._low_tokens()) if part]
        if not due:
            return Notice()
        return Notice(Standing.LOW, " ".join(text for text, _ in due), min(seconds for _, seconds in due))

    def _last_message(self) -> tuple[str, int] | None:
        """Where there is but one message a minute, that isn't news."""
        if self.messages_left != 1 or self.limits.messages_per_minute == 1:
            return None
        return "You can send one more message in this minute.", whole_seconds(self.next_message_in)

    def _low_tokens(self) -> tuple[str, int] | None:
        shares = (
            ("You have", _share(self.tokens_used, self.limits.tokens_per_day_person)),
            ("This section has", _share(self.section_tokens_used, self.limits.tokens_per_day_section)),
        )
        who, share = max(shares, key=lambda each: each[1])
        if share < LOW:
            return None
        reset = f"it resets at midnight, {place_of(self.limits.timezone)}"
        text = f"{who} used {int(share * 100)}\u00a0% of today's tutor allowance; {reset}."
        return text, whole_seconds(self.day_ends_in)


def pace(limits: Limits) -> str:
    """The limit of messages a minute, as a sentence."""
    amount = limits.messages_per_minute or 0
    return f"You can send {amount:,} message{'s' if amount != 1 else ''} a minute here."


def again_in(seconds: int) -> str:
    """When to try again, as a sentence."""
    return f"Try again in {seconds} second{'s' if seconds != 1 else ''}."


def whole_seconds(seconds: float) -> int:
    """At least one, rounded up: who comes back then is not refused again."""
    return max(1, ceil(seconds))


def place_of(timezone: str) -> str:
    """A time zone as people read it."""
    return zone(timezone)[0].replace("_", " ")


def day_of(moment: datetime, timezone: str) -> tuple[datetime, datetime]:
    """When the day of `moment` begins and ends in a time zone, in UTC: 23 to 25 hours where the clock changes."""
    _, place = zone(timezone)
    today = moment.astimezone(place).date()
    first, last = (datetime.combine(day, time(), place).astimezone(UTC) for day in (today, today + timedelta(days=1)))
    return first, last


def zone(timezone: str) -> tuple[str, tzinfo]:
    """A time zone and its name; UTC when this machine doesn't know it."""
    try:
        return timezone, ZoneInfo(timezone)
    except (OSError, ValueError, LookupError):
        return "UTC", UTC


def _share(used: int, limit: int | None) -> float:
    return used / limit if limit else 0.0
