"""People, what they are in which section, their sessions, and the record of who changed what."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from backend.core.database import Table, moment, one_of


class Role(StrEnum):
    """What a person is in one section."""

    STUDENT = "student"
    ASSISTANT = "assistant"
    """Reads and grades; changes no settings."""
    INSTRUCTOR = "instructor"


class Theme(StrEnum):
    """How a person wants the pages to look."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Person(Table, table=True):
    """Somebody with a sign-in. E-mail addresses are unique whatever their case."""

    __tablename__ = "people"

    email: str = Field(max_length=254)
    name: str = Field(max_length=120)
    password_hash: str
    is_administrator: bool = False
    theme: str = Theme.SYSTEM
    disabled_at: datetime | None = moment()


Person.__table__.append_constraint(one_of("theme", list(Theme)))  # type: ignore[attr-defined]
Index("uq_people_email_lower", func.lower(Person.__table__.c.email), unique=True)  # type: ignore[attr-defined]


class Membership(Table, table=True):
    """`person` is `role` in a section. The section stands above this floor: an id without a foreign key."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("section_id", "person_id"),
        one_of("role", list(Role)),
    )

    person_id: UUID = Field(foreign_key="people.id", ondelete="CASCADE", index=True)
    section_id: UUID
    role: str


class Session(Table, table=True):
    """One signed-in browser. Only the hash of its token is kept, so a leaked table opens no session."""

    __tablename__ = "sessions"

    person_id: UUID = Field(foreign_key="people.id", ondelete="CASCADE", index=True)
    token_hash: bytes = Field(unique=True)
    seen_at: datetime = moment(nullable=False, default=...)
    expires_at: datetime = moment(nullable=False, default=...)
    user_agent: str = Field(default="", max_length=300)
    address: str = Field(default="", max_length=64)


class AuditEntry(Table, table=True):
    """Who changed what, before and after; secrets only as changed or not."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_created_at", "created_at"),)

    actor_id: UUID | None = Field(default=None, index=True)
    action: str
    subject: str
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
