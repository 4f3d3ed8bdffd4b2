"""Valkey/Redis: this process's clients."""

from collections.abc import Awaitable
from functools import lru_cache
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from backend.core.errors import Unavailable
from backend.core.settings import get_settings

__all__ = ["Redis", "RedisError", "close_redis", "get_redis", "ping_redis"]


_open: list[Redis] = []


@lru_cache(maxsize=2)
def get_redis(*, retries: int = 1) -> Redis:
    """This process's client. It fails fast: callers have a path without Redis, a hanging one would have none.

    Without `retries`, nothing is ever sent twice: for what must not happen twice when only the reply was lost.
    """
    url = get_settings().redis_url
    if url is None:
        raise Unavailable("No Redis is running. Start Stoa with `make run` or set REDIS_URL.")
    client = Redis.from_url(
        url.get_secret_value(),
        socket_connect_timeout=1,
        socket_timeout=2,
        decode_responses=True,
        retry=Retry(NoBackoff(), retries),
        health_check_interval=30,
    )
    _open.append(client)
    return client


async def close_redis() -> None:
    """Close every connection; the next use opens a fresh client."""
    get_redis.cache_clear()
    while _open:
        await _open.pop().aclose()


async def ping_redis() -> None:
    """Raises `Unavailable` when Redis doesn't answer."""
    try:
        await cast(Awaitable[bool], get_redis().ping())
    except RedisError as error:
        raise Unavailable from error
