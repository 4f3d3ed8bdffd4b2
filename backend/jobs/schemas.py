"""Jobs as pages, the REST API and handlers see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.jobs.models import Job, JobArtifact, JobLog


@dataclass(frozen=True, slots=True)
class JobView:
    """A job. `progress` runs from 0 to 1; `error_message` is a sentence for people, to be escaped where it is shown."""

    id: UUID
    kind: str
    status: str
    priority: str
    lane: str
    payload: Mapping[str, Any]
    result: Mapping[str, Any] | None
    progress: float
    progress_note: str
    attempts: int
    max_attempts: int
    error_class: str
    error_message: str
    cancel_requested: bool
    requested_by: UUID | None
    section_id: UUID | None
    worker: str | None
    last_log: int
    created_at: datetime
    run_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Names:
    """What people call what jobs are about, by id: who asked for them, and the sections they are for."""

    people: Mapping[UUID, str]
    sections: Mapping[UUID, str]

    def person_of(self, job: JobView) -> str:
        """Who asked for it."""
        return self.people.get(job.requested_by, "") if job.requested_by else "The system"

    def section_of(self, job: JobView) -> str:
        """What it is for; empty when that is no section."""
        return self.sections.get(job.section_id, "") if job.section_id else ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log; `sequence` counts from 1 within the job."""

    sequence: int
    at: datetime
    level: str
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a job made: `key` in object storage, `size` in bytes."""

    name: str
    key: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, the newest first; `next_before` asks for the older ones, None when there are none."""

    jobs: tuple[JobView, ...]
    next_before: UUID | None


def job_view(job: Job) -> JobView:
    """The view of a row."""
    return JobView(
        id=job.id,
        kind=job.kind,
        status=job.status,
        priority=job.priority,
        lane=job.lane,
        payload=job.payload,
        result=job.result,
        progress=job.progress,
        progress_note=job.progress_note,
        attempts=job.attempts,
        max_attempts=job.max_attempts,
        error_class=job.error_class,
        error_message=job.error_message,
        cancel_requested=job.cancel_requested_at is not None,
        requested_by=job.requested_by,
        section_id=job.section_id,
        worker=job.worker,
        last_log=job.last_log,
        created_at=job.created_at,
        run_at=job.run_at,
        started_at=job.started_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
    )


def log_line(row: JobLog) -> LogLine:
    """The view of a row."""
    return LogLine(row.sequence, row.created_at, row.level, row.message, row.data)


def artifact_view(row: JobArtifact) -> Artifact:
    """The view of a row."""
    return Artifact(row.name, row.key, row.content_type, row.size)
