"""Due dates and what lateness costs. Days are the section's: one of 23 or 25 hours is one day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from backend.grading.models import ExerciseSettings, LateRule

IN_WORDS = {
    LateRule.NONE: "What is late counts in full.",
    LateRule.PERCENT_PER_DAY: "What is late loses {percent:g} % of its score for each day begun.",
    LateRule.CLOSED: "After that, nothing can be submitted.",
}


def days_late(due_at: datetime | None, at: datetime, timezone: str) -> int:
    """Days begun since the due date; 0 when `at` is in time."""
    if due_at is None or at <= due_at:
        return 0
    due = due_at.astimezone(ZoneInfo(timezone))
    days = max(0, (at.astimezone(due.tzinfo).date() - due.date()).days - 1)
    while at > (due + timedelta(days=days)).astimezone(UTC):
        days += 1
    return days


def deduction(settings: ExerciseSettings, days: int) -> float:
    """Per cent that so many days late take off."""
    if settings.late_rule != LateRule.PERCENT_PER_DAY:
        return 0.0
    return min(100.0, settings.late_percent * days)


def closed(settings: ExerciseSettings, at: datetime) -> bool:
    """Whether nothing can be submitted any more."""
    return settings.late_rule == LateRule.CLOSED and settings.due_at is not None and at > settings.due_at


def in_words(settings: ExerciseSettings) -> str:
    """The rule as a student reads it; empty without a due date."""
    if settings.due_at is None:
        return ""
    return IN_WORDS[LateRule(settings.late_rule)].format(percent=settings.late_percent)


def local(moment: datetime | None, timezone: str) -> str:
    """A moment as a form shows it, in the section's time; empty for none."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M") if moment else ""


def parse_local(text: str, timezone: str) -> datetime | None:
    """What `local` wrote, UTC. Raises `ValueError`."""
    if not text.strip():
        return None
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
