"""Conversations with the tutor, their messages, and the turns that produce answers."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Numeric, Text, UniqueConstraint, text
from sqlmodel import Field

from backend.core.database import Table, moment, one_of


class MessageRole(StrEnum):
    """Who wrote a message."""

    USER = "user"
    ASSISTANT = "assistant"


class TurnStatus(StrEnum):
    """queued → streaming → finished | stopped | interrupted | failed. Only the first two are active."""

    QUEUED = "queued"
    """Stored; no provider was asked yet."""
    STREAMING = "streaming"
    """A web process is producing the answer."""
    FINISHED = "finished"
    """The answer is whole."""
    STOPPED = "stopped"
    """The person stopped it; what came so far is kept."""
    INTERRUPTED = "interrupted"
    """The process that produced it died; what came so far is kept."""
    FAILED = "failed"
    """No answer; `error` says why in plain words."""

    @property
    def active(self) -> bool:
        """Whether the answer may still grow."""
        return self in {TurnStatus.QUEUED, TurnStatus.STREAMING}


ACTIVE = "status IN ('queued', 'streaming')"


class Conversation(Table, table=True):
    """One person's talk about one section's course, perhaps beside one lesson."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_history", "person_id", "section_id", "updated_at", "id"),
        Index("ix_conversations_section", "section_id", "created_at", "id"),
    )

    feature: str
    section_id: UUID = Field(foreign_key="sections.id", ondelete="CASCADE")
    person_id: UUID = Field(foreign_key="people.id", ondelete="CASCADE")
    lesson_key: UUID | None = None
    title: str = Field(max_length=120)
    updated_at: datetime = moment(nullable=False, default=...)


class Message(Table, table=True):
    """One message. Never changed once its turn ended; an edit or a regeneration is a new one that replaces it.

    Ids are time-ordered, so they order a conversation. Answers carry what it took to make them.
    """

    __tablename__ = "messages"
    __table_args__ = (
        one_of("role", list(MessageRole)),
        CheckConstraint("rating IN (-1, 1)", name="rating"),
        Index("ix_messages_thread", "conversation_id", "id", postgresql_where=text("replaced_by IS NULL")),
        Index("ix_messages_created_at", "created_at"),
        Index("ix_messages_complaints", "created_at", postgresql_where=text("rating = -1")),
    )

    conversation_id: UUID = Field(foreign_key="conversations.id", ondelete="CASCADE", index=True)
    role: str
    content: str = Field(sa_type=Text)
    replaced_by: UUID | None = Field(default=None, foreign_key="messages.id", ondelete="SET NULL")
    status: str = TurnStatus.FINISHED
    error: str = ""
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens_estimated: bool = False
    cost_usd: Decimal | None = Field(default=None, sa_column=Column(Numeric(14, 8)))
    first_token_ms: float | None = None
    duration_ms: float | None = None
    rating: int | None = None
    rating_reason: str = Field(default="", max_length=500)


Message.__table__.append_constraint(one_of("status", list(TurnStatus)))  # type: ignore[attr-defined]


class PromptTemplate(Table, table=True):
    """A version of what a section's tutor is told first. The highest number is in use; without any, the default."""

    __tablename__ = "prompt_templates"
    __table_args__ = (UniqueConstraint("section_id", "number"),)

    section_id: UUID = Field(foreign_key="sections.id", ondelete="CASCADE")
    number: int
    text: str | None = Field(default=None, sa_type=Text)
    """None: the default."""
    saved_by: UUID | None = Field(default=None, foreign_key="people.id", ondelete="SET NULL")


class Turn(Table, table=True):
    """One prompt being answered. At most one turn of a conversation is active: a partial unique index holds that."""

    __tablename__ = "turns"
    __table_args__ = (
        one_of("status", list(TurnStatus)),
        Index("uq_turns_active", "conversation_id", unique=True, postgresql_where=text(ACTIVE)),
        Index("ix_turns_heartbeat", "heartbeat_at", postgresql_where=text(ACTIVE)),
    )

    conversation_id: UUID = Field(foreign_key="conversations.id", ondelete="CASCADE", index=True)
    prompt_id: UUID = Field(foreign_key="messages.id", ondelete="CASCADE")
    answer_id: UUID = Field(foreign_key="messages.id", ondelete="CASCADE", index=True)
    status: str = TurnStatus.QUEUED
    owner: str
    """The web process that runs it."""
    heartbeat_at: datetime = moment(nullable=False, default=...)
    stop_requested_at: datetime | None = moment()
    finished_at: datetime | None = moment()
