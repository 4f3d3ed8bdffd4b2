"""Beginning a turn: ask, edit, regenerate; and ending one: stop, delete."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, Scope, require
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.core.settings import get_settings
from backend.courses import open_lesson_by_key, open_section_by_id
from backend.dialogue import queries
from backend.dialogue.conversations import DOORS, TITLE_LENGTH, owned, owned_message, started
from backend.dialogue.models import Conversation, Message, MessageRole, Turn, TurnStatus
from backend.dialogue.schemas import StartedTurn
from backend.dialogue.turns import get_runner
from backend.genai import Feature, Limits, count_message, refuse_over_limits

TUTOR_OFF = "The tutor is switched off in this section."
STILL_ANSWERING = "The tutor is still answering. Wait for it, or stop it first."
READABLE_SHARE = 0.9
"""Less than this share of printable characters is no text anybody typed."""


async def ask(
    actor: Actor,
    section_id: UUID,
    text: str,
    *,
    feature: Feature = Feature.STUDENT_DIALOGUE,
    conversation_id: UUID | None = None,
    lesson_key: UUID | None = None,
) -> StartedTurn:
    """Ask the tutor, or what else `feature` is, in a conversation of the actor's or a new one, perhaps beside a lesson.

    Returns as soon as the question is stored; the answer comes over the turn's events. Raises `Invalid` for what
    isn't a message, `Conflict` while the tutor still answers, `Forbidden` where the tutor is off, and `TooMany` when
    the section's limits are reached. What is refused isn't stored, nor counted as a message.
    """
    text = checked_prompt(text)
    require(actor, DOORS[feature], Scope(section_id=section_id))
    if conversation_id is None:
        conversation = _new_conversation(actor, feature, section_id, lesson_key, text)
    else:
        async with transaction() as session:
            conversation = await owned(session, actor, conversation_id, Action.CONVERSATION_CONTINUE)
        if (conversation.section_id, conversation.feature) != (section_id, feature):
            raise NotFound("There is no such conversation in this section.")
    limits = await _admit(actor, conversation)
    async with transaction() as session:
        if conversation_id is None:
            session.add(conversation)
            await session.flush()
        prompt = Message(conversation_id=conversation.id, role=MessageRole.USER, content=text)
        session.add(prompt)
        turn = await _begin(session, conversation.id, prompt)
        await count_message(actor, limits)
    return _launch(turn)


async def edit(actor: Actor, message_id: UUID, text: str) -> StartedTurn:
    """Put the actor's last message differently: it and its answer are replaced, and a new answer begins."""
    text = checked_prompt(text)
    limits = await _admit_again(actor, message_id, MessageRole.USER)
    async with transaction() as session:
        old, conversation = await _last(session, actor, message_id, MessageRole.USER)
        standing = await queries.thread(session, conversation.id)
        prompt = Message(conversation_id=conversation.id, role=MessageRole.USER, content=text)
        session.add(prompt)
        await session.flush()
        await queries.replace(session, [message for message in standing if message.id >= old.id], prompt)
        turn = await _begin(session, conversation.id, prompt)
        await count_message(actor, limits)
    return _launch(turn)


async def regenerate(actor: Actor, message_id: UUID) -> StartedTurn:
    """Answer the last question anew: the old answer is replaced."""
    limits = await _admit_again(actor, message_id, MessageRole.ASSISTANT)
    async with transaction() as session:
        old, conversation = await _last(session, actor, message_id, MessageRole.ASSISTANT)
        prompt = await queries.last_of_role(session, conversation.id, MessageRole.USER)
        assert prompt is not None
        turn = await _begin(session, conversation.id, prompt, replacing=old)
        await count_message(actor, limits)
    return _launch(turn)


async def stop(actor: Actor, turn_id: UUID) -> None:
    """End a turn of the actor's; what came so far is kept. Nothing happens when it had ended."""
    async with transaction() as session:
        await _owned_turn(session, actor, turn_id, Action.CONVERSATION_CHANGE)
        await queries.request_stop(session, turn_id)
    await get_runner().stop(turn_id)


async def delete_conversation(actor: Actor, conversation_id: UUID) -> None:
    """Delete a conversation for good; a turn that is answering in it stops."""
    async with transaction() as session:
        await owned(session, actor, conversation_id, Action.CONVERSATION_CHANGE)
        turn = await queries.active_turn(session, conversation_id)
        await queries.delete_conversation(session, conversation_id)
    if turn is not None:
        await get_runner().stop(turn.id)


async def readable_turn(actor: Actor, turn_id: UUID) -> tuple[Turn, Message]:
    """A turn of the actor's and its answer, to follow. Raises `NotFound` for others'."""
    async with transaction() as session:
        turn, answer, _ = await _owned_turn(session, actor, turn_id, Action.CONVERSATION_READ)
    return turn, answer


def checked_prompt(text: str) -> str:
    """`text` as a message. Raises `Invalid`, saying why, for nothing, too much, or what isn't text."""
    limit = get_settings().prompt_max_chars
    text = text.strip()
    if not text:
        raise Invalid("Write a message first.")
    if len(text) > limit:
        raise Invalid(f"That message is too long: {len(text):,} characters, at most {limit:,} are possible.")
    readable = sum(char.isprintable() or char.isspace() for char in text)
    if "\0" in text or readable < READABLE_SHARE * len(text):
        raise Invalid("That doesn't look like text. Paste what you want to ask as plain text.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Invalid("That contains characters that aren't valid text.") from None
    return text


async def _admit_again(actor: Actor, message_id: UUID, role: MessageRole) -> Limits:
    """In a transaction of its own, before the one that changes: two at once would need two connections each."""
    async with transaction() as session:
        _, conversation = await _last(session, actor, message_id, role)
    return await _admit(actor, conversation)


async def _admit(actor: Actor, conversation: Conversation) -> Limits:
    """The limits that the message counts against, if one may talk there and none of them is reached."""
    require(actor, DOORS[Feature(conversation.feature)], Scope(section_id=conversation.section_id))
    if conversation.feature == Feature.STUDENT_DIALOGUE:
        await _refuse_where_the_tutor_is_off(actor, conversation.section_id, conversation.lesson_key)
    return await refuse_over_limits(actor, conversation.section_id)


async def _refuse_where_the_tutor_is_off(actor: Actor, section_id: UUID, lesson_key: UUID | None) -> None:
    section = await open_section_by_id(actor, section_id)
    if not section.assistant_enabled:
        raise Forbidden(TUTOR_OFF)
    if lesson_key is not None:
        lesson = await open_lesson_by_key(actor, section_id, lesson_key)
        if lesson.tutor_off:
            raise Forbidden(lesson.tutor_off)


def _new_conversation(
    actor: Actor, feature: Feature, section_id: UUID, lesson_key: UUID | None, text: str
) -> Conversation:
    assert actor.person_id is not None
    return Conversation(
        feature=feature,
        section_id=section_id,
        person_id=actor.person_id,
        lesson_key=lesson_key,
        title=headline(text),
        updated_at=now(),
    )


def headline(text: str) -> str:
    """The beginning of `text` as a title, cut between words where there are any."""
    line = " ".join(text.split())
    if len(line) <= TITLE_LENGTH:
        return line
    space = line.rfind(" ", TITLE_LENGTH // 2, TITLE_LENGTH)
    return line[: space if space > 0 else TITLE_LENGTH - 1] + "…"


async def _begin(
    session: AsyncSession, conversation_id: UUID, prompt: Message, replacing: Message | None = None
) -> Turn:
    answer = Message(
        id=new_id(), conversation_id=conversation_id, role=MessageRole.ASSISTANT, content="", status=TurnStatus.QUEUED
    )
    session.add(answer)
    try:
        await session.flush()
    except IntegrityError as error:
        raise NotFound("There is no such conversation.") from error  # deleted in the meantime
    if replacing is not None:
        await queries.replace(session, [replacing], answer)
    turn = Turn(
        conversation_id=conversation_id,
        prompt_id=prompt.id,
        answer_id=answer.id,
        owner=get_runner().owner,
        heartbeat_at=now(),
    )
    session.add(turn)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict(STILL_ANSWERING) from error
    return turn


def _launch(turn: Turn) -> StartedTurn:
    get_runner().launch(turn.id, turn.answer_id)
    return started(turn)


async def _last(
    session: AsyncSession, actor: Actor, message_id: UUID, role: MessageRole
) -> tuple[Message, Conversation]:
    message, conversation = await owned_message(session, actor, message_id, Action.CONVERSATION_CONTINUE)
    last = await queries.last_of_role(session, conversation.id, role)
    if last is None or last.id != message.id:
        raise Conflict("Only the last message can be changed.")
    return message, conversation


async def _owned_turn(
    session: AsyncSession, actor: Actor, turn_id: UUID, action: Action
) -> tuple[Turn, Message, Conversation]:
    found = await queries.turn(session, turn_id)
    if found is None or found[2].person_id != actor.person_id:
        require(actor, Action.SECTION_LIST)
        raise NotFound("There is no such answer.")
    require(actor, action, queries.scope_of(found[2]))
    return found
