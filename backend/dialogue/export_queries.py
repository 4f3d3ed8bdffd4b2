"""SQL of exports: a person's own conversations and what stands in them, page after page in the order of their ids."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor
from backend.courses.models import Section
from backend.dialogue.models import Conversation, Message


@dataclass(frozen=True, slots=True)
class Exported:
    """A conversation; `section` is its section's slug."""

    id: UUID
    title: str
    section: str
    lesson_key: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ExportedMessage:
    """A message that stands: neither edited away nor answered anew."""

    id: UUID
    role: str
    created_at: datetime
    status: str
    content: str
    error: str
    model: str | None
    rating: int | None
    rating_reason: str


async def count_conversations(session: AsyncSession, actor: Actor, section_id: UUID | None) -> int:
    """How many conversations the actor has, in a section or anywhere."""
    statement = select(func.count()).select_from(Conversation).where(*_own(actor, section_id))
    return (await session.exec(statement)).one()


async def conversations_after(
    session: AsyncSession, actor: Actor, section_id: UUID | None, last: UUID | None, limit: int
) -> list[Exported]:
    """The actor's conversations after the one with id `last`, in a section or anywhere."""
    statement = (
        select(Conversation, Section.slug)
        .join(Section, col(Section.id) == col(Conversation.section_id))
        .where(*_own(actor, section_id))
        .order_by(col(Conversation.id))
        .limit(limit)
    )
    if last is not None:
        statement = statement.where(col(Conversation.id) > last)
    return [
        Exported(row.id, row.title, slug, row.lesson_key, row.created_at, row.updated_at)
        for row, slug in (await session.exec(statement)).all()
    ]


async def messages_after(
    session: AsyncSession, actor: Actor, conversation_id: UUID, last: UUID | None, limit: int
) -> list[ExportedMessage]:
    """The standing messages of one of the actor's conversations after the one with id `last`."""
    statement = (
        select(Message)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .where(*_own(actor, None), col(Conversation.id) == conversation_id, col(Message.replaced_by).is_(None))
        .order_by(col(Message.id))
        .limit(limit)
    )
    if last is not None:
        statement = statement.where(col(Message.id) > last)
    names = ExportedMessage.__slots__
    rows = (await session.exec(statement)).all()
    return [ExportedMessage(**{name: getattr(row, name) for name in names}) for row in rows]


def _own(actor: Actor, section_id: UUID | None) -> list[Any]:
    own = [col(Conversation.person_id) == actor.person_id]
    return own if section_id is None else [*own, col(Conversation.section_id) == section_id]
