"""Whole conversations, under pseudonyms until a name is revealed with a reason and on the record."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, AuditEntry, Scope, can, record, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Forbidden, Invalid, NotFound
from backend.core.paging import cursor_at
from backend.insights import text_queries as queries
from backend.insights.models import Reveal
from backend.insights.pseudonyms import ensure_pseudonyms, shown
from backend.insights.questions import PAGE, page_of
from backend.insights.schemas import (
    Filters,
    Line,
    Transcript,
    TranscriptCard,
    TranscriptPage,
    TranscriptSwitch,
)
from backend.insights.sections import Opened, opened, snapshot

REVEALED_FOR = timedelta(hours=24)
"""How long a name stays revealed to the person who gave the reason."""
REASON_MAX_LENGTH = 300
OFF = "This section shows no transcripts."
NO_NAMES = "This section doesn’t reveal names."


async def read_transcripts(
    actor: Actor, section_id: UUID, filters: Filters | None = None, *, pseudonym: str = "", after: str = ""
) -> TranscriptPage:
    """One page of the conversations begun in the period, the latest first; of one student with `pseudonym`."""
    here = await _enter(actor, section_id, filters)
    await ensure_pseudonyms(section_id)
    code = pseudonym.replace("\0", "").strip().upper().removeprefix("STUDENT").strip()[:8]
    async with snapshot() as session:
        rows = await queries.transcripts(session, page_of(here, after) | {"code": code})
    cards = tuple(_card(here, row) for row in rows[:PAGE])
    return TranscriptPage(here.head, cards, cards[-1].cursor if len(rows) > PAGE else "")


async def open_transcript(actor: Actor, section_id: UUID, conversation_id: UUID) -> Transcript:
    """A student's conversation in this section. Raises `NotFound`, and `Forbidden` where the section shows none."""
    here = await _enter(actor, section_id)
    await ensure_pseudonyms(section_id)
    async with snapshot() as session:
        return await _transcript(session, actor, here, await _found(session, section_id, conversation_id))


async def reveal_student(actor: Actor, section_id: UUID, conversation_id: UUID, reason: str) -> Transcript:
    """Learn who wrote a conversation, for a day; the reason stands in the audit log. Raises `Invalid` without one."""
    here = await _enter(actor, section_id)
    require(actor, Action.INSIGHTS_REVEAL, Scope(section_id=section_id))
    if here.head.transcripts is not TranscriptSwitch.REVEALABLE:
        raise Forbidden(NO_NAMES)
    reason = reason.replace("\0", "").encode("utf-8", "ignore").decode().strip()
    if not 0 < len(reason) <= REASON_MAX_LENGTH:
        raise Invalid(f"reason: say in at most {REASON_MAX_LENGTH} characters why you need to know.")
    assert actor.person_id is not None
    await ensure_pseudonyms(section_id)
    async with transaction() as session:
        row = await _found(session, section_id, conversation_id)
        session.add(Reveal(section_id=section_id, student_id=row.person_id, revealed_to=actor.person_id, reason=reason))
        record(
            session,
            AuditEntry(
                actor_id=actor.person_id,
                action="transcript.revealed",
                subject=f"{shown(row.code)} in {here.head.slug}",
                after={"reason": reason, "student": row.name, "conversation": str(conversation_id)},
            ),
        )
        await session.flush()
        return await _transcript(session, actor, here, row)


async def _enter(actor: Actor, section_id: UUID, filters: Filters | None = None) -> Opened:
    async with snapshot() as session:
        here = await opened(session, actor, section_id, filters, Action.INSIGHTS_STUDENTS)
    if here.head.transcripts is TranscriptSwitch.OFF:
        raise Forbidden(OFF)
    return here


async def _found(session: AsyncSession, section_id: UUID, conversation_id: UUID) -> Any:
    row = await queries.conversation(session, section_id, conversation_id)
    if row is None:
        raise NotFound("There is no such conversation in this section.")
    return row


async def _transcript(session: AsyncSession, actor: Actor, here: Opened, row: Any) -> Transcript:
    may = here.head.transcripts is TranscriptSwitch.REVEALABLE and can(
        actor, Action.INSIGHTS_REVEAL, Scope(section_id=here.head.id)
    )
    since = now() - REVEALED_FOR
    reveal = (
        await queries.standing_reveal(session, here.head.id, row.person_id, actor.person_id, since) if may else None
    )
    return Transcript(
        conversation_id=row.id,
        pseudonym=shown(row.code),
        lesson_title=here.lesson_title(row.lesson_key),
        lines=tuple(_line(each) for each in await queries.lines(session, row.id)),
        may_reveal=may,
        name=row.name if reveal else "",
        email=row.email if reveal else "",
        revealed_until=reveal.created_at + REVEALED_FOR if reveal else None,
    )


def _line(row: Any) -> Line:
    return Line(row.id, row.role, row.content, row.status, row.rating or 0, row.rating_reason, row.created_at)


def _card(here: Opened, row: Any) -> TranscriptCard:
    return TranscriptCard(
        conversation_id=row.id,
        pseudonym=shown(row.code),
        lesson_key=row.lesson_key,
        lesson_title=here.lesson_title(row.lesson_key),
        begun_at=row.created_at,
        questions=row.questions,
        thumbs_down=row.thumbs_down,
        cursor=cursor_at(row.created_at, row.id),
    )
