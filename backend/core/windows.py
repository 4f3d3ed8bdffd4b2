"""How often something may happen: moving windows in Redis, in this process's memory while Redis is away."""

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, TypeVar

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from backend.core.redis import Redis, RedisError, get_redis
from backend.core.settings import get_settings

log = structlog.get_logger(__name__)

Limiter = MovingWindowRateLimiter
"""Where windows are kept."""
Window = RateLimitItemPerSecond
"""So many events in so many seconds; who is counted apart is said with each call."""
T = TypeVar("T")


def window(name: str, amount: int, seconds: int) -> Window:
    """`amount` events in any `seconds`."""
    return Window(amount, seconds, namespace=f"stoa:{name}")


async def on_windows(act: Callable[[Limiter], Awaitable[T]]) -> T:
    """What `act` makes of the windows that all processes share, or of this process's own while Redis is away."""
    if get_settings().redis_url:
        try:
            return await act(_in_redis(get_redis()))
        except RedisError:
            log.warning("windows_without_redis")
    return await act(_in_memory())


async def seconds_until_next(limiter: Limiter, of: Window, *who: str) -> float:
    """Seconds until the oldest event of a full window leaves it."""
    return max(0.0, (await limiter.get_window_stats(of, *who)).reset_time - time.time())


@lru_cache(maxsize=1)
def _in_redis(client: Redis) -> Limiter:
    shared: dict[str, Any] = {"connection_pool": client.connection_pool}
    return MovingWindowRateLimiter(RedisStorage("async+redis://", implementation="redispy", **shared))


@lru_cache(maxsize=1)
def _in_memory() -> Limiter:
    return MovingWindowRateLimiter(MemoryStorage())
