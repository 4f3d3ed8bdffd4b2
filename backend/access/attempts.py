"""How often somebody may try to sign in: moving windows in Redis, in this process's memory when Redis is away."""

from functools import lru_cache
from typing import Any

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from backend.core.errors import TooMany
from backend.core.redis import Redis, RedisError, get_redis
from backend.core.settings import get_settings

log = structlog.get_logger(__name__)

ANY_ADDRESS_FACTOR = 10
"""An e-mail address may fail this many times more from everywhere than from one place: a guesser elsewhere should not
lock its owner out, and a crowd of guessers should not be free."""


async def refuse_when_too_many(email: str, address: str) -> None:
    """Count this attempt; raises `TooMany` when it is one too many."""
    settings = get_settings()
    email = email.lower()
    here = _limit(settings.sign_in_attempts)
    anywhere = _limit(settings.sign_in_attempts * ANY_ADDRESS_FACTOR)
    place = _limit(settings.sign_in_attempts_per_address)
    for limiter in _limiters():
        try:
            allowed = (
                await limiter.test(place, "address", address)
                and await limiter.hit(here, "pair", email, address)
                and await limiter.hit(anywhere, "email", email)
            )
        except RedisError:
            log.warning("sign_in_limits_without_redis")
            continue
        if not allowed:
            minutes = max(1, round(settings.sign_in_window / 60))
            raise TooMany(f"Too many attempts. Please wait {minutes} minute{'s' if minutes > 1 else ''} and try again.")
        return


async def note_failure(address: str) -> None:
    """Count a wrong password against the place it came from. Right ones don't count: a class shares one address."""
    for limiter in _limiters():
        try:
            await limiter.hit(_limit(get_settings().sign_in_attempts_per_address), "address", address)
        except RedisError:
            continue
        return


async def forget_attempts(email: str, address: str) -> None:
    """Start anew after a right password."""
    for limiter in _limiters():
        try:
            await limiter.clear(_limit(get_settings().sign_in_attempts), "pair", email.lower(), address)
        except RedisError:
            continue
        return


def _limit(amount: int) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(amount, get_settings().sign_in_window, namespace="stoa:sign-in")


def _limiters() -> tuple[MovingWindowRateLimiter, ...]:
    return (_in_redis(get_redis()), _in_memory()) if get_settings().redis_url else (_in_memory(),)


@lru_cache(maxsize=1)
def _in_redis(client: Redis) -> MovingWindowRateLimiter:
    shared: dict[str, Any] = {"connection_pool": client.connection_pool}
    return MovingWindowRateLimiter(RedisStorage("async+redis://", implementation="redispy", **shared))


@lru_cache(maxsize=1)
def _in_memory() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())
