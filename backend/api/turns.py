"""Turns over HTTP: ask, stop, and follow the answer as server-sent events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from backend.api.event_streams import STREAMED, event_stream
from backend.api.identity import CurrentActor
from backend.courses import open_lesson, open_section
from backend.dialogue import ask, follow_turn, open_conversation, stop

router = APIRouter(prefix="/v1", tags=["tutor"])


class Question(BaseModel):
    """A message to the tutor: a new conversation, or one to go on with; perhaps beside a lesson."""

    section: str = Field(description="The section's slug.", max_length=80)
    text: str = Field(max_length=200_000)
    conversation: UUID | None = None
    lesson: str | None = Field(default=None, description="The lesson's slug, for a new conversation.", max_length=80)


class TurnOut(BaseModel):
    """A turn that has begun; follow it at `events`."""

    id: UUID
    conversation: UUID
    answer: UUID
    events: str


class MessageOut(BaseModel):
    """A message of a conversation."""

    id: UUID
    role: str
    content: str
    status: str
    error: str
    model: str
    rating: int


class ConversationOut(BaseModel):
    """A conversation and its latest messages, oldest first."""

    id: UUID
    title: str
    messages: list[MessageOut]
    has_earlier: bool


@router.post("/turns", status_code=202)
async def create_turn(actor: CurrentActor, question: Question) -> TurnOut:
    """Ask the tutor."""
    section = await open_section(actor, question.section)
    lesson = await open_lesson(actor, question.section, question.lesson) if question.lesson else None
    turn = await ask(
        actor,
        section.id,
        question.text,
        conversation_id=question.conversation,
        lesson_key=lesson.key if lesson else None,
    )
    return TurnOut(
        id=turn.id,
        conversation=turn.conversation_id,
        answer=turn.answer_id,
        events=f"/api/v1/turns/{turn.id}/events",
    )


@router.post("/turns/{turn_id}/stop", status_code=202)
async def stop_turn(actor: CurrentActor, turn_id: UUID) -> dict[str, str]:
    """Stop a turn; what came so far is kept."""
    await stop(actor, turn_id)
    return {"status": "stopping"}


@router.get("/turns/{turn_id}/events", response_class=StreamingResponse, responses=STREAMED)
async def turn_events(
    actor: CurrentActor, turn_id: UUID, last_event_id: Annotated[str, Header(max_length=40)] = ""
) -> Response:
    """The answer as it grows: `routed`, `text`, `restarted`, `snapshot`, and `end` or `error` last."""
    return event_stream(await follow_turn(actor, turn_id, last_event_id))


@router.get("/conversations/{conversation_id}")
async def read_conversation(actor: CurrentActor, conversation_id: UUID, before: UUID | None = None) -> ConversationOut:
    """One of your conversations."""
    view = await open_conversation(actor, conversation_id, before=before)
    return ConversationOut(
        id=view.id,
        title=view.title,
        has_earlier=view.has_earlier,
        messages=[MessageOut.model_validate(message, from_attributes=True) for message in view.messages],
    )
