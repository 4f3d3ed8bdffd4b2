"""Valkey/Redis: one client per process."""

from collections.abc import Awaitable
from functools import lru_cache
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from backend.core.errors import Unavailable
from backend.core.settings import get_settings

__all__ = ["RedisError", "close_redis", "get_redis", "ping_redis"]


@lru_cache(maxsize=1)
def get_redis() -> Redis:
    """This process's client. It fails fast: callers have a path without Redis, a hanging one would have none."""
    url = get_settings().redis_url
    if url is None:
        raise Unavailable("No Redis is running. Start Stoa with `make run` or set REDIS_URL.")
    return Redis.from_url(
        url.get_secret_value(),
        socket_connect_timeout=1,
        socket_timeout=2,
        decode_responses=True,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )


async def close_redis() -> None:
    """Close the client's connections."""
    if get_redis.cache_info().currsize:
        await get_redis().aclose()
        get_redis.cache_clear()


async def ping_redis() -> None:
    """Raises `Unavailable` when Redis doesn't answer."""
    try:
        await cast(Awaitable[bool], get_redis().ping())
    except RedisError as error:
        raise Unavailable from error
