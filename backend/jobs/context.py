"""What a handler holds: its job, and everything it may say or write about it while the lease is its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import SYSTEM, Actor, actor_of
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Invalid
from backend.jobs import queries
from backend.jobs.artifacts import artifact_key
from backend.jobs.errors import JobCanceled, LeaseLost, Permanent
from backend.jobs.events import JobEvent, publish
from backend.jobs.models import JobArtifact, JobStatus, LogLevel
from backend.jobs.queries import Claimed, Outcome
from backend.jobs.schemas import Artifact

NOTE_MAX_LENGTH = 300
MESSAGE_MAX_LENGTH = 4_000
"""Characters of one log line."""
NAME_MAX_LENGTH = 200


class ArtifactStore(Protocol):
    """Where a job's files go: `backend.storage` in production."""

    async def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
        """Store `data` under `key`, replacing what was there."""

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], content_type: str) -> None:
        """Store what `chunks` yields under `key`, in bounded memory; nothing when it raises."""


class JobContext:
    """A running attempt. Every write names the lease: it raises `LeaseLost` once this worker was declared dead."""

    def __init__(self, job: Claimed, store: ArtifactStore | None) -> None:
        self._job = job
        self._store = store
        self._session: AsyncSession | None = None
        self._untold: list[JobEvent] = []
        """What readers are told of once the handler's transaction has committed: before, they would find nothing."""
        self._settled = False
        self.succeeded = False
        """Whether the handler has stored its success itself."""

    @property
    def job_id(self) -> UUID:
        """The job's id; provider calls name it in the ledger."""
        return self._job.id

    @property
    def section_id(self) -> UUID | None:
        """The section it is about."""
        return self._job.section_id

    @property
    def requested_by(self) -> UUID | None:
        """The person as whom it acts; None for the system."""
        return self._job.requested_by

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._job.attempts

    async def actor(self) -> Actor:
        """Who it acts as, with the rights they have now. Raises `Permanent` when they are gone or disabled."""
        if self._job.requested_by is None:
            return SYSTEM
        actor = await actor_of(self._job.requested_by)
        if not actor.signed_in:
            raise Permanent("The account of the person who asked for this is no longer active.")
        return actor

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction that commits only while the lease is held and nobody cancelled the job.

        The job's row stays locked until its end, so keep it short: the effect, and nothing that waits for others.
        Raises `LeaseLost` or `JobCanceled`.
        """
        async with transaction() as session:
            await self._hold(session)
            self._session, self._untold = session, []
            try:
                yield session
            finally:
                self._session = None
        self.succeeded = self._settled
        await publish(self._untold)

    async def succeed(self, session: AsyncSession, result: BaseModel) -> None:
        """End the job as succeeded in a `transaction()` of its own: its effect and its success are stored together."""
        outcome = Outcome(self._job.id, self._job.lease_token, JobStatus.SUCCEEDED, result.model_dump(mode="json"))
        if not await queries.settle(session, [outcome]):
            raise LeaseLost
        self._settled = True

    async def progress(self, fraction: float, note: str = "") -> None:
        """Say how much is done, 0 to 1, and what comes now."""
        fraction, note = min(1.0, max(0.0, fraction)), note[:NOTE_MAX_LENGTH]
        async with self._writing() as session:
            await queries.set_progress(session, self._job.id, fraction, note)
        await self._tell("progress", {"progress": fraction, "note": note})

    async def log(self, message: str, *, level: LogLevel = LogLevel.INFO, **data: Any) -> None:
        """Add a line to the job's log; `data` must be JSON."""
        message = message[:MESSAGE_MAX_LENGTH]
        async with self._writing() as session:
            sequence = await queries.add_log(session, self._job.id, level.value, message, data)
        await self._tell(
            "log",
            {"sequence": sequence, "level": level, "message": message, "data": data, "at": _iso(now())},
        )

    async def check_canceled(self) -> None:
        """Raises `JobCanceled` when somebody asked to stop. Handlers that wait are interrupted anyway."""
        async with transaction() as session:
            await self._hold(session)

    async def artifact(self, name: str, data: bytes, content_type: str = "application/octet-stream") -> Artifact:
        """Store a file under the job and `name`; a later attempt replaces it."""
        store, key = self._place_for(name)
        await store.put_bytes(key, data, content_type)
        return await self._note(Artifact(name, key, content_type, len(data)))

    async def artifact_stream(
        self, name: str, chunks: AsyncIterator[bytes], content_type: str = "application/octet-stream"
    ) -> Artifact:
        """`artifact` for a file of any length, in bounded memory. What `chunks` raises comes out."""
        store, key = self._place_for(name)
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                size += len(chunk)
                yield chunk

        await store.put_stream(key, counted(), content_type)
        return await self._note(Artifact(name, key, content_type, size))

    def _place_for(self, name: str) -> tuple[ArtifactStore, str]:
        if self._store is None:
            raise Permanent("No object storage is set up.")
        if not 0 < len(name) <= NAME_MAX_LENGTH or "/" in name or name in {".", ".."} or not name.isprintable():
            raise Invalid(f"artifact: {name[:40]!r} can't be the name of a file.")
        return self._store, artifact_key(self._job.id)

    async def _note(self, made: Artifact) -> Artifact:
        row = JobArtifact(
            job_id=self._job.id, name=made.name, key=made.key, content_type=made.content_type, size=made.size
        )
        async with self._writing() as session:
            await queries.put_artifact(session, row)
        return made

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncSession]:
        """The handler's own open transaction, which already holds the job's row, or one of its own."""
        if self._session is not None:
            yield self._session
            return
        async with transaction() as session:
            await self._hold(session)
            yield session

    async def _hold(self, session: AsyncSession) -> None:
        canceled = await queries.hold(session, self._job.id, self._job.lease_token)
        if canceled is None:
            raise LeaseLost
        if canceled:
            raise JobCanceled

    async def _tell(self, name: str, data: dict[str, Any]) -> None:
        event = JobEvent(self._job.id, name, data)
        if self._session is not None:
            self._untold.append(event)
        else:
            await publish([event])


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
