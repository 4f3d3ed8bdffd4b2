"""Conversations as pages and the REST API see them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.core.paging import cursor_at


@dataclass(frozen=True, slots=True)
class StartedTurn:
    """A turn that has begun: follow it at `/api/v1/turns/{id}/events`."""

    id: UUID
    conversation_id: UUID
    prompt_id: UUID
    answer_id: UUID


@dataclass(frozen=True, slots=True)
class ConversationCard:
    """A conversation in the history list. `cursor` continues the list after it."""

    id: UUID
    title: str
    lesson_key: UUID | None
    updated_at: datetime

    @property
    def cursor(self) -> str:
        """Where the list goes on after this one."""
        return cursor_at(self.updated_at, self.id)


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as its reader sees it. `rating` is 1, -1, or 0 for none; `error` is a sentence for people."""

    id: UUID
    role: str
    content: str
    status: str
    error: str
    model: str
    rating: int
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation with its latest messages, oldest first, and the turn that is answering, if one is."""

    id: UUID
    feature: str
    title: str
    section_id: UUID
    lesson_key: UUID | None
    messages: tuple[MessageView, ...]
    has_earlier: bool
    turn: StartedTurn | None
