"""A worker: takes ids, wins jobs, runs their handlers, keeps their leases, and puts the queue in order in turn."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

import structlog

from backend.core.database import transaction
from backend.core.embedded.processes import start_time
from backend.core.errors import Unavailable
from backend.core.redis import RedisError
from backend.core.settings import get_settings
from backend.core.tasks import end_tasks, go_on_after_cancellation
from backend.jobs import carrier, figures, ordering_queries, queries
from backend.jobs.attempts import attempt, canceled, given_back
from backend.jobs.claiming import claim_jobs
from backend.jobs.context import ArtifactStore, JobContext
from backend.jobs.events import JobEvent, cancel_hints, publish
from backend.jobs.kinds import known_kinds
from backend.jobs.models import JobStatus, Lane
from backend.jobs.periodic import LOOK, start_periodic
from backend.jobs.queries import Claimed, Outcome, Settled
from backend.jobs.reconciler import hand_on_limited, reconcile
from backend.jobs.settling import Settler

log = structlog.get_logger(__name__)

OUTAGE = 1.0
"""Seconds before Postgres or Redis is asked again after it failed."""
LAST_WORDS = 5.0
"""Seconds that interrupted jobs get to be queued again when the worker ends. After that their leases run out."""


class Ending(Enum):
    """Why a running handler is interrupted."""

    CANCELED = "canceled"
    """Somebody asked for it."""
    STOPPING = "stopping"
    """The worker ends: another one goes on."""
    LEASE_LOST = "lease_lost"
    """The job is another's by now."""


@dataclass(slots=True, eq=False)
class Running:
    """A job that this worker is doing."""

    job: Claimed
    task: asyncio.Task[None] | None = None
    ending: Ending | None = None
    settling: bool = False
    """How it ended is being written: too late to interrupt."""
    begun: float = 0.0

    def end(self, why: Ending) -> None:
        """Interrupt the handler; again at each call, as one interruption may get lost (see `end_tasks`)."""
        if self.task is not None and not self.settling:
            self.ending = self.ending or why
            self.task.cancel()

    def interrupted(self) -> Outcome | None:
        """What to write after the interruption."""
        match self.ending:
            case Ending.CANCELED:
                return canceled(self.job)
            case Ending.LEASE_LOST:
                return None
            case _:
                return given_back(self.job)


class Worker:
    """One worker of a lane. `run()` returns once it was asked to stop and everything is finished or queued again."""

    def __init__(self, lane: Lane, store: ArtifactStore | None = None, *, periodic: bool = False) -> None:
        self.lane = lane
        self.periodic = periodic
        """Whether it starts the jobs that come back, too."""
        self.places = get_settings().worker_places if lane is Lane.IO else 1
        self.name = f"{socket.gethostname()}:{os.getpid()}:{start_time(os.getpid())}"
        self.ticked = time.monotonic()
        """When the event loop last came round; a watchdog looks at it."""
        self._store = store
        self._running: dict[UUID, Running] = {}
        self._place_free = asyncio.Event()
        self._settler = Settler()
        self._beaten = time.monotonic()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set."""
        log.info("worker_started", worker=self.name, lane=self.lane.value, places=self.places)
        lease, settings = get_settings().job_lease / 3, get_settings()
        loops = [
            asyncio.create_task(loop)
            for loop in (
                self._repeat(self._tick, min(1.0, settings.job_watchdog / 4)),
                self._repeat(self._beat, lease),
                self._repeat(self._reconcile, settings.job_reconcile),
                self._repeat(figures.add_counted, figures.FLUSH),
                self._hear_cancels(),
                *([self._repeat(start_periodic, LOOK)] if self.periodic else []),
            )
        ]
        try:
            await self._take_until(stopping)
            await self._wind_down()
        finally:
            await end_tasks(loops)
            await figures.add_counted()
            with suppress(Unavailable):
                async with transaction() as session:
                    await ordering_queries.forget_worker(session, self.name)
            log.info("worker_stopped", worker=self.name)

    async def _take_until(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self._take()
            except (RedisError, Unavailable) as error:
                log.warning("worker_waits", error=type(error).__name__)
                await asyncio.sleep(OUTAGE)
            except Exception:
                log.exception("taking_crashed")
                await asyncio.sleep(OUTAGE)

    async def _take(self) -> None:
        """Begin as many jobs as there are places for, or wait a moment."""
        if (free := self.places - len(self._running)) <= 0:
            self._place_free.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(carrier.PATIENCE):
                    await self._place_free.wait()
            return
        ids = await carrier.pop(self.lane, free)
        won = await claim_jobs(self.lane, ids, self.name, free) if ids else []
        for job in won:
            self._begin(job)
        await publish(JobEvent(job.id, "status", {"status": JobStatus.RUNNING}) for job in won)

    def _begin(self, job: Claimed) -> None:
        if earlier := self._running.get(job.id):
            earlier.end(Ending.LEASE_LOST)  # taken from us, and won again by us before the next heartbeat told
        running = self._running[job.id] = Running(job, begun=time.monotonic())
        running.task = asyncio.create_task(self._do(running), name=f"job {job.id}")
        running.task.add_done_callback(lambda _: self._leave(running))

    def _leave(self, running: Running) -> None:
        if self._running.get(running.job.id) is running:
            del self._running[running.job.id]
        self._place_free.set()

    async def _do(self, running: Running) -> None:
        context = JobContext(running.job, self._store)
        try:
            outcome = await attempt(running.job, context)
        except asyncio.CancelledError:
            go_on_after_cancellation()
            outcome = running.interrupted()
        running.settling = True
        settled = await self._settler.settle(outcome) if outcome else None
        await self._tell(running, context, settled)

    async def _tell(self, running: Running, context: JobContext, settled: Settled | None) -> None:
        """Let readers and waiting workers know how it ended."""
        job = running.job
        status = JobStatus.SUCCEEDED if context.succeeded else JobStatus(settled.status) if settled else None
        if status is None:
            log.warning("job_outcome_refused", job=str(job.id), kind=job.kind)
            return
        figures.count_attempt(job.kind, status.value, time.monotonic() - running.begun)
        log.info("job_ended", job=str(job.id), kind=job.kind, status=status.value, attempt=job.attempts)
        await publish([JobEvent(job.id, "status", {"status": status})])
        if settled and settled.due:
            await carrier.push([(job.id, settled.lane, settled.priority)])
        if known_kinds()[job.kind].limit is not None:
            with suppress(RedisError, Unavailable):
                await hand_on_limited(job.kind)

    async def _wind_down(self) -> None:
        """Let jobs finish within the grace period, then queue them again at once."""
        tasks = [running.task for running in self._running.values() if running.task]
        if tasks:
            await asyncio.wait(tasks, timeout=get_settings().job_grace)
        for running in list(self._running.values()):
            running.end(Ending.STOPPING)
        if late := [task for task in tasks if not task.done()]:
            await asyncio.wait(late, timeout=LAST_WORDS)

    async def _tick(self) -> None:
        self.ticked = time.monotonic()

    async def _beat(self) -> None:
        """Show life, extend the leases, and hear which jobs were taken away or are to be cancelled."""
        held = {each.job.id: each for each in self._running.values() if not each.settling}
        lease = get_settings().job_lease
        try:
            async with transaction() as session:
                await ordering_queries.show_life(session, self.name, self.lane, self.places)
                leases = {job_id: each.job.lease_token for job_id, each in held.items()}
                kept = await queries.beat(session, leases, lease) if leases else {}
        except Unavailable:
            self._give_up_after(lease)
            raise
        self._beaten = time.monotonic()
        for job_id, each in held.items():
            if job_id not in kept:
                each.end(Ending.LEASE_LOST)
            elif kept[job_id]:
                each.end(Ending.CANCELED)

    def _give_up_after(self, lease: float) -> None:
        """Without Postgres for a whole lease, everything here may be another's: stop what can still be stopped."""
        for each in self._running.values():
            if time.monotonic() - max(self._beaten, each.begun) > lease:
                each.end(Ending.LEASE_LOST)

    async def _reconcile(self) -> None:
        await reconcile(self.name)

    async def _hear_cancels(self) -> None:
        while True:
            with suppress(RedisError, Unavailable):
                async for job_id in cancel_hints():
                    self._cancel_here([job_id])
            await asyncio.sleep(OUTAGE)

    def _cancel_here(self, job_ids: Iterable[UUID]) -> None:
        for job_id in job_ids:
            if running := self._running.get(job_id):
                running.end(Ending.CANCELED)

    async def _repeat(self, step: Callable[[], Awaitable[object]], seconds: float) -> None:
        while True:
            try:
                await step()
            except Unavailable:
                log.warning("worker_without_postgres")
            except Exception:
                log.exception("worker_step_crashed", step=step.__name__)
            await asyncio.sleep(seconds)
