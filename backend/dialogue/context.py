"""What a model is shown to answer a turn: the system prompt, and as much of the conversation as fits."""

from collections.abc import Sequence
from uuid import UUID

from backend.access import SYSTEM
from backend.core.database import transaction
from backend.core.errors import NotFound
from backend.core.settings import get_settings
from backend.courses import open_lesson_by_key, open_section_by_id
from backend.dialogue import queries
from backend.dialogue.models import Conversation, Message, MessageRole
from backend.dialogue.prompts import dashboard_prompt, lesson_limit, system_prompt
from backend.genai import (
    AssistantMessage,
    CompletionRequest,
    Feature,
    Prompt,
    SystemMessage,
    UserMessage,
    context_window,
)


async def load_context(turn_id: UUID) -> CompletionRequest:
    """What a turn asks its model. Raises `NotFound` when it was deleted."""
    async with transaction() as session:
        if (found := await queries.turn(session, turn_id)) is None:
            raise NotFound
        turn, answer, conversation = found
        earlier = await queries.thread(session, conversation.id, before=answer.id)
    upto = [message for message in earlier if message.id <= turn.prompt_id]
    messages = recent_messages(upto, get_settings().history_context_chars)
    return CompletionRequest(
        feature=Feature(conversation.feature),
        section_id=conversation.section_id,
        person_id=conversation.person_id,
        conversation_id=conversation.id,
        prompt=Prompt(messages=(SystemMessage(await _system(conversation)), *messages)),
    )


async def _system(conversation: Conversation) -> str:
    if conversation.feature == Feature.INSTRUCTOR_DASHBOARD:
        section = await open_section_by_id(SYSTEM, conversation.section_id)
        return dashboard_prompt(course=section.course_title, section=section.title)
    return await _tutors(conversation)


async def _tutors(conversation: Conversation) -> str:
    limit = lesson_limit(get_settings().lesson_context_chars, await context_window(conversation.section_id))
    section = await open_section_by_id(SYSTEM, conversation.section_id)
    async with transaction() as session:
        template = await queries.prompt_template(session, section.id)
    title, text = "", ""
    if conversation.lesson_key is not None:
        try:
            lesson = await open_lesson_by_key(SYSTEM, conversation.section_id, conversation.lesson_key)
            title, text = lesson.title, lesson.text
        except NotFound:
            pass  # the section moved to a version without this lesson; the talk goes on without its text
    return system_prompt(
        template.text if template else None,
        course=section.course_title,
        section=section.title,
        lesson=title,
        lesson_text=text,
        limit=limit,
    )


def recent_messages(messages: Sequence[Message], limit: int) -> list[UserMessage | AssistantMessage]:
    """The last messages within `limit` characters, the very last always, beginning with one of the student's."""
    kept: list[UserMessage | AssistantMessage] = []
    used = 0
    for message in reversed(messages):
        used += len(message.content)
        if kept and used > limit:
            break
        if message.content:
            kept.append(_as_prompt(message))
    while len(kept) > 1 and isinstance(kept[-1], AssistantMessage):
        kept.pop()
    return kept[::-1]


def _as_prompt(message: Message) -> UserMessage | AssistantMessage:
    return (UserMessage if message.role == MessageRole.USER else AssistantMessage)(message.content)
