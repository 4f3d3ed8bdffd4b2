"""How much people may ask: messages a minute for each, tokens a day for each and for a section as a whole."""

import time
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from backend.access import Action, Actor, Scope, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import NotFound, TooMany
from backend.core.settings import get_settings
from backend.core.windows import Limiter, Window, on_windows, seconds_until_next, window
from backend.genai import limits_queries as queries
from backend.genai.models import StudentLimits, UsageLimits
from backend.genai.standing import Allowance, Limits, again_in, day_of, pace, whole_seconds

FIELDS = ("messages_per_minute", "tokens_per_day_person", "tokens_per_day_section")
MINUTE = 60


class MessagesTooFast(TooMany):
    """The person sent as many messages in a minute as they may in this section."""

    code = "messages_too_fast"


class AllowanceSpent(TooMany):
    """The day's tokens are used: the person's in this section, or the section's."""

    code = "allowance_spent"


_remembered: dict[UUID, tuple[float, Limits]] = {}


def forget_limits() -> None:
    """Read the limits anew at the next message, after they were changed."""
    _remembered.clear()


async def refuse_over_limits(actor: Actor, section_id: UUID) -> Limits:
    """Refuse a message that would go over a limit; none is counted yet: `count_message` does that, with the result.

    Raises `AllowanceSpent` and `MessagesTooFast`. A day's tokens are those of attempts that have ended, so answers
    under way may take somebody a little over.
    """
    found = await allowance(actor, section_id)
    if found.spent:
        raise AllowanceSpent(found.spent, retry_after=whole_seconds(found.day_ends_in))
    if found.messages_left == 0:
        raise _too_fast(found.limits, found.next_message_in)
    return found.limits


async def count_message(actor: Actor, limits: Limits) -> None:
    """Count a message of the actor's that is about to be stored; raises `MessagesTooFast` when it is one too many.

    Of many at once exactly as many get through as may. Call it last: what is refused for another reason isn't counted.
    """
    if limits.messages_per_minute is None:
        return
    of, who = _window(limits.messages_per_minute), _who(actor, limits)

    async def hit(limiter: Limiter) -> float | None:
        return None if await limiter.hit(of, *who) else await seconds_until_next(limiter, of, *who)

    wait = await on_windows(hit)
    if wait is not None:
        raise _too_fast(limits, wait)


async def allowance(actor: Actor, section_id: UUID) -> Allowance:
    """What the actor has used in a section, what is left, and when that changes."""
    require(actor, Action.TUTOR_ASK, Scope(section_id=section_id))
    limits = await limits_in(section_id)
    moment = now()
    begun, ends = day_of(moment, limits.timezone)
    own = everybody = 0
    if limits.tokens_per_day_person is not None or limits.tokens_per_day_section is not None:
        async with transaction() as session:
            own, everybody = await queries.tokens_since(session, section_id, actor.person_id, begun)
    left, wait = await _minute(actor, limits)
    return Allowance(limits, (ends - moment).total_seconds(), own, everybody, left, wait)


async def limits_in(section_id: UUID) -> Limits:
    """What holds in a section: what is allowed there, or less where its instructors say so.

    Remembered for `genai_config_cache` seconds.
    """
    moment = time.monotonic()
    if (known := _remembered.get(section_id)) and known[0] > moment:
        return known[1]
    allowed = await allowed_in(section_id)
    async with transaction() as session:
        own = await queries.student_limits_row(session, section_id) or StudentLimits(section_id=section_id)
    limits = replace(
        allowed,
        messages_per_minute=_least(allowed.messages_per_minute, own.messages_per_minute),
        tokens_per_day_person=_least(allowed.tokens_per_day_person, own.tokens_per_day_person),
    )
    _remembered[section_id] = (moment + get_settings().genai_config_cache, limits)
    return limits


async def allowed_in(section_id: UUID) -> Limits:
    """What administrators allow in a section: field by field its own limit, else the default one, else none."""
    async with transaction() as session:
        timezone = await queries.timezone_of(session, section_id)
        rows = await queries.limits_for(session, section_id)
    if timezone is None:
        raise NotFound("There is no such section.")
    return Limits(section_id, timezone, *(_first(rows, field) for field in FIELDS))


async def _minute(actor: Actor, limits: Limits) -> tuple[int | None, float]:
    """Messages left in this minute, and seconds until there is one more."""
    if limits.messages_per_minute is None:
        return None, 0.0
    of, who = _window(limits.messages_per_minute), _who(actor, limits)

    async def look(limiter: Limiter) -> tuple[int, float]:
        stats = await limiter.get_window_stats(of, *who)
        return max(0, stats.remaining), max(0.0, stats.reset_time - time.time())

    return await on_windows(look)


def _first(rows: Sequence[UsageLimits], field: str) -> int | None:
    return next((value for row in rows if (value := getattr(row, field)) is not None), None)


def _least(*amounts: int | None) -> int | None:
    return min((each for each in amounts if each is not None), default=None)


def _window(amount: int) -> Window:
    return window("messages", amount, MINUTE)


def _who(actor: Actor, limits: Limits) -> tuple[str, str]:
    return str(limits.section_id), str(actor.person_id)


def _too_fast(limits: Limits, wait: float) -> MessagesTooFast:
    seconds = whole_seconds(wait)
    return MessagesTooFast(f"{pace(limits)} {again_in(seconds)}", retry_after=seconds)
