"""Following a job: its state and log as frames, from Postgres; the job's Redis stream only says when to look."""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.access import Actor
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.core.events import SNAPSHOT, EventHub, Frame
from backend.core.settings import get_settings
from backend.core.tasks import end_tasks
from backend.jobs.events import stream_name
from backend.jobs.models import JobStatus
from backend.jobs.reading import LINES, read_job, read_news
from backend.jobs.schemas import JobView, LogLine

EVENT_ID = re.compile(r"[0-9]{1,10}(-[0-9]{1,20})?")
POLL = 5.0
"""Seconds after which to look without a hint: any may be lost. While Redis is away the hub asks for a look a second."""
LONGEST = 600.0
"""Seconds of one connection. It breaks off then: the reader comes back, and must be signed in and allowed still."""
BREATH = 0.1
"""Seconds between looks: a job that says a thousand things a second costs its readers ten queries."""


async def follow_job(
    actor: Actor, job_id: UUID, hub: EventHub, *, last_id: str = "", after: int = 0
) -> AsyncGenerator[list[Frame], None] | None:
    """The job's state, then its log beyond what the reader has, then what happens, in batches, up to its end.

    `last_id` is the last frame's id that the reader has; without one, it has the log up to sequence `after`. None when
    it has the job's end. `hub` must be running. Raises `NotFound` for others' jobs and `Invalid` for a malformed id.
    """
    if last_id and not EVENT_ID.fullmatch(last_id):
        raise Invalid("Last-Event-ID isn't one of this stream's ids.")
    job = await read_job(actor, job_id)
    if JobStatus(job.status).final and last_id == _end_id(job):
        return None
    sequence = int(last_id.partition("-")[0]) if last_id else after
    return _follow(actor, job_id, hub, _Reader(sequence if 0 <= sequence <= job.last_log else 0))


class _Reader:
    """What a reader was told: the log up to `sequence`, and a state."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.behind = False
        """There is more of the log than was read at once."""
        self.ended = False
        self._state: dict[str, Any] | None = None

    def news(self, job: JobView, lines: Sequence[LogLine]) -> list[Frame]:
        """What to tell now, given the first `LINES` lines beyond `sequence`. A job's end comes after its whole log."""
        state, told = _state(job), self._state
        frames = [] if told else [Frame(SNAPSHOT, json.dumps(state), str(self.sequence))]
        for line in lines:
            self.sequence = line.sequence
            frames.append(Frame("log", json.dumps(_line(line)), str(line.sequence)))
        self.behind = len(lines) == LINES
        if JobStatus(job.status).final:
            self.ended = not self.behind
            frames += [Frame("status", json.dumps(state), _end_id(job))] if self.ended else []
        elif told and state != told:
            frames.append(self._change(state, told))
        self._state = state
        return frames

    def _change(self, state: dict[str, Any], told: dict[str, Any]) -> Frame:
        moved = {name: state[name] for name in ("progress", "note")}
        if state == told | moved:
            return Frame("progress", json.dumps(moved), str(self.sequence))
        return Frame("status", json.dumps(state), str(self.sequence))


async def _follow(actor: Actor, job_id: UUID, hub: EventHub, reader: _Reader) -> AsyncGenerator[list[Frame], None]:
    hint, begun = asyncio.Event(), time.monotonic()
    spoke = begun
    listening = asyncio.create_task(_listen(hub, stream_name(job_id), hint))
    comment = get_settings().sse_comment
    try:
        while not reader.ended and time.monotonic() - begun < LONGEST:
            hint.clear()
            frames = await _look(actor, job_id, reader)
            if frames is None:
                return
            if not frames and time.monotonic() - spoke >= comment:
                frames = [Frame()]
            if frames:
                spoke = time.monotonic()
                yield frames
            if reader.behind or reader.ended:
                continue
            await asyncio.sleep(BREATH)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(POLL, comment)):
                    await hint.wait()
    finally:
        await end_tasks([listening])


async def _look(actor: Actor, job_id: UUID, reader: _Reader) -> list[Frame] | None:
    """News from the row; none while Postgres is away, and None once the job was discarded."""
    try:
        return reader.news(*await read_news(actor, job_id, after=reader.sequence))
    except Unavailable:
        return []
    except NotFound:
        return None


async def _listen(hub: EventHub, stream: str, hint: asyncio.Event) -> None:
    async with aclosing(hub.follow(stream)) as batches:
        async for _ in batches:
            hint.set()


def _end_id(job: JobView) -> str:
    """Names this end of the job: after a retry it ends at another moment."""
    finished_at = job.finished_at or job.updated_at
    return f"{job.last_log}-{int(finished_at.timestamp() * 1_000_000)}"


def _state(job: JobView) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "kind": job.kind,
        "status": job.status,
        "progress": job.progress,
        "note": job.progress_note,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "cancel_requested": job.cancel_requested,
        "error": job.error_message,
        "run_at": _iso(job.run_at),
        "started_at": _iso(job.started_at),
        "finished_at": _iso(job.finished_at),
    }


def _line(line: LogLine) -> dict[str, Any]:
    return {
        "sequence": line.sequence,
        "at": _iso(line.at),
        "level": line.level,
        "message": line.message,
        "data": dict(line.data),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
