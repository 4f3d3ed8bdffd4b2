"""Kinds of which no more may run: Redis keeps workers from asking Postgres again and again, Postgres decides."""

from backend.core.errors import Unavailable
from backend.core.redis import RedisError, get_redis
from backend.core.settings import get_settings


def _key(kind: str) -> str:
    return f"stoa:jobs:full:{kind}"


async def is_full(kind: str) -> bool:
    """Whether Postgres said so lately. False while Redis is away: then Postgres is asked."""
    try:
        return bool(await get_redis().exists(_key(kind)))
    except (RedisError, Unavailable):
        return False


async def note_full(kind: str) -> None:
    """Postgres refused: nobody needs to ask until a job of this kind ends, or the reconciler comes round."""
    try:
        await get_redis().set(_key(kind), 1, px=max(1, int(get_settings().job_reconcile * 1000)))
    except (RedisError, Unavailable):
        return


async def note_room(kind: str) -> None:
    """A job of this kind has ended."""
    try:
        await get_redis().delete(_key(kind))
    except (RedisError, Unavailable):
        return
