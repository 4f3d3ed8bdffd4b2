"""A person's conversations: list, open, rename, delete, rate."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, require
from backend.core.database import transaction
from backend.core.errors import Invalid, NotFound
from backend.core.paging import parse_cursor
from backend.dialogue import queries
from backend.dialogue.models import Conversation, Message, MessageRole, Turn
from backend.dialogue.schemas import ConversationCard, ConversationView, MessageView, StartedTurn
from backend.genai import Feature

PAGE = 30
"""Conversations in one page of the list."""
THREAD_PAGE = 60
"""Messages shown at first; earlier ones come on request."""
TITLE_LENGTH = 80
DOORS = {Feature.STUDENT_DIALOGUE: Action.TUTOR_ASK, Feature.INSTRUCTOR_DASHBOARD: Action.INSIGHTS_ASK}
"""Features that are talked with, and what a person must be allowed in a section to do so."""
REASON_LENGTH = 500


async def list_conversations(
    actor: Actor,
    section_id: UUID,
    *,
    feature: Feature = Feature.STUDENT_DIALOGUE,
    search: str = "",
    after: str = "",
) -> list[ConversationCard]:
    """One page of the actor's conversations in a section, the latest first, after the card with cursor `after`."""
    require(actor, DOORS[feature], Scope(section_id=section_id))
    async with transaction() as session:
        found = await queries.history(
            session, actor, section_id, feature, search=clean(search)[:200], before=parse_cursor(after), limit=PAGE
        )
    return [_card(each) for each in found]


async def recent_conversations(actor: Actor, limit: int = 5) -> list[tuple[ConversationCard, UUID]]:
    """The actor's latest conversations with the tutor of any section, each with the section's id."""
    require(actor, Action.SECTION_LIST)
    async with transaction() as session:
        found = await queries.recent(session, actor, Feature.STUDENT_DIALOGUE, limit)
    return [(_card(each), each.section_id) for each in found]


async def latest_conversation(actor: Actor, section_id: UUID, lesson_key: UUID) -> UUID | None:
    """The actor's latest conversation beside a lesson, to go on with."""
    require(actor, Action.TUTOR_ASK, Scope(section_id=section_id))
    async with transaction() as session:
        return await queries.latest_conversation(session, actor, section_id, lesson_key)


async def open_conversation(
    actor: Actor, conversation_id: UUID, *, before: UUID | None = None, limit: int = THREAD_PAGE
) -> ConversationView:
    """A conversation with the last `limit` of its messages (those before `before`). Raises `NotFound`."""
    async with transaction() as session:
        conversation = await owned(session, actor, conversation_id, Action.CONVERSATION_READ)
        messages = await queries.thread(session, conversation.id, before=before, limit=limit + 1)
        turn = await queries.active_turn(session, conversation.id)
    return ConversationView(
        id=conversation.id,
        feature=conversation.feature,
        title=conversation.title,
        section_id=conversation.section_id,
        lesson_key=conversation.lesson_key,
        messages=tuple(_view(each) for each in messages[-limit:]),
        has_earlier=len(messages) > limit,
        turn=started(turn) if turn else None,
    )


async def rename_conversation(actor: Actor, conversation_id: UUID, title: str) -> None:
    """Give a conversation another title. Raises `Invalid` when it is empty."""
    title = clean(title).strip()[:TITLE_LENGTH]
    if not title:
        raise Invalid("Give the conversation a title.")
    async with transaction() as session:
        await owned(session, actor, conversation_id, Action.CONVERSATION_CHANGE)
        await queries.rename(session, conversation_id, title)


async def rate_message(actor: Actor, message_id: UUID, rating: int, reason: str = "") -> None:
    """Say whether an answer helped: 1, -1, or 0 to take it back; `reason` in at most 500 characters."""
    if rating not in {-1, 0, 1}:
        raise Invalid("A rating is 1, 0 or -1.")
    async with transaction() as session:
        message, _ = await owned_message(session, actor, message_id, Action.CONVERSATION_CHANGE)
        if message.role != MessageRole.ASSISTANT:
            raise Invalid("Only answers can be rated.")
        await queries.rate(session, message_id, int(rating) or None, clean(reason).strip()[:REASON_LENGTH])


async def owned(session: AsyncSession, actor: Actor, conversation_id: UUID, action: Action) -> Conversation:
    """One of the actor's conversations, when they may do `action` to it. Others' are not found."""
    conversation = await queries.conversation(session, actor, conversation_id)
    if conversation is None:
        require(actor, Action.SECTION_LIST)
        raise NotFound("There is no such conversation.")
    require(actor, action, queries.scope_of(conversation))
    return conversation


async def owned_message(
    session: AsyncSession, actor: Actor, message_id: UUID, action: Action
) -> tuple[Message, Conversation]:
    """A message of one of the actor's conversations, as `owned`."""
    found = await queries.message(session, actor, message_id)
    if found is None:
        require(actor, Action.SECTION_LIST)
        raise NotFound("There is no such message.")
    require(actor, action, queries.scope_of(found[1]))
    return found


def clean(text: str) -> str:
    """`text` as Postgres can keep it: without NUL, which no text column holds, and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def started(turn: Turn) -> StartedTurn:
    """A turn as its followers need it."""
    return StartedTurn(turn.id, turn.conversation_id, turn.prompt_id, turn.answer_id)


def _card(row: Conversation) -> ConversationCard:
    return ConversationCard(row.id, row.title, row.lesson_key, row.updated_at)


def _view(row: Message) -> MessageView:
    return MessageView(
        id=row.id,
        role=row.role,
        content=row.content,
        status=row.status,
        error=row.error,
        model=row.model or "",
        rating=row.rating or 0,
        reason=row.rating_reason,
        created_at=row.created_at,
    )
