"""What processes share about models: records that change by compare-and-swap, rooms with so many places, and rates.

All of it lives in Redis. While Redis is away each process keeps its own, says so once in the log, and comes back by
itself. Moments are seconds since the epoch and come from the caller.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from backend.core.errors import Unavailable
from backend.core.redis import Redis, RedisError, get_redis

log = structlog.get_logger(__name__)

LEASE = 30.0
"""Seconds after which a place is free again when its process died; living ones renew it."""
UNLIMITED = 1_000_000_000
"""Places in a room without a limit: they are counted all the same, for the health page."""
OUTAGE = 2.0
"""Seconds before Redis is asked again after it failed."""
T = TypeVar("T")

_SWAP = """
local held = redis.call('GET', KEYS[1])
if (held or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
_ENTER = """
for i, room in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', room, '-inf', ARGV[1])
  if redis.call('ZCARD', room) >= tonumber(ARGV[3 + i]) and not redis.call('ZSCORE', room, ARGV[3]) then return i end
end
for _, room in ipairs(KEYS) do
  redis.call('ZADD', room, ARGV[2], ARGV[3])
  redis.call('EXPIREAT', room, math.ceil(ARGV[2]) + 1)
end
return 0
"""


class Store(Protocol):
    """Where shared state lives."""

    async def read(self, keys: Sequence[str]) -> list[str | None]:
        """The records under `keys`."""
        ...

    async def swap(self, key: str, before: str | None, after: str) -> bool:
        """Replace the record if it is still `before`."""
        ...

    async def enter(self, rooms: Mapping[str, int], token: str, now: float) -> str | None:
        """Take a place in each of `rooms` (name → places), or in none: then the name of one that is full."""
        ...

    async def renew(self, held: Mapping[str, Sequence[str]], now: float) -> None:
        """Keep the places of `held` (token → rooms) for another `LEASE`."""
        ...

    async def leave(self, rooms: Sequence[str], token: str) -> None:
        """Give the places back."""
        ...

    async def count(self, rooms: Sequence[str], now: float) -> list[int]:
        """How many places are taken in each room."""
        ...

    @property
    def rates(self) -> SlidingWindowCounterRateLimiter:
        """Counters per minute."""
        ...


class RedisStore:
    """Shared by all processes."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        shared: dict[str, Any] = {"connection_pool": client.connection_pool}
        storage = RedisStorage("async+redis://", implementation="redispy", **shared)
        self.rates = SlidingWindowCounterRateLimiter(storage)

    async def read(self, keys: Sequence[str]) -> list[str | None]:
        """See `Store.read`."""
        return cast(list[str | None], await self.client.mget(keys))

    async def swap(self, key: str, before: str | None, after: str) -> bool:
        """See `Store.swap`."""
        return bool(await self._script(_SWAP, [key], before or "", after))

    async def enter(self, rooms: Mapping[str, int], token: str, now: float) -> str | None:
        """See `Store.enter`."""
        names = list(rooms)
        full = await self._script(_ENTER, names, now, now + LEASE, token, *rooms.values())
        return names[int(full) - 1] if full else None

    async def renew(self, held: Mapping[str, Sequence[str]], now: float) -> None:
        """See `Store.renew`."""
        pipe = self.client.pipeline(transaction=False)
        for token, rooms in held.items():
            for room in rooms:
                pipe.zadd(room, {token: now + LEASE}, xx=True)
                pipe.expireat(room, int(now + LEASE) + 2)
        await pipe.execute()

    async def leave(self, rooms: Sequence[str], token: str) -> None:
        """See `Store.leave`."""
        pipe = self.client.pipeline(transaction=False)
        for room in rooms:
            pipe.zrem(room, token)
        await pipe.execute()

    async def count(self, rooms: Sequence[str], now: float) -> list[int]:
        """See `Store.count`."""
        pipe = self.client.pipeline(transaction=False)
        for room in rooms:
            pipe.zcount(room, now, "+inf")
        return cast(list[int], await pipe.execute())

    async def _script(self, source: str, keys: Sequence[str], *arguments: Any) -> Any:
        return await cast(Awaitable[Any], self.client.eval(source, len(keys), *keys, *arguments))


class MemoryStore:
    """This process's own."""

    def __init__(self) -> None:
        self._records: dict[str, str] = {}
        self._rooms: dict[str, dict[str, float]] = defaultdict(dict)
        self.rates = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def read(self, keys: Sequence[str]) -> list[str | None]:
        """See `Store.read`."""
        return [self._records.get(key) for key in keys]

    async def swap(self, key: str, before: str | None, after: str) -> bool:
        """See `Store.swap`."""
        if self._records.get(key) != before:
            return False
        self._records[key] = after
        return True

    def remember(self, key: str, text: str | None) -> None:
        """Note a record of Redis: what this process goes on with when Redis is away."""
        if text is None:
            self._records.pop(key, None)
        else:
            self._records[key] = text

    async def enter(self, rooms: Mapping[str, int], token: str, now: float) -> str | None:
        """See `Store.enter`. A process that dies takes its places along, so there is no lease."""
        for room, places in rooms.items():
            if len(self._rooms[room]) >= places:
                return room
        for room in rooms:
            self._rooms[room][token] = now
        return None

    async def renew(self, held: Mapping[str, Sequence[str]], now: float) -> None:
        """See `Store.renew`."""

    async def leave(self, rooms: Sequence[str], token: str) -> None:
        """See `Store.leave`."""
        for room in rooms:
            self._rooms[room].pop(token, None)

    async def count(self, rooms: Sequence[str], now: float) -> list[int]:
        """See `Store.count`."""
        return [len(self._rooms[room]) for room in rooms]


class Shared:
    """The store in use: Redis, or this process's memory while Redis is away."""

    def __init__(self) -> None:
        self._memory = MemoryStore()
        self._redis: RedisStore | None = None
        self._away_until = 0.0
        self._was_away = False
        self._changing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._held: dict[str, tuple[Store, Sequence[str]]] = {}
        self._renewing: asyncio.Task[None] | None = None

    @property
    def is_shared(self) -> bool:
        """Whether the last call reached Redis."""
        return not self._was_away

    async def read(self, keys: Sequence[str]) -> list[str | None]:
        """The records under `keys`."""
        if not keys:
            return []
        found = await self._on_store(lambda store: store.read(keys))
        for key, text in zip(keys, found, strict=True):
            self._memory.remember(key, text)
        return found

    async def change(self, key: str, by: Callable[[str | None], str | None]) -> None:
        """Replace a record by what `by` makes of it, whoever else changes it meanwhile; None leaves it."""
        async with self._changing[key]:  # so that only other processes can interfere
            while True:
                [before] = await self.read([key])
                after = by(before)
                if after is None or await self._on_store(lambda store: store.swap(key, before, after)):  # noqa: B023
                    self._memory.remember(key, before if after is None else after)
                    return

    async def enter(self, rooms: Mapping[str, int], token: str) -> str | None:
        """Take a place in each of `rooms` until `leave`, or in none: then the name of one that is full."""
        store_used: list[Store] = []

        async def enter(store: Store) -> str | None:
            store_used[:] = [store]
            return await store.enter(rooms, token, time.time())

        full = await self._on_store(enter)
        if full is None:
            self._held[token] = (store_used[0], list(rooms))
            await self._memory.enter(dict.fromkeys(rooms, UNLIMITED), token, time.time())  # in case Redis goes away
            self._keep_renewing()
        return full

    async def leave(self, token: str) -> None:
        """Give the places of `token` back, to whom they were taken from."""
        store, rooms = self._held.pop(token, (None, ()))
        if store is None:
            return
        await self._memory.leave(rooms, token)
        if store is self._memory or time.monotonic() < self._away_until:
            return  # while Redis is away, the lease there ends by itself
        try:
            await store.leave(rooms, token)
        except RedisError as error:
            self._lost(error)

    async def count(self, rooms: Sequence[str]) -> list[int]:
        """How many places are taken in each room."""
        return await self._on_store(lambda store: store.count(rooms, time.time())) if rooms else []

    async def may(self, name: str, per_minute: int) -> bool:
        """Whether the rate `name` has room for one more."""
        limit = RateLimitItemPerMinute(per_minute, namespace="stoa:rate")
        return await self._on_store(lambda store: store.rates.test(limit, name))

    async def use(self, name: str, per_minute: int, amount: int = 1) -> bool:
        """Count `amount` against a rate. False when that is more than is left; then all that is left is used up."""
        limit = RateLimitItemPerMinute(per_minute, namespace="stoa:rate")

        async def use(store: Store) -> bool:
            if await store.rates.hit(limit, name, cost=amount):
                return True
            if left := (await store.rates.get_window_stats(limit, name)).remaining:
                await store.rates.hit(limit, name, cost=min(amount, left))
            return False

        return await self._on_store(use)

    async def wait_for(self, name: str, per_minute: int) -> float:
        """Seconds until the rate `name` has room again."""
        limit = RateLimitItemPerMinute(per_minute, namespace="stoa:rate")
        stats = await self._on_store(lambda store: store.rates.get_window_stats(limit, name))
        return max(0.0, stats.reset_time - time.time())

    async def _on_store(self, call: Callable[[Store], Awaitable[T]]) -> T:
        if time.monotonic() >= self._away_until:
            if self._was_away:  # one caller finds out whether it is back; the others don't wait for that
                self._away_until = time.monotonic() + 2 * OUTAGE
            try:
                if self._redis is None or self._redis.client is not get_redis():
                    self._redis = RedisStore(get_redis())
                result = await call(self._redis)
            except RedisError as error:
                self._lost(error)
            except Unavailable:  # a command without Redis: there is nobody to share with
                self._was_away = True
            else:
                self._away_until = 0.0
                if self._was_away:
                    self._was_away = False
                    log.warning("routing_is_shared_again")
                return result
        return await call(self._memory)

    def _lost(self, error: Exception) -> None:
        self._away_until = time.monotonic() + OUTAGE
        if not self._was_away:
            self._was_away = True
            log.warning("routing_without_redis", error=str(error), meaning="limits and breakers are this process's own")

    def _keep_renewing(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Renew what this process holds, as long as it holds anything."""
        while self._held:
            await asyncio.sleep(LEASE / 3)
            by_redis = {token: rooms for token, (store, rooms) in self._held.items() if store is self._redis}
            try:
                if by_redis and self._redis:
                    await self._redis.renew(by_redis, time.time())
            except RedisError as error:
                self._lost(error)

    async def close(self) -> None:
        """Stop renewing, at shutdown."""
        if self._renewing:
            self._renewing.cancel()


@lru_cache(maxsize=1)
def get_shared() -> Shared:
    """This process's view of what is shared."""
    return Shared()


async def close_shared() -> None:
    """Forget this process's view; the next use has a fresh one."""
    if get_shared.cache_info().currsize:
        await get_shared().close()
        get_shared.cache_clear()
