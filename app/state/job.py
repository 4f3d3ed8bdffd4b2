"""One job: what became of it, its log and files, cancel and retry. What happens meanwhile is streamed past this."""

from collections.abc import Awaitable, Callable
from typing import Any, TypedDict
from urllib.parse import quote
from uuid import UUID

import reflex as rx

from app.state.job_words import explained, label_of, tone_of
from app.state.session import Session, acting
from backend.access import Actor
from backend.core.clock import now
from backend.core.errors import Conflict, NotFound, StoaError
from backend.core.ids import parse_id
from backend.jobs import (
    Artifact,
    JobStatus,
    JobView,
    LogLine,
    cancel_job,
    is_held_up,
    list_artifacts,
    names_of,
    read_job,
    read_log,
    retry_job,
    subject_of,
    title_of,
)

LINES = 200
"""Lines of the log that the page begins with, and each further click adds."""


class LiveItem(TypedDict):
    """What the page's React piece starts from; `elapsed` in seconds, of the latest attempt."""

    id: str
    status: str
    attempts: int
    cancel_requested: bool
    progress: float
    note: str
    begun: bool
    elapsed: float
    read: int


class LineItem(TypedDict):
    """A line of the log."""

    sequence: int
    at: str
    level: str
    message: str


class FileItem(TypedDict):
    """What the job made, for download."""

    name: str
    href: str
    size: str


class JobState(Session):
    """A job as the database has it."""

    title: str = ""
    about: str = ""
    section: str = ""
    requested_by: str = ""
    """Who asked for it, when that is somebody else."""
    label: str = ""
    tone: str = ""
    said: str = ""
    error: str = ""
    attempts: str = ""
    asked_at: str = ""
    begun_at: str = ""
    ended_at: str = ""
    can_cancel: bool = False
    can_retry: bool = False
    live: LiveItem = {
        "id": "",
        "status": "",
        "attempts": 0,
        "cancel_requested": False,
        "progress": 0.0,
        "note": "",
        "begun": False,
        "elapsed": 0.0,
        "read": 0,
    }
    lines: list[LineItem] = []
    has_earlier: bool = False
    files: list[FileItem] = []
    subject: str = ""
    """The address's job that all this is about."""

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        return await self._read()

    @rx.event
    async def refresh(self) -> Any:
        """Read the job anew: it isn't what the page shows any more."""
        return await self._read()

    @rx.event
    async def cancel(self) -> Any:
        """Have it stopped."""
        return await self._change(cancel_job)

    @rx.event
    async def retry(self) -> Any:
        """Have it done again."""
        return await self._change(retry_job)

    @rx.event
    async def show_earlier(self) -> None:
        """Lines of the log before the first that is shown."""
        first = self.lines[0]["sequence"] if self.lines else 1
        start = max(0, first - 1 - LINES)
        if count := first - 1 - start:
            earlier = await read_log(acting(), self._target(), after=start, limit=count)
            self.lines = [*(_line(line) for line in earlier), *self.lines]
            self.has_earlier = start > 0
            self.live = {**self.live, "read": self.live["read"] + 1}

    async def _change(self, change: Callable[[Actor, UUID], Awaitable[JobView]]) -> Any:
        try:
            await change(acting(), self._target())
        except Conflict as error:
            self._tell(error.message, "bad")
        return await self._read()

    async def _read(self) -> Any:
        if self.subject != self._argument("job"):
            self.subject, self.lines, self.has_earlier = "", [], False
        try:
            job = await read_job(acting(), self._target())
            names = await names_of(acting(), [job])
            held_up = await is_held_up(acting(), job.id)
            files = await list_artifacts(acting(), job.id)
            lines = await self._latest_lines(job)
        except StoaError as error:
            return self._refusal(error)
        self._show(job, held_up)
        self.section = names.section_of(job)
        self.requested_by = "" if job.requested_by == acting().person_id else names.person_of(job)
        self.files = [_file(job, each) for each in files]
        self.lines = lines
        self.subject = self._argument("job")
        return None

    async def _latest_lines(self, job: JobView) -> list[LineItem]:
        """Those shown already, and what came since; at first the latest."""
        known = self.lines if self.subject else []
        start = known[-1]["sequence"] if known else max(0, job.last_log - LINES)
        if not known:
            self.has_earlier = start > 0
        return [*known, *(_line(line) for line in await read_log(acting(), job.id, after=start))]

    def _show(self, job: JobView, held_up: bool) -> None:
        status = JobStatus(job.status)
        self.title, self.about = title_of(job.kind), subject_of(job.kind, job.payload)
        self.label, self.tone, self.said = label_of(job), tone_of(job), explained(job, held_up)
        self.error = job.error_message
        self.attempts = f"{job.attempts} of {job.max_attempts}"
        self.asked_at = job.created_at.isoformat()
        self.begun_at = job.started_at.isoformat() if job.started_at else ""
        self.ended_at = job.finished_at.isoformat() if job.finished_at else ""
        self.can_cancel = not status.final and not job.cancel_requested
        self.can_retry = status.retryable
        self.live = _live(job, self.live["read"] + 1)

    def _target(self) -> UUID:
        if (target := parse_id(self._argument("job"))) is None:
            raise NotFound("There is no such job.")
        return target


def _live(job: JobView, read: int) -> LiveItem:
    begun = job.started_at is not None and job.status != JobStatus.QUEUED
    elapsed = ((job.finished_at or now()) - job.started_at).total_seconds() if begun and job.started_at else 0.0
    return LiveItem(
        id=str(job.id),
        status=job.status,
        attempts=job.attempts,
        cancel_requested=job.cancel_requested,
        progress=job.progress,
        note=job.progress_note,
        begun=begun,
        elapsed=max(0.0, elapsed),
        read=read,
    )


def _line(line: LogLine) -> LineItem:
    return LineItem(sequence=line.sequence, at=line.at.isoformat(), level=line.level, message=line.message)


def _file(job: JobView, artifact: Artifact) -> FileItem:
    href = f"/api/v1/jobs/{job.id}/artifacts/{quote(artifact.name, safe='')}"
    return FileItem(name=artifact.name, href=href, size=size_in_words(artifact.size))


def size_in_words(size: int) -> str:
    """Bytes as people read them."""
    if size < 1000:
        return f"{size} bytes"
    for unit, length in (("kB", 1e3), ("MB", 1e6)):
        if size < 1000 * length:
            return f"{size / length:.3g} {unit}"
    return f"{size / 1e9:.3g} GB"
