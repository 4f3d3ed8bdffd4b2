"""RQ's queues on Redis: they carry ids, nothing else, and may lose or repeat them. See decision 0014."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, cast
from uuid import UUID

import structlog
from rq import Queue
from rq.serializers import JSONSerializer

from backend.core.errors import Unavailable
from backend.core.ids import parse_id
from backend.core.redis import RedisError, get_redis
from backend.jobs.models import Lane, Priority

log = structlog.get_logger(__name__)

PATIENCE = 0.5
"""Seconds to wait for an id before looking whether the worker is to stop; less than the client's time limit."""


def queue_of(lane: str, priority: str) -> Queue:
    """The queue that carries a lane's jobs of a priority. It only buffers commands: the pipeline sends them."""
    return Queue(f"{lane}:{priority}", connection=cast(Any, get_redis(retries=0)), serializer=JSONSerializer)


async def push(jobs: Iterable[tuple[UUID, str, str]]) -> bool:
    """Hand (id, lane, priority) to whichever worker comes first; whether Redis took them.

    Best effort: the reconciler hands on again what got lost.
    """
    try:
        pipe = get_redis(retries=0).pipeline(transaction=False)
        for job_id, lane, priority in jobs:
            queue_of(lane, priority).push_job_id(str(job_id), pipeline=cast(Any, pipe))
        await pipe.execute()
    except (RedisError, Unavailable) as error:
        log.warning("push_lost", error=type(error).__name__)
        return False
    return True


async def pop(lane: Lane, most: int) -> list[UUID]:
    """Up to `most` ids, the most urgent queue first; empty when none came within `PATIENCE`. Raises `RedisError`."""
    keys = [queue_of(lane, priority).key for priority in Priority]
    client = get_redis(retries=0)
    found = await cast(Awaitable[Any], client.blpop(keys, timeout=PATIENCE))
    if found is None:
        return []
    key, first = found
    more = await cast(Awaitable[Any], client.lpop(key, most - 1)) if most > 1 else None
    return [job_id for text in (first, *(more or ())) if (job_id := parse_id(text))]


async def carried(lane: str, priority: str) -> set[UUID]:
    """The ids that a queue holds now. Raises `RedisError`."""
    ids = await cast(Awaitable[Sequence[str]], get_redis().lrange(queue_of(lane, priority).key, 0, -1))
    return {job_id for text in ids if (job_id := parse_id(text))}


async def length(lane: str, priority: str) -> int:
    """How many ids a queue holds now. Raises `RedisError`."""
    return await cast(Awaitable[int], get_redis().llen(queue_of(lane, priority).key))
