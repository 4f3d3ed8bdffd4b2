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
comment is sent every 15 s of silence. A stream without a final `status` broke off, and the reader reconnects.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from backend.api.event_streams import STREAMED, event_stream
from backend.api.identity import CurrentActor
from backend.dialogue import get_runner
from backend.jobs import follow_job

router = APIRouter(prefix="/v1", tags=["jobs"])


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=STREAMED)
async def job_events(
    actor: CurrentActor,
    job_id: UUID,
    last_event_id: Annotated[str, Header(max_length=40)] = "",
    after: Annotated[int, Query(ge=0, description="Sequence of the last log line that the reader has.")] = 0,
) -> Response:
    """The job as it goes on: `snapshot` first, `log`, `progress`, `status`; a final `status` last."""
    return event_stream(await follow_job(actor, job_id, get_runner().hub, last_id=last_event_id, after=after))
