"""Jobs, what they said and made, who works, and what is paused. A job's row is the truth; Redis carries its id."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from backend.core.database import Table, moment, one_of


class JobStatus(StrEnum):
    """queued → running → succeeded | failed | canceled | dead; back to queued after a passing failure or a retry."""

    QUEUED = "queued"
    """Waits for `run_at` and a worker. → running (claimed), canceled (its owner said so)."""
    RUNNING = "running"
    """A worker holds its lease. → succeeded, failed, canceled, dead; → queued after a passing failure, a deferral, a
    worker's orderly end, or when the lease ran out."""
    SUCCEEDED = "succeeded"
    """Its effect and result are stored. Final."""
    FAILED = "failed"
    """Trying again wouldn't help: `error_message` says why. Final but for a retry → queued."""
    CANCELED = "canceled"
    """Stopped on request; what its handler had committed stays. Final."""
    DEAD = "dead"
    """Every attempt was used up: a dead letter. Final but for a retry → queued."""

    @property
    def final(self) -> bool:
        """Whether nothing but a retry changes it any more."""
        return self not in {JobStatus.QUEUED, JobStatus.RUNNING}

    @property
    def retryable(self) -> bool:
        """Whether people may have it done again."""
        return self in {JobStatus.FAILED, JobStatus.DEAD}


ARROWS: Mapping[JobStatus, frozenset[JobStatus]] = MappingProxyType(
    {
        JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELED}),
        JobStatus.RUNNING: frozenset(JobStatus) - {JobStatus.RUNNING},
        JobStatus.SUCCEEDED: frozenset(),
        JobStatus.FAILED: frozenset({JobStatus.QUEUED}),
        JobStatus.CANCELED: frozenset(),
        JobStatus.DEAD: frozenset({JobStatus.QUEUED}),
    }
)
"""From each status to those that may follow it."""


class Priority(StrEnum):
    """Who goes first within a lane. A job that waited long rises by one, so that none starves."""

    P0 = "p0"
    """A person waits for it at this moment."""
    P1 = "p1"
    """A person waits for it, doing something else."""
    P2 = "p2"
    """Soon."""
    P3 = "p3"
    """Whenever there is room."""


class Lane(StrEnum):
    """Which workers do it."""

    IO = "io"
    """Waits for others most of the time (language models, storage): many at once in one process."""
    CPU = "cpu"
    """Keeps a processor or a container busy: one at a time in one process."""


class LogLevel(StrEnum):
    """How serious a line of a job's log is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Job(Table, table=True):
    """One piece of long work. All moments are the database's: machines' clocks differ."""

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("status", list(JobStatus)),
        one_of("priority", list(Priority)),
        one_of("lane", list(Lane)),
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
        CheckConstraint("attempts >= 0 AND max_attempts > 0", name="attempts"),
        CheckConstraint("(status = 'running') = (lease_token IS NOT NULL)", name="lease"),
        CheckConstraint("(lease_token IS NULL) = (lease_expires_at IS NULL)", name="lease_end"),
        CheckConstraint("(status IN ('queued', 'running')) = (finished_at IS NULL)", name="finished_at"),
        Index(
            "uq_jobs_idempotency",
            "requested_by",
            "kind",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_jobs_due", "lane", "priority", "run_at", postgresql_where=text("status = 'queued'")),
        Index("ix_jobs_leases", "lease_expires_at", postgresql_where=text("status = 'running'")),
        Index("ix_jobs_running_kind", "kind", postgresql_where=text("status = 'running'")),
        Index("ix_jobs_troubled", "finished_at", postgresql_where=text("status IN ('failed', 'dead')")),
        Index("ix_jobs_finished_at", "finished_at"),
        Index("ix_jobs_mine", "requested_by", "id"),
    )

    kind: str = Field(max_length=40)
    status: str = JobStatus.QUEUED
    priority: str = Priority.P2
    lane: str = Lane.IO
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    progress: float = 0.0
    """How much of it is done, 0 to 1."""
    progress_note: str = Field(default="", max_length=300)
    attempts: int = 0
    """How often a worker began it, except where the attempt was given back."""
    max_attempts: int = 5
    run_at: datetime = moment(nullable=False, default=...)
    """Not before this moment."""
    waiting_since: datetime = moment(nullable=False, default=...)
    """Since when it waits at its priority; aging starts here."""
    started_at: datetime | None = moment()
    """When the latest attempt began."""
    lease_token: UUID | None = None
    """What every write of the worker must name. A worker that lost its lease doesn't know the new one."""
    lease_expires_at: datetime | None = moment()
    worker: str | None = None
    """The worker of the latest attempt."""
    idempotency_key: str | None = Field(default=None, max_length=200)
    cancel_requested_at: datetime | None = moment()
    error_class: str = Field(default="", max_length=120)
    error_message: str = Field(default="", sa_type=Text)
    """A sentence for people about the latest failure. Somebody else's text: escape it where it is shown."""
    requested_by: UUID | None = Field(default=None, foreign_key="people.id", ondelete="CASCADE")
    """As whom it acts; nobody: the system."""
    section_id: UUID | None = Field(default=None, foreign_key="sections.id", ondelete="CASCADE", index=True)
    last_log: int = 0
    """Sequence of the latest line of its log."""
    updated_at: datetime = moment(nullable=False, default=...)
    finished_at: datetime | None = moment()
    told_at: datetime | None = moment()
    """When its person was told that it ended; None while they weren't."""


class JobLog(Table, table=True):
    """One line of a job's log. `sequence` counts from 1 within the job, through all attempts."""

    __tablename__ = "job_logs"
    __table_args__ = (UniqueConstraint("job_id", "sequence"), one_of("level", list(LogLevel)))

    job_id: UUID = Field(foreign_key="jobs.id", ondelete="CASCADE")
    sequence: int
    level: str = LogLevel.INFO
    message: str = Field(sa_type=Text)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))


class JobArtifact(Table, table=True):
    """A file that a job made; the bytes are in object storage under `key`. A later attempt replaces it by name."""

    __tablename__ = "job_artifacts"
    __table_args__ = (UniqueConstraint("job_id", "name"),)

    job_id: UUID = Field(foreign_key="jobs.id", ondelete="CASCADE")
    name: str = Field(max_length=200)
    key: str = Field(max_length=400)
    content_type: str = Field(max_length=120)
    size: int = Field(sa_type=BigInteger)


class JobPause(Table, table=True):
    """A lane or a kind of which nothing new is begun. What runs goes on."""

    __tablename__ = "job_pauses"

    subject: str = Field(unique=True, max_length=60)
    """`lane:io`, `kind:export`."""
    paused_by: UUID | None = None


class JobWorker(Table, table=True):
    """A worker process; one that wasn't seen for three leases is gone. What it does now is in the running jobs."""

    __tablename__ = "job_workers"
    __table_args__ = (one_of("lane", list(Lane)),)

    name: str = Field(unique=True, max_length=120)
    """host:pid:start, as in a job's `worker`."""
    lane: str
    places: int
    """How many jobs it does at once."""
    seen_at: datetime = moment(nullable=False, default=...)
    reconciled_at: datetime | None = moment()
    """When it last put the queue in order for all."""
