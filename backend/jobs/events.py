"""What happens to a job, told at once: a Redis stream per job for readers, a channel for workers. Only ever hints.

The events of `stream_name(id)` are `status` {status}, `progress` {progress, note} and `log` {sequence, level, message,
data, at}. They have the form that `backend.core.events.EventHub` follows. What gets lost stands in the job's row and
log, where `sequence` tells what a reader hasn't seen.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from backend.core.errors import Unavailable
from backend.core.ids import parse_id
from backend.core.redis import RedisError, get_redis
from backend.core.settings import get_settings

log = structlog.get_logger(__name__)

CANCELS = "stoa:job-cancels"
"""Redis channel of cancel hints: a job's id."""
LISTEN = 30.0
"""Seconds to wait for a hint before waiting again; the client's own time limit would end the subscription."""
MAX_LENGTH = 2_000
"""Entries a stream keeps: who is further behind reads the log."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job."""

    job_id: UUID
    name: str
    data: Mapping[str, Any]


def stream_name(job_id: UUID) -> str:
    """The Redis stream of a job."""
    return f"stoa:job:{job_id}"


async def publish(events: Iterable[JobEvent]) -> None:
    """Tell readers, in one round trip. Without Redis they find out from the row."""
    try:
        pipe = get_redis(retries=0).pipeline(transaction=False)
        for event in events:
            stream = stream_name(event.job_id)
            pipe.xadd(stream, {"e": event.name, "d": json.dumps(dict(event.data))}, maxlen=MAX_LENGTH, approximate=True)
            pipe.expire(stream, get_settings().stream_ttl)
        await pipe.execute()
    except (RedisError, Unavailable):
        log.debug("job_events_lost")


async def publish_status(job_id: UUID, status: str) -> None:
    """Tell readers what a job's status is now."""
    await publish([JobEvent(job_id, "status", {"status": status})])


async def hint_cancel(job_ids: Iterable[UUID]) -> None:
    """Tell workers at once that these jobs are to be cancelled; else they learn it with the next heartbeat."""
    try:
        pipe = get_redis(retries=0).pipeline(transaction=False)
        for job_id in job_ids:
            pipe.publish(CANCELS, str(job_id))
        await pipe.execute()
    except (RedisError, Unavailable):
        log.warning("cancel_hint_lost")


async def cancel_hints() -> AsyncIterator[UUID]:
    """The jobs that somebody asks to cancel, as they come. Raises `RedisError`."""
    async with get_redis().pubsub() as hints:
        await hints.subscribe(CANCELS)
        while True:
            message = await hints.get_message(ignore_subscribe_messages=True, timeout=LISTEN)
            if message is not None and (job_id := parse_id(message["data"])):
                yield job_id
