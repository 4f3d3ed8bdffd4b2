"""The sandbox of one process: containers kept ready, one for each submission, each destroyed after it.

It belongs to an event loop. Containers are made and destroyed in threads, and by tasks of the sandbox itself, so that
whoever is cancelled meanwhile leaves nothing behind.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import structlog

from backend.core.errors import Unavailable
from backend.core.settings import get_settings
from backend.core.tasks import end_tasks
from backend.sandbox.box import Box, Run
from backend.sandbox.engine import Container, Engine
from backend.sandbox.errors import SandboxUnavailable
from backend.sandbox.images import ensure_image
from backend.sandbox.policy import is_gvisor
from backend.sandbox.schemas import Limits

log = structlog.get_logger(__name__)

Recorder = Callable[[Run], Awaitable[None]]
"""Keeps what is known of a finished run."""

Chore = Callable[[], Awaitable[object]]
"""Done when a sandbox starts, and once an hour."""

SPARE = 4
"""Containers beyond the warm ones that may be there at once: running, being made, being destroyed."""
HOUR = 3600.0
STALE = 1800
"""Seconds after which a warm container is replaced, long before a sweep would take it for a stray."""


class Sandbox:
    """Boxes to run programs in. `start` keeps `warm` containers ready and sweeps; without it boxes are made cold."""

    def __init__(
        self, *, warm: int | None = None, recorder: Recorder | None = None, hourly: Chore | None = None
    ) -> None:
        settings = get_settings()
        self._engine = Engine(settings)
        self._recorder = recorder
        self._hourly = hourly
        self._size = settings.sandbox_warm if warm is None else warm
        self._limits = Limits()
        self._adjustable = not is_gvisor(settings.sandbox_runtime)
        """Whether a warm container can be given other memory: `runsc` has no update."""
        self._warm: deque[Container] = deque()
        self._filling = 0
        self._places = asyncio.Semaphore(self._size + SPARE)
        self._image: str | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Remove strays of earlier processes, fill the pool, and sweep from now on. Doesn't fail without an engine."""
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Destroy every container of this sandbox; boxes that are still open hear that they are gone."""
        self._closed = True
        if self._sweeper is not None:
            await end_tasks([self._sweeper])
        while self._tasks or self._warm:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(self._destroy(self._warm.popleft()) for _ in range(len(self._warm))))
        await asyncio.to_thread(self._engine.close)

    @property
    def ready(self) -> int:
        """Warm containers at this moment."""
        return len(self._warm)

    @asynccontextmanager
    async def box(self, owner: str, limits: Limits | None = None, person_id: UUID | None = None) -> AsyncIterator[Box]:
        """A box of one submission's own. `owner` names it in the audit: `submission:<id>`.

        Raises `SandboxUnavailable` when there is no engine or no image.
        """
        limits = limits or self._limits
        container = await self._take(limits)
        box = Box(Run(owner, person_id, limits), container, lambda: self._instead(box), self._engine)
        try:
            yield box
        finally:
            box.end()
            self._spawn(self._finish(box))

    async def settled(self) -> None:
        """Wait until what finished boxes left to do is done: containers gone, runs recorded, the pool full."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _take(self, limits: Limits) -> Container:
        """A warm container if one fits, else a new one."""
        fits = (limits.processes, limits.disk_mb) == (self._limits.processes, self._limits.disk_mb)
        fits = fits and (self._adjustable or limits.memory_mb == self._limits.memory_mb)
        while fits and self._warm:
            container = self._warm.popleft()
            if container.waits and time.time() - container.made < STALE and await self._prepared(container, limits):
                return container
            self._spawn(self._discard(container))
        making = self._spawn(self._make(limits))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._unwanted)
            raise

    async def _instead(self, box: Box) -> Container:
        """Another container for one that died; its place is given back first, or many deaths would use them up."""
        await asyncio.shield(self._spawn(self._destroy(box.containers[-1])))
        return await self._take(box.record.limits)

    async def _prepared(self, container: Container, limits: Limits) -> bool:
        if limits.memory_mb == container.limits.memory_mb:
            container.limits = limits
            return True
        try:
            await asyncio.to_thread(self._engine.give_memory, container, limits)
        except SandboxUnavailable:
            return False
        return True

    async def _make(self, limits: Limits) -> Container:
        if self._closed:
            raise SandboxUnavailable
        await self._places.acquire()
        try:
            image = self._image or str(await asyncio.to_thread(ensure_image, self._engine))
            container = await asyncio.to_thread(self._engine.create, image, limits)
        except BaseException:
            self._places.release()
            self._image = None
            raise
        self._image = image
        return container

    def _unwanted(self, making: asyncio.Task[Container]) -> None:
        if not making.cancelled() and making.exception() is None:
            self._spawn(self._discard(making.result()))

    async def _destroy(self, container: Container) -> None:
        """Remove it; where the engine is away, a sweep does it later."""
        if container.destroyed:
            return
        container.destroyed = True
        try:
            with suppress(SandboxUnavailable):
                await asyncio.to_thread(self._engine.destroy, container)
        finally:
            self._places.release()

    async def _discard(self, container: Container) -> None:
        await self._destroy(container)
        await self._fill()

    async def _finish(self, box: Box) -> None:
        """After a run: destroy its containers, keep its record, and only now fill the pool again."""
        for container in box.containers:
            await self._destroy(container)
        if self._recorder is not None:
            await self._record(box)
        await self._fill()

    async def _record(self, box: Box) -> None:
        for container in box.containers:
            with suppress(SandboxUnavailable):
                box.record.events += await asyncio.to_thread(self._engine.events, container)
        try:
            await self._recorder(box.record)  # type: ignore[misc]
        except Exception:
            log.exception("sandbox_run_not_recorded", owner=box.record.owner)

    async def _fill(self) -> None:
        """Make warm containers until there are enough."""
        while self._sweeper and not self._closed and len(self._warm) + self._filling < self._size:
            self._filling += 1
            try:
                self._warm.append(await self._make(self._limits))
            except SandboxUnavailable:
                return  # the next sweep tries again
            finally:
                self._filling -= 1

    async def _sweep(self) -> None:
        due = 0.0
        while True:
            await _tried(self._keep_order)
            if self._hourly is not None and time.monotonic() >= due and await _tried(self._hourly):
                due = time.monotonic() + HOUR
            await asyncio.sleep(get_settings().sandbox_sweep)

    async def _keep_order(self) -> None:
        await asyncio.to_thread(self._engine.remove_strays)
        await self._renew()

    async def _renew(self) -> None:
        """Replace warm containers that died or grew old, and fill the pool."""
        for container in list(self._warm):
            if time.time() - container.made > STALE or not await asyncio.to_thread(self._engine.runs, container):
                with suppress(ValueError):
                    self._warm.remove(container)
                    await asyncio.shield(self._spawn(self._destroy(container)))
        await asyncio.shield(self._spawn(self._fill()))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do `work` in a task that `close` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _tried(chore: Chore) -> bool:
    """Whether it went well. Whatever happened, the next sweep comes."""
    try:
        await chore()
    except Unavailable:  # the engine or the database is away, as the log says
        return False
    except Exception:
        log.exception("sandbox_sweep_crashed")
        return False
    return True
