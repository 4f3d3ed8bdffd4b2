"""Events over Redis Streams: one writer and one reader per process, whatever the number of streams and followers.

Events are hints. The truth is in Postgres; when Redis is away, publishers go on and followers are told.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
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


class Sign(Enum):
    """What a follower gets instead of events."""

    OUTAGE = "outage"
    """Redis doesn't answer, repeated while it lasts: what happens meanwhile reaches followers only through Postgres."""
    QUIET = "quiet"
    """Nothing came for the time of a keep-alive comment."""


Batch = list[StreamEvent] | Sign
TICK = 1.0
"""Seconds between looks at whether Redis is back, and at who heard nothing for long."""


def id_key(event_id: str) -> tuple[int, int]:
    """Stream ids in their order. Raises `ValueError` for what isn't one."""
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence or 0)


@dataclass(slots=True, eq=False)
class _Follower:
    queue: asyncio.Queue[Batch] = field(default_factory=asyncio.Queue)
    heard_at: float = field(default_factory=time.monotonic)

    def give(self, batch: Batch) -> None:
        self.heard_at = time.monotonic()
        self.queue.put_nowait(batch)


class EventHub:
    """This process's side of all streams. `run()` must be running for anything to flow.

    What this process writes it hands to its own followers as soon as Redis has given it ids; only streams that other
    processes write are read back.
    """

    def __init__(self) -> None:
        self._pending: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._wake = asyncio.Event()
        self._lost: set[str] = set()
        self._down = False
        self._own: set[str] = set()
        self._followers: dict[str, set[_Follower]] = defaultdict(set)
        self._cursors: dict[str, str] = {}

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Write and read until the block ends; what is pending then is still written."""
        loops = (self._write_forever(), self._read_forever(), self._tick_forever())
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._flush()

    def publish(self, stream: str, name: str, data: Mapping[str, Any], *, urgent: bool = False) -> None:
        """Append an event at the next flush, at once when `urgent`."""
        self._own.add(stream)
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
        self._own.discard(stream)
        try:
            await get_redis().expire(stream, get_settings().stream_ttl)
        except RedisError:
            log.warning("stream_without_expiry", stream=stream)

    async def read(self, stream: str, after: str = "0") -> list[StreamEvent]:
        """What the stream holds after an id. Raises `RedisError`."""
        start = "-" if after in {"", "0"} else f"({after}"
        return [_event(entry) for entry in await get_redis().xrange(stream, min=start)]

    async def follow(self, stream: str, after: str = "0") -> AsyncGenerator[Batch, None]:
        """Everything after an id, then what comes, in batches, until the caller stops; `Sign`s in between."""
        follower = _Follower()
        self._followers[stream].add(follower)
        FOLLOWERS.inc()
        last = after or "0"
        try:
            backlog = await self._backlog(stream, last)
            if isinstance(backlog, list):
                last = backlog[-1].id if backlog else last
            self._cursors.setdefault(stream, last)
            if backlog:
                yield backlog
            while True:
                batch = await follower.queue.get()
                if isinstance(batch, Sign):
                    yield batch
                elif fresh := [event for event in batch if id_key(event.id) > id_key(last)]:
                    last = fresh[-1].id
                    yield fresh
        finally:
            FOLLOWERS.dec()
            self._leave(stream, follower)

    def _leave(self, stream: str, follower: _Follower) -> None:
        self._followers[stream].discard(follower)
        if not self._followers[stream]:
            del self._followers[stream]
            self._cursors.pop(stream, None)

    async def _backlog(self, stream: str, after: str) -> Batch:
        try:
            return await self.read(stream, after)
        except RedisError:
            self._down = True
            return Sign.OUTAGE

    def _hand_out(self, stream: str, batch: list[StreamEvent]) -> None:
        if stream in self._cursors:
            self._cursors[stream] = batch[-1].id
        for follower in self._followers.get(stream, ()):
            follower.give(batch)

    async def _write_forever(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(get_settings().turn_flush):
                    await self._wake.wait()
            self._wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        events = [(stream, name, json.dumps(data)) for stream, some in pending.items() for name, data in some]
        pipe = get_redis().pipeline(transaction=False)
        for stream, name, data in events:
            pipe.xadd(stream, {"e": name, "d": data}, maxlen=MAX_LENGTH, approximate=True)
        try:
            ids = await pipe.execute()
        except RedisError as error:
            self._lost.update(pending)
            self._down = True
            log.warning("events_lost", streams=len(pending), error=str(error))
            return
        batches: dict[str, list[StreamEvent]] = defaultdict(list)
        for event_id, (stream, name, data) in zip(ids, events, strict=True):
            batches[stream].append(StreamEvent(event_id, name, data))
        for stream, batch in batches.items():
            self._hand_out(stream, batch)

    async def _read_forever(self) -> None:
        while True:
            await asyncio.sleep(get_settings().turn_flush / 2)
            cursors: Any = {stream: cursor for stream, cursor in self._cursors.items() if stream not in self._own}
            if not cursors:
                continue
            try:
                for stream, entries in await get_redis().xread(cursors):
                    self._hand_out(stream, [_event(entry) for entry in entries])
            except RedisError:
                self._down = True
                await asyncio.sleep(TICK)

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(min(TICK, get_settings().sse_comment))
            if self._down:
                self._down = not await self._answers()
            overdue = time.monotonic() - get_settings().sse_comment
            for follower in [each for some in self._followers.values() for each in some]:
                if self._down:
                    follower.give(Sign.OUTAGE)
                elif follower.heard_at < overdue:
                    follower.give(Sign.QUIET)

    async def _answers(self) -> bool:
        try:
            await get_redis().exists(TEXT)
        except RedisError:
            return False
        return True


def _event(entry: Any) -> StreamEvent:
    event_id, fields = entry
    return StreamEvent(event_id, fields["e"], fields["d"])
