"""Enqueueing: a row in the caller's transaction, and after its commit a hint to the workers."""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import event
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, require
from backend.core.database import transaction
from backend.core.errors import Conflict, Invalid, TooMany
from backend.jobs import carrier, queries
from backend.jobs.kinds import Kind, awaited_kinds, kind_named, parse_payload
from backend.jobs.listing_queries import count_active
from backend.jobs.models import Job, Priority
from backend.jobs.schemas import JobView, job_view

KEY_DAYS = 30
"""Days for which an idempotency key names its job."""
KEY_MAX_LENGTH = 200
PAYLOAD_MAX_BYTES = 262_144
"""A payload says what to do; what it is done to lies in tables and object storage."""

MOST_ACTIVE = 20
"""Jobs that one person may have waiting and running: nobody fills the queue for all."""

WAITING = "jobs to push after the commit"
Pushed = tuple[UUID, str, str]
_pushing: set[asyncio.Task[bool]] = set()


@dataclass(frozen=True, slots=True)
class Requested:
    """A job that was asked for; not new when its idempotency key had been used for the same before."""

    job: JobView
    is_new: bool


async def enqueue(
    session: AsyncSession,
    actor: Actor,
    kind: str,
    payload: Mapping[str, Any] | BaseModel,
    *,
    section_id: UUID | None = None,
    priority: Priority = Priority.P2,
    idempotency_key: str | None = None,
    run_at: datetime | None = None,
) -> JobView:
    """Store a job in the caller's transaction; workers hear of it after the commit.

    It acts as `actor`. The same idempotency key of the same person and kind gives the job that exists, for 30 days,
    finished or not. Raises `Invalid` for an unknown kind or a payload that doesn't fit, naming the field; `Conflict`
    when the key was used with another payload; what `require` raises when the actor may not have this done.
    """
    return (
        await _enqueue(
            session,
            actor,
            kind_named(kind),
            payload,
            section_id=section_id,
            priority=priority,
            idempotency_key=idempotency_key,
            run_at=run_at,
        )
    ).job


async def request_job(
    actor: Actor,
    kind: str,
    payload: Mapping[str, Any] | BaseModel,
    *,
    section_id: UUID | None = None,
    idempotency_key: str | None = None,
) -> Requested:
    """`enqueue` for a person: only what people may ask for, in a transaction of its own.

    Raises `TooMany` as well, when as many of their jobs as may be are under way.
    """
    require(actor, Action.JOB_READ, Scope(owner_id=actor.person_id))
    known = kind_named(kind)
    if not known.requestable:
        raise Invalid("kind: this kind of job can't be asked for here.")
    async with transaction() as session:
        asked = await _enqueue(
            session, actor, known, payload, section_id=section_id, priority=Priority.P1, idempotency_key=idempotency_key
        )
        if asked.is_new and actor.person_id is not None:
            await _refuse_crowd(session, actor.person_id)
        return asked


async def _enqueue(
    session: AsyncSession,
    actor: Actor,
    known: Kind,
    payload: Mapping[str, Any] | BaseModel,
    *,
    section_id: UUID | None,
    priority: Priority,
    idempotency_key: str | None,
    run_at: datetime | None = None,
) -> Requested:
    require(actor, known.action, Scope(section_id=section_id, owner_id=actor.person_id))
    parsed = parse_payload(known, payload).model_dump(mode="json")
    _refuse_oversized(parsed, idempotency_key)
    values = {
        "kind": known.name,
        "lane": known.lane.value,
        "priority": Priority(priority).value,
        "payload": parsed,
        "max_attempts": known.max_attempts,
        "requested_by": actor.person_id,
        "section_id": section_id,
        "idempotency_key": idempotency_key,
    }
    job, is_new = await _store(session, values, run_at)
    push_after_commit(session, [(job.id, job.lane, job.priority)])
    return Requested(job_view(job), is_new)


async def _refuse_crowd(session: AsyncSession, person: UUID) -> None:
    if await count_active(session, person, awaited_kinds()) > MOST_ACTIVE:
        raise TooMany(f"You have {MOST_ACTIVE} jobs under way. Wait until one of them ends, or cancel one.")


def push_after_commit(session: AsyncSession, jobs: Collection[Pushed]) -> None:
    """Tell workers of (id, lane, priority) once the session has committed, of all of them in one round trip.

    If nobody can, the reconciler will.
    """
    waiting: list[Pushed] = session.sync_session.info.setdefault(WAITING, [])
    if not waiting:
        event.listen(session.sync_session, "after_commit", _push_waiting, once=True)
    waiting.extend(jobs)


async def pushes_done() -> None:
    """Wait for the hints on their way: before a short-lived process ends."""
    while _pushing:
        await asyncio.wait(_pushing)


def _push_waiting(session: Session) -> None:
    task = asyncio.get_running_loop().create_task(carrier.push(session.info.pop(WAITING, ())))
    _pushing.add(task)
    task.add_done_callback(_pushing.discard)


async def _store(session: AsyncSession, values: Mapping[str, Any], run_at: datetime | None) -> tuple[Job, bool]:
    """The new job, or the one that holds its key, and whether it is new. Raises `Conflict` if that is another's."""
    while True:
        if job := await queries.insert_job(session, values, run_at):
            return job, True
        held = await queries.job_by_key(session, values["requested_by"], values["kind"], values["idempotency_key"])
        if held is None or await queries.free_old_key(session, held.id, KEY_DAYS):
            continue
        if held.payload != values["payload"] or held.section_id != values["section_id"]:
            raise Conflict("idempotency_key: it was used for something else. Use a new key for a new job.")
        return held, False


def _refuse_oversized(payload: Mapping[str, Any], key: str | None) -> None:
    if len(json.dumps(payload)) > PAYLOAD_MAX_BYTES:
        raise Invalid(f"payload: it has more than {PAYLOAD_MAX_BYTES:,} bytes.")
    if key is not None and not 0 < len(key) <= KEY_MAX_LENGTH:
        raise Invalid(f"idempotency_key: it has 1 to {KEY_MAX_LENGTH} characters.")
