"""Events over Redis Streams: one writer and one reader per process, whatever the number of streams and followers.

Events are hints. The truth is in Postgres; when Redis is away, publishers go on and followers are told.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import structlog

from backend.core.redis import RedisError, get_redis
from backend.core.settings import get_settings
from backend.core.tasks import end_tasks
from backend.core.telemetry import FOLLOWERS

log = structlog.get_logger(__name__)

TEXT = "text"
"""Events of this name carry {"text": …}; neighbours in one flush are written as one."""
SNAPSHOT = "snapshot"
"""An event of this name carries the whole state: it mends what was lost before it."""
LONGEST_LIFE = 86_400
"""Seconds after which a stream goes in any case, even if nobody could close it. No answer takes a day."""
MAX_LENGTH = 20_000
"""Entries a stream keeps; an hour at the flush interval would be 90,000, but no answer takes an hour."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One entry: its Redis id, name and data as JSON text."""

    id: str
    name: str
    data: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event; one without a name is a comment that keeps the connection open."""

    name: str = ""
    data: str = ""
    id: str = ""

    def encode(self) -> str:
        """The frame on the wire (WHATWG HTML, server-sent events)."""
        if not self.name:
            return ": alive\n\n"
        return f"{f'id: {self.id}' + chr(10) if self.id else ''}event: {self.name}\ndata: {self.data}\n\n"


class Sign(Enum):
    """What a follower gets instead of events."""

    OUTAGE = "outage"
    """Redis didn't answer, repeated until it does: what happened meanwhile reaches followers only through Postgres."""
    QUIET = "quiet"
    """Nothing came for the time of a keep-alive comment."""


Batch = list[StreamEvent] | Sign
TICK = 1.0
"""Seconds between looks at whether Redis is back, and at who heard nothing for long."""


def id_key(event_id: str) -> tuple[int, int]:
    """Stream ids in their order."""
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
        self._writing = asyncio.Lock()
        self._lost: set[str] = set()
        self._down = False
        self._own: set[str] = set()
        self._new: set[str] = set()
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
            await end_tasks(tasks)
            await self._flush()

    def publish(self, stream: str, name: str, data: Mapping[str, Any], *, urgent: bool = False) -> None:
        """Append an event at the next flush, at once when `urgent`.

        Once events of `stream` were lost, nothing but a snapshot is taken: text with a gap would be worse than none.
        """
        if name == SNAPSHOT:
            self._lost.discard(stream)
        if stream in self._lost:
            return
        if stream not in self._own:
            self._own.add(stream)
            self._new.add(stream)
        events = self._pending.setdefault(stream, [])
        if name == TEXT and events and events[-1][0] == TEXT:
            events[-1][1]["text"] += data["text"]
        else:
            events.append((name, dict(data)))
        if urgent:
            self._wake.set()

    def has_lost(self, stream: str) -> bool:
        """Whether events of `stream` were lost: its followers need a snapshot."""
        return stream in self._lost

    async def close_stream(self, stream: str, name: str, data: Mapping[str, Any], *, whole: Mapping[str, Any]) -> None:
        """Write a stream's last event, before it the snapshot `whole` if anything was lost; let the stream expire."""
        await self._flush()
        if self.has_lost(stream):
            self.publish(stream, SNAPSHOT, whole)
        self.publish(stream, name, data)
        await self._flush()
        for known in (self._own, self._new, self._lost):
            known.discard(stream)
        try:
            await get_redis().expire(stream, get_settings().stream_ttl)
        except RedisError:
            log.warning("stream_closed_without_redis", stream=stream)

    async def read(self, stream: str, after: str = "", upto: str = "+") -> list[StreamEvent]:
        """What the stream holds after an id and up to another with it. Raises `RedisError`."""
        start = f"({after}" if after else "-"
        return [_event(entry) for entry in await get_redis().xrange(stream, min=start, max=upto)]

    async def holds(self, stream: str, event_id: str) -> bool:
        """Whether the stream has an event with exactly this id. False while Redis is away."""
        try:
            return bool(await get_redis().xrange(stream, min=event_id, max=event_id))
        except RedisError:
            return False

    async def follow(self, stream: str, after: str = "") -> AsyncGenerator[Batch, None]:
        """Everything after an id of the stream, then what comes, in batches, until the caller stops.

        `Sign`s come in between. After an `OUTAGE`, what comes need not continue what came before.
        """
        follower = _Follower()
        self._followers[stream].add(follower)
        FOLLOWERS.inc()
        last = after or "0-0"
        try:
            backlog = await self._backlog(stream, after)
            if isinstance(backlog, list):
                last = backlog[-1].id if backlog else last
            self._cursors[stream] = min(last, self._cursors.get(stream, last), key=id_key)
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
            self._cursors[stream] = max(batch[-1].id, self._cursors[stream], key=id_key)
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
        """Write what is pending. One flush at a time: two could overtake each other, and the text its end."""
        async with self._writing:
            if self._pending:
                pending, self._pending = self._pending, {}
                await self._write(pending)

    async def _write(self, pending: Mapping[str, list[tuple[str, dict[str, Any]]]]) -> None:
        events = [(stream, name, json.dumps(data)) for stream, some in pending.items() for name, data in some]
        new = self._new.intersection(pending)
        pipe = get_redis(retries=0).pipeline(transaction=False)
        for stream, name, data in events:
            pipe.xadd(stream, {"e": name, "d": data}, maxlen=MAX_LENGTH, approximate=True)
        for stream in new:
            pipe.expire(stream, LONGEST_LIFE)
        try:
            ids = (await pipe.execute())[: len(events)]
        except RedisError as error:
            self._lose(pending)
            log.warning("events_lost", streams=len(pending), error=str(error))
            return
        self._new -= new
        batches: dict[str, list[StreamEvent]] = defaultdict(list)
        for event_id, (stream, name, data) in zip(ids, events, strict=True):
            batches[stream].append(StreamEvent(event_id, name, data))
        for stream, batch in batches.items():
            self._hand_out(stream, batch)

    def _lose(self, streams: Iterable[str]) -> None:
        self._down = True
        for stream in streams:
            self._lost.add(stream)
            self._pending.pop(stream, None)

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
            was_down = self._down
            if was_down:
                self._down = not await self._answers()
            overdue = time.monotonic() - get_settings().sse_comment
            for follower in [each for some in self._followers.values() for each in some]:
                if was_down:
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
