"""What is kept of every run in the sandbox. A lower table: it refers to people and submissions by id only."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from backend.core.database import Table, moment, one_of
from backend.sandbox.schemas import Verdict


class SandboxRun(Table, table=True):
    """One submission's run: its container, its commands and how they went. Kept for `STOA_SANDBOX_DAYS`.

    Arguments, paths and names in it are a student's text: escape them wherever they are shown.
    """

    __tablename__ = "sandbox_runs"
    __table_args__ = (
        one_of("verdict", list(Verdict)),
        Index("ix_sandbox_runs_created_at", "created_at", "id"),
        Index("ix_sandbox_runs_owner", "owner"),
    )

    owner: str = Field(max_length=120)
    """Whose it was: `submission:<id>`."""
    person_id: UUID | None = None
    image: str = Field(max_length=120)
    """The image's digest."""
    runtime: str = Field(default="", max_length=40)
    """The engine's runtime; empty: its own."""
    containers: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    limits: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    commands: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    """Each with its arguments, moment, exit, verdict, use of resources, and what it executed and opened."""
    events: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    """What the engine noted: `create`, `start`, `oom`, `die`, `destroy`, each with its moment."""
    verdict: str | None = None
    """None: it ended well, and nobody judged its answer."""
    started_at: datetime = moment(nullable=False, default=...)
    ended_at: datetime = moment(nullable=False, default=...)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    max_rss_kb: int = 0
