"""Events over Redis Streams: one writer and one reader per process, whatever the number of streams and followers.

Events are hints. The truth is in Postgres; when Redis is away, publishers go on and followers are told.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from backend.core.redis import RedisError, get_redis
from backend.core.settings import get_settings
from backend.core.telemetry import FOLLOWERS

log = structlog.get_logger(__name__)

TEXT = "text"
"""Events of this name carry {"text": …}; neighbours in one flush are written as one."""
MAX_LENGTH = 20_000
"""Entries a stream keeps; an hour at the flush interval would be 90,000, but no answer takes an hour."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One entry: its Redis id, name and data as JSON text."""

    id: str
    name: str
    data: str


@dataclass(frozen=True, slots=True)
class Outage:
    """Redis doesn't answer; what happens meanwhile reaches followers only through the database."""


Batch = list[StreamEvent] | Outage


def id_key(event_id: str) -> tuple[int, int]:
    """Stream ids in their order. Raises `ValueError` for what isn't one."""
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence or 0)


class EventHub:
    """This process's side of all streams. `run()` must be running for anything to flow."""

    def __init__(self) -> None:
        self._pending: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._wake = asyncio.Event()
        self._lost: set[str] = set()
        self._followers: dict[str, set[asyncio.Queue[Batch]]] = defaultdict(set)
        self._cursors: dict[str, str] = {}
        self._following = asyncio.Event()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Write and read until the block ends; what is pending then is still written."""
        tasks = [asyncio.create_task(self._write_forever()), asyncio.create_task(self._read_forever())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._flush()

    def publish(self, stream: str, name: str, data: Mapping[str, Any], *, urgent: bool = False) -> None:
        """Append an event at the next flush, at once when `urgent`."""
        events = self._pending.setdefault(stream, [])
        if name == TEXT and events and events[-1][0] == TEXT:
            events[-1][1]["text"] += data["text"]
        else:
            events.append((name, dict(data)))
        if urgent:
            self._wake.set()

    def take_lost(self, stream: str) -> bool:
        """Whether events of `stream` were lost since the last call: its followers need the whole state again."""
        lost = stream in self._lost
        self._lost.discard(stream)
        return lost

    async def close_stream(self, stream: str) -> None:
        """Write what is pending and let the stream expire."""
        await self._flush()
        try:
            await get_redis().expire(stream, get_settings().stream_ttl)
        except RedisError:
            log.warning("stream_without_expiry", stream=stream)

    async def read(self, stream: str, after: str = "0") -> list[StreamEvent]:
        """What the stream holds after an id. Raises `RedisError`."""
        start = "-" if after in {"", "0"} else f"({after}"
        return [_event(entry) for entry in await get_redis().xrange(stream, min=start)]

    async def follow(self, stream: str, after: str = "0") -> AsyncGenerator[Batch, None]:
        """Everything after an id, then what comes, in batches, until the caller stops. `Outage` when Redis is away."""
        queue: asyncio.Queue[Batch] = asyncio.Queue()
        self._followers[stream].add(queue)
        FOLLOWERS.inc()
        last = after or "0"
        try:
            backlog: Batch = await self._backlog(stream, last)
            if not isinstance(backlog, Outage):
                last = backlog[-1].id if backlog else last
            self._cursors.setdefault(stream, last)
            self._following.set()
            if backlog:
                yield backlog
            while True:
                batch = await queue.get()
                if isinstance(batch, Outage):
                    yield batch
                elif fresh := [event for event in batch if id_key(event.id) > id_key(last)]:
                    last = fresh[-1].id
                    yield fresh
        finally:
            FOLLOWERS.dec()
            self._leave(stream, queue)

    def _leave(self, stream: str, queue: asyncio.Queue[Batch]) -> None:
        self._followers[stream].discard(queue)
        if not self._followers[stream]:
            del self._followers[stream]
            self._cursors.pop(stream, None)
        if not self._cursors:
            self._following.clear()

    async def _backlog(self, stream: str, after: str) -> Batch:
        try:
            return await self.read(stream, after)
        except RedisError:
            return Outage()

    async def _write_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(get_settings().turn_flush):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        pipe = get_redis().pipeline(transaction=False)
        for stream, events in pending.items():
            for name, data in events:
                pipe.xadd(stream, {"e": name, "d": json.dumps(data)}, maxlen=MAX_LENGTH, approximate=True)
        try:
            await pipe.execute()
        except RedisError as error:
            self._lost.update(pending)
            log.warning("events_lost", streams=len(pending), error=str(error))

    async def _read_forever(self) -> None:
        pause = get_settings().turn_flush / 2
        while True:
            await self._following.wait()
            try:
                await self._read_once()
            except RedisError:
                for queues in self._followers.values():
                    for queue in queues:
                        queue.put_nowait(Outage())
                await asyncio.sleep(1)
            await asyncio.sleep(pause)

    async def _read_once(self) -> None:
        if not self._cursors:
            return
        cursors: Any = dict(self._cursors)
        for stream, entries in await get_redis().xread(cursors):
            batch = [_event(entry) for entry in entries]
            if stream in self._cursors:
                self._cursors[stream] = batch[-1].id
            for queue in self._followers.get(stream, ()):
                queue.put_nowait(batch)


def _event(entry: Any) -> StreamEvent:
    event_id, fields = entry
    return StreamEvent(event_id, fields["e"], fields["d"])
