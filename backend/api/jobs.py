"""Jobs over HTTP: ask for one, look at it, cancel or retry it, and follow it as server-sent events.

**The wire** of `GET /api/v1/jobs/{id}/events`. Only the job's owner and administrators may follow it; to everybody
else it doesn't exist (404). Data is JSON, moments are ISO 8601 in UTC or null. Events:

- `snapshot`, first on every connection: the row as it is now, {id, kind, status, progress, note, attempts,
  max_attempts, cancel_requested, error, run_at, started_at, finished_at}. It replaces what the reader knew.
- `log`: {sequence, at, level, message, data}, each line once and in order. `sequence` counts from 1 within the job.
- `progress`: {progress, note}; `progress` runs from 0 to 1.
- `status`: all that `snapshot` has, when anything but the progress changed. One whose `status` is final (succeeded,
  failed, canceled, dead) is the last event of the stream and comes after the whole log: the reader closes.

An `id:` is `<sequence>` of the last log line told so far, and `<sequence>-<end>` at the end. A browser that reconnects
sends it back as `Last-Event-ID` and gets the lines beyond it; who has the end gets 204. A reader that has the log from
elsewhere (a page that was loaded with it) says up to where with `?after=<sequence>`, at its first connection.

What is told comes from Postgres. Redis only says when to look: what it loses comes with the next look, within 5 s. A
comment is sent every 15 s of silence. A stream without a final `status` broke off, after 10 minutes at the latest, and
the reader reconnects: whoever signed out meanwhile is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field

from backend import jobs
from backend.api.event_streams import STREAMED, event_stream
from backend.api.identity import CurrentActor
from backend.courses import open_section
from backend.dialogue import get_runner
from backend.jobs import JobStatus, JobView

router = APIRouter(prefix="/v1", tags=["jobs"])

REFUSED: dict[int | str, dict[str, Any]] = {404: {"description": "No such job, or somebody else's."}}


class JobRequest(BaseModel):
    """What is to be done."""

    kind: str = Field(max_length=40)
    payload: dict[str, Any] = Field(default_factory=dict, description="What the kind needs; at most 256 KiB.")
    section: str | None = Field(default=None, description="The section's slug, where it is about one.", max_length=80)


class JobOut(BaseModel):
    """A job. `progress` runs from 0 to 1; `error` is a sentence for people about the latest failure."""

    id: UUID
    kind: str
    status: JobStatus
    section_id: UUID | None
    payload: dict[str, Any] | None = Field(description="Only of kinds that can be asked for here, as is `result`.")
    result: dict[str, Any] | None
    progress: float
    note: str
    attempts: int
    max_attempts: int
    error: str
    cancel_requested: bool
    created_at: datetime
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    events: str = Field(description="Where to follow it as server-sent events.")


class ArtifactOut(BaseModel):
    """A file that a job made; `address` leads to it. `size` is in bytes."""

    name: str
    content_type: str
    size: int
    address: str


class JobDetails(JobOut):
    """A job with what it has made so far."""

    artifacts: list[ArtifactOut]


class JobList(BaseModel):
    """Jobs, the newest first; `next` continues the list as `before`."""

    jobs: list[JobOut]
    next: UUID | None


@router.post(
    "/jobs",
    status_code=201,
    responses={
        200: {"model": JobOut, "description": "This key has named this job since it was first sent."},
        409: {"description": "The key was used for something else."},
        429: {"description": "As many of your jobs as may be are under way."},
    },
)
async def create_job(
    actor: CurrentActor,
    request: JobRequest,
    response: Response,
    idempotency_key: Annotated[str | None, Header(description="Names this job among yours for 30 days.")] = None,
) -> JobOut:
    """Ask for a job. It acts as you, with the rights you have when it runs."""
    section = await open_section(actor, request.section) if request.section is not None else None
    asked = await jobs.request_job(
        actor,
        request.kind,
        request.payload,
        section_id=section.id if section else None,
        idempotency_key=idempotency_key,
    )
    response.status_code = 201 if asked.is_new else 200
    return JobOut(**_fields(asked.job))


@router.get("/jobs")
async def list_jobs(
    actor: CurrentActor,
    status: JobStatus | None = None,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    before: Annotated[UUID | None, Query(description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 50,
    everybody: Annotated[bool, Query(description="Everybody's, for administrators.")] = False,
) -> JobList:
    """Your jobs, the newest first."""
    page = await jobs.list_jobs(actor, everybody=everybody, status=status, kind=kind, before=before, limit=limit)
    return JobList(jobs=[JobOut(**_fields(job)) for job in page.jobs], next=page.next_before)


@router.get("/jobs/{job_id}", responses=REFUSED)
async def read_job(actor: CurrentActor, job_id: UUID) -> JobDetails:
    """One of your jobs."""
    job = await jobs.read_job(actor, job_id)
    made = [
        ArtifactOut(
            name=each.name,
            content_type=each.content_type,
            size=each.size,
            address=f"/api/v1/jobs/{job_id}/artifacts/{quote(each.name, safe='')}",
        )
        for each in await jobs.list_artifacts(actor, job_id)
    ]
    return JobDetails(**_fields(job), artifacts=made)


@router.post("/jobs/{job_id}/cancel", responses=REFUSED | {409: {"description": "It has already ended."}})
async def cancel_job(actor: CurrentActor, job_id: UUID) -> JobOut:
    """Cancel a queued job at once; ask a running one to stop."""
    return JobOut(**_fields(await jobs.cancel_job(actor, job_id)))


@router.post("/jobs/{job_id}/retry", responses=REFUSED | {409: {"description": "It hasn't failed."}})
async def retry_job(actor: CurrentActor, job_id: UUID) -> JobOut:
    """Have a failed or dead job done again, with all its attempts."""
    return JobOut(**_fields(await jobs.retry_job(actor, job_id)))


@router.get(
    "/jobs/{job_id}/artifacts/{name}",
    response_class=RedirectResponse,
    status_code=307,
    responses=REFUSED | {307: {"description": "To a signed address in the storage, good for five minutes."}},
)
async def download_artifact(actor: CurrentActor, job_id: UUID, name: str) -> RedirectResponse:
    """Download a file that a job made."""
    return RedirectResponse(await jobs.address_of(actor, job_id, name))


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=STREAMED | REFUSED)
async def job_events(
    actor: CurrentActor,
    job_id: UUID,
    last_event_id: Annotated[str, Header(max_length=40)] = "",
    after: Annotated[int, Query(ge=0, description="Sequence of the last log line that the reader has.")] = 0,
) -> Response:
    """The job as it goes on: `snapshot` first, `log`, `progress`, `status`; a final `status` last."""
    return event_stream(await jobs.follow_job(actor, job_id, get_runner().hub, last_id=last_event_id, after=after))


def _fields(job: JobView) -> Mapping[str, Any]:
    kind = jobs.known_kinds().get(job.kind)
    shown = kind is not None and kind.requestable
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "section_id": job.section_id,
        "payload": job.payload if shown else None,
        "result": job.result if shown else None,
        "progress": job.progress,
        "note": job.progress_note,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "error": job.error_message,
        "cancel_requested": job.cancel_requested,
        "created_at": job.created_at,
        "run_at": job.run_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "events": f"/api/v1/jobs/{job.id}/events",
    }
