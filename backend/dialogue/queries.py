"""All SQL about conversations. Whose they are is part of each query that starts from an id."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, text, tuple_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor, Person, Scope, Visibility
from backend.core.clock import now
from backend.dialogue.models import Conversation, Message, MessageRole, PromptTemplate, Turn, TurnStatus

SAVE_TEXTS = text(
    "UPDATE messages SET content = grown.content, status = :status"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:texts AS text[])) AS grown (id, content) WHERE messages.id = grown.id"
)
ACTIVE_STATUSES = [status.value for status in TurnStatus if status.active]


def scope_of(conversation: Conversation) -> Scope:
    """A conversation is for its owner alone."""
    return Scope(conversation.section_id, conversation.person_id, Visibility.PRIVATE)


async def conversation(session: AsyncSession, actor: Actor, conversation_id: UUID) -> Conversation | None:
    """One of the actor's conversations."""
    return (
        await session.exec(
            select(Conversation).where(
                col(Conversation.id) == conversation_id, col(Conversation.person_id) == actor.person_id
            )
        )
    ).one_or_none()


async def history(
    session: AsyncSession,
    actor: Actor,
    section_id: UUID,
    feature: str,
    *,
    search: str = "",
    before: tuple[datetime, UUID] | None = None,
    limit: int = 30,
) -> Sequence[Conversation]:
    """The actor's conversations of a feature in a section, latest first; `search` looks in titles and messages."""
    statement = select(Conversation).where(
        col(Conversation.person_id) == actor.person_id,
        col(Conversation.section_id) == section_id,
        col(Conversation.feature) == feature,
    )
    if search:
        said = exists().where(
            col(Message.conversation_id) == col(Conversation.id),
            col(Message.replaced_by).is_(None),
            col(Message.content).icontains(search, autoescape=True),
        )
        statement = statement.where(or_(col(Conversation.title).icontains(search, autoescape=True), said))
    if before:
        statement = statement.where(tuple_(col(Conversation.updated_at), col(Conversation.id)) < before)
    order = col(Conversation.updated_at).desc(), col(Conversation.id).desc()
    return (await session.exec(statement.order_by(*order).limit(limit))).all()


async def latest_conversation(
    session: AsyncSession, actor: Actor, section_id: UUID, lesson_key: UUID | None
) -> UUID | None:
    """The actor's latest conversation beside a lesson."""
    return (
        await session.exec(
            select(Conversation.id)
            .where(
                col(Conversation.person_id) == actor.person_id,
                col(Conversation.section_id) == section_id,
                col(Conversation.lesson_key) == lesson_key,
            )
            .order_by(col(Conversation.updated_at).desc())
            .limit(1)
        )
    ).first()


async def recent(session: AsyncSession, actor: Actor, feature: str, limit: int) -> Sequence[Conversation]:
    """The actor's latest conversations of a feature, in any section."""
    return (
        await session.exec(
            select(Conversation)
            .where(col(Conversation.person_id) == actor.person_id, col(Conversation.feature) == feature)
            .order_by(col(Conversation.updated_at).desc())
            .limit(limit)
        )
    ).all()


async def thread(
    session: AsyncSession, conversation_id: UUID, *, before: UUID | None = None, limit: int | None = None
) -> Sequence[Message]:
    """The standing messages of a conversation, oldest first: the last `limit` of those before `before`."""
    statement = select(Message).where(
        col(Message.conversation_id) == conversation_id, col(Message.replaced_by).is_(None)
    )
    if before:
        statement = statement.where(col(Message.id) < before)
    found = (await session.exec(statement.order_by(col(Message.id).desc()).limit(limit))).all()
    return found[::-1]


async def message(session: AsyncSession, actor: Actor, message_id: UUID) -> tuple[Message, Conversation] | None:
    """A message of one of the actor's conversations, with it."""
    return (
        await session.exec(
            select(Message, Conversation)
            .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
            .where(col(Message.id) == message_id, col(Conversation.person_id) == actor.person_id)
        )
    ).first()


async def last_of_role(session: AsyncSession, conversation_id: UUID, role: MessageRole) -> Message | None:
    """The last standing message of a role."""
    return (
        await session.exec(
            select(Message)
            .where(
                col(Message.conversation_id) == conversation_id,
                col(Message.replaced_by).is_(None),
                col(Message.role) == role,
            )
            .order_by(col(Message.id).desc())
            .limit(1)
        )
    ).first()


async def replace(session: AsyncSession, messages: Sequence[Message], by: Message) -> None:
    """Mark messages as replaced; they stay in the database."""
    ids = [each.id for each in messages]
    await session.exec(update(Message).where(col(Message.id).in_(ids)).values(replaced_by=by.id))


async def active_turn(session: AsyncSession, conversation_id: UUID) -> Turn | None:
    """The turn that is answering in a conversation."""
    return (
        await session.exec(
            select(Turn).where(col(Turn.conversation_id) == conversation_id, col(Turn.status).in_(ACTIVE_STATUSES))
        )
    ).one_or_none()


async def turn(session: AsyncSession, turn_id: UUID) -> tuple[Turn, Message, Conversation] | None:
    """A turn with its answer and conversation, whoever asks."""
    return (
        await session.exec(
            select(Turn, Message, Conversation)
            .join(Message, col(Message.id) == col(Turn.answer_id))
            .join(Conversation, col(Conversation.id) == col(Turn.conversation_id))
            .where(col(Turn.id) == turn_id)
        )
    ).first()


async def heartbeat(
    session: AsyncSession, owner: str, turn_ids: Sequence[UUID], texts: Mapping[UUID, str]
) -> set[UUID]:
    """Show that `owner`'s turns live, and save their texts (by message); the turns that should go on.

    The others have ended, are no longer `owner`'s, or were asked to stop.
    """
    claimed = (
        await session.exec(
            update(Turn)
            .where(col(Turn.id).in_(turn_ids), col(Turn.owner) == owner, col(Turn.status).in_(ACTIVE_STATUSES))
            .values(heartbeat_at=now(), status=TurnStatus.STREAMING)
            .returning(col(Turn.id), col(Turn.answer_id), col(Turn.stop_requested_at))
        )
    ).all()
    saved = [answer_id for _, answer_id, _ in claimed if answer_id in texts]
    if saved:
        await session.execute(
            SAVE_TEXTS, {"ids": saved, "texts": [texts[each] for each in saved], "status": TurnStatus.STREAMING}
        )
    return {turn_id for turn_id, _, stop_requested_at in claimed if stop_requested_at is None}


async def finish_turn(
    session: AsyncSession, turn_id: UUID, answer_id: UUID, status: TurnStatus, values: dict[str, Any]
) -> bool:
    """End an active turn and store its answer; False when it had ended before."""
    moment = now()
    ended = (
        await session.exec(
            update(Turn)
            .where(col(Turn.id) == turn_id, col(Turn.status).in_(ACTIVE_STATUSES))
            .values(status=status, finished_at=moment)
            .returning(col(Turn.conversation_id))
        )
    ).scalar_one_or_none()
    if ended is None:
        return False
    await session.exec(update(Message).where(col(Message.id) == answer_id).values(status=status, **values))
    await session.exec(update(Conversation).where(col(Conversation.id) == ended).values(updated_at=moment))
    return True


async def request_stop(session: AsyncSession, turn_id: UUID) -> None:
    """Note that the person wants the turn to end."""
    await session.exec(
        update(Turn)
        .where(col(Turn.id) == turn_id, col(Turn.status).in_(ACTIVE_STATUSES))
        .values(stop_requested_at=func.coalesce(col(Turn.stop_requested_at), now()))
    )


async def silent_turns(session: AsyncSession, since: datetime) -> Sequence[tuple[Turn, Message]]:
    """Active turns that haven't shown life since a moment, with their answers."""
    return (
        await session.exec(
            select(Turn, Message)
            .join(Message, col(Message.id) == col(Turn.answer_id))
            .where(col(Turn.status).in_(ACTIVE_STATUSES), col(Turn.heartbeat_at) < since)
        )
    ).all()


async def rename(session: AsyncSession, conversation_id: UUID, title: str) -> None:
    """Give a conversation another title."""
    await session.exec(update(Conversation).where(col(Conversation.id) == conversation_id).values(title=title))


async def delete_conversation(session: AsyncSession, conversation_id: UUID) -> None:
    """Delete a conversation with its messages and turns."""
    await session.exec(delete(Conversation).where(col(Conversation.id) == conversation_id))


async def rate(session: AsyncSession, message_id: UUID, rating: int | None, reason: str) -> None:
    """Store what the reader thinks of an answer."""
    await session.exec(update(Message).where(col(Message.id) == message_id).values(rating=rating, rating_reason=reason))


async def prompt_template(session: AsyncSession, section_id: UUID, number: int | None = None) -> PromptTemplate | None:
    """A version of a section's prompt: the one in use, or that with a number."""
    statement = select(PromptTemplate).where(col(PromptTemplate.section_id) == section_id)
    if number is not None:
        statement = statement.where(col(PromptTemplate.number) == number)
    return (await session.exec(statement.order_by(col(PromptTemplate.number).desc()).limit(1))).first()


async def prompt_versions(session: AsyncSession, section_id: UUID) -> Sequence[tuple[PromptTemplate, str | None]]:
    """Every version of a section's prompt with the name of who saved it, the latest first."""
    return (
        await session.exec(
            select(PromptTemplate, Person.name)
            .outerjoin(Person, col(Person.id) == col(PromptTemplate.saved_by))
            .where(col(PromptTemplate.section_id) == section_id)
            .order_by(col(PromptTemplate.number).desc())
        )
    ).all()
