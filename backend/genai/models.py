"""Which models exist, how they form chains, which chain serves which feature, and the ledger of every attempt."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from backend.core.database import Table, Versioned, one_of
from backend.genai.schemas import Feature, ModelKind, ProviderName


class ChainRole(StrEnum):
    """What a model is for in a chain. Positions follow this order."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    """Takes the overflow when the primary is full or failing."""
    FALLBACK = "fallback"
    BACKUP = "backup"
    """The last resort."""


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


def _positive(*columns: str) -> tuple[CheckConstraint, ...]:
    return tuple(CheckConstraint(f"{column} > 0", name=column) for column in columns)


def _rate(*columns: str) -> tuple[CheckConstraint, ...]:
    return tuple(CheckConstraint(f"{column} BETWEEN 0 AND 1", name=column) for column in columns)


class RegisteredModel(Versioned, table=True):
    """One callable model of one provider. Times in seconds, prices in USD per million tokens."""

    __tablename__ = "registered_models"
    __table_args__ = (
        one_of("provider", list(ProviderName)),
        one_of("kind", list(ModelKind)),
        CheckConstraint("url_template IS NULL OR url_template ~ '^https?://'", name="url_template"),
        CheckConstraint("api_key IS NULL OR api_key_env IS NULL", name="one_key"),
        CheckConstraint("(kind = 'embedding') = (dimensions IS NOT NULL)", name="dimensions"),
        *_positive(
            "connect_timeout", "first_token_timeout", "stall_timeout", "total_timeout", "max_concurrent",
            "requests_per_minute", "tokens_per_minute", "context_window", "max_output_tokens",
            "breaker_min_samples", "breaker_window", "breaker_cooldown", "breaker_first_token_p95",
        ),
        *_rate("breaker_error_rate", "breaker_rate_limit_rate"),
        CheckConstraint("price_input >= 0 AND price_output >= 0 AND price_cached >= 0", name="prices"),
    )  # fmt: skip

    name: str = Field(max_length=120, unique=True)
    kind: str = ModelKind.CHAT
    provider: str
    model: str = Field(max_length=200)
    url_template: str | None = None
    api_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    api_key_env: str | None = Field(default=None, max_length=120)
    """Name of the environment variable that holds the key, instead of a stored one."""
    organization: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    max_concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    connect_timeout: float = 5
    first_token_timeout: float = 12
    stall_timeout: float = 15
    total_timeout: float = 180
    breaker_min_samples: int = 5
    breaker_window: float = 60
    breaker_error_rate: float = 0.2
    breaker_rate_limit_rate: float = 0.1
    breaker_first_token_p95: float | None = None
    breaker_cooldown: float = 30
    supports_tools: bool = True
    supports_json_schema: bool = True
    supports_assistant_prefill: bool = False
    context_window: int | None = None
    max_output_tokens: int | None = None
    dimensions: int | None = None
    price_input: float | None = None
    price_output: float | None = None
    price_cached: float | None = None
    price_effective_from: date | None = None
    enabled: bool = True
    dev_only: bool = False


class ServiceConfig(Versioned, table=True):
    """A named chain of models for one purpose."""

    __tablename__ = "service_configs"
    __table_args__ = (
        CheckConstraint("temperature BETWEEN 0 AND 2", name="temperature"),
        *_positive("max_output_tokens", "budget_usd"),
    )

    name: str = Field(max_length=120, unique=True)
    temperature: float | None = None
    max_output_tokens: int | None = None
    budget_usd: Decimal | None = Field(default=None, sa_column=Column(Numeric(12, 2)))


class ChainLink(Table, table=True):
    """One model's place in a service config's chain."""

    __tablename__ = "service_config_models"
    __table_args__ = (
        UniqueConstraint("config_id", "position"),
        UniqueConstraint("config_id", "model_id"),
        one_of("role", list(ChainRole)),
        CheckConstraint("(position = 0) = (role = 'primary')", name="primary_first"),
    )

    config_id: UUID = Field(foreign_key="service_configs.id", ondelete="CASCADE")
    position: int
    role: str
    model_id: UUID = Field(foreign_key="registered_models.id", ondelete="RESTRICT", index=True)


class FeatureConfig(Versioned, table=True):
    """Which service config serves a feature: the default (`section_id` NULL) or one section's override."""

    __tablename__ = "feature_configs"
    __table_args__ = (
        one_of("feature", list(Feature)),
        Index("uq_feature_configs_default", "feature", unique=True, postgresql_where=text("section_id IS NULL")),
        Index(
            "uq_feature_configs_override",
            "feature",
            "section_id",
            unique=True,
            postgresql_where=text("section_id IS NOT NULL"),
        ),
    )

    feature: str
    section_id: UUID | None = Field(default=None, foreign_key="sections.id", ondelete="CASCADE")
    config_id: UUID = Field(foreign_key="service_configs.id", ondelete="RESTRICT", index=True)


class ProviderLimits(Versioned, table=True):
    """What all models of one provider may take together. A provider without a row is unlimited."""

    __tablename__ = "providers"
    __table_args__ = (
        one_of("provider", list(ProviderName)),
        *_positive("max_concurrent", "requests_per_minute", "tokens_per_minute"),
    )

    provider: str = Field(unique=True)
    max_concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class UsageLimits(Versioned, table=True):
    """How much people may ask: the default (`section_id` NULL) or one section's own. NULL: no limit."""

    __tablename__ = "usage_limits"
    __table_args__ = (
        *_positive("messages_per_minute", "tokens_per_day_person", "tokens_per_day_section"),
        Index(
            "uq_usage_limits_default",
            text("(section_id IS NULL)"),
            unique=True,
            postgresql_where=text("section_id IS NULL"),
        ),
        Index("uq_usage_limits_section", "section_id", unique=True, postgresql_where=text("section_id IS NOT NULL")),
    )

    section_id: UUID | None = Field(default=None, foreign_key="sections.id", ondelete="CASCADE")
    messages_per_minute: int | None = None
    """Messages that one person may send to tutors of the section in a minute."""
    tokens_per_day_person: int | None = None
    """Tokens, input and output, that one person may use in a day of the section's time zone."""
    tokens_per_day_section: int | None = None


class StudentLimits(Versioned, table=True):
    """How much a section's instructors let each person ask. Where administrators allow less, that holds."""

    __tablename__ = "student_limits"
    __table_args__ = _positive("messages_per_minute", "tokens_per_day_person")

    section_id: UUID = Field(foreign_key="sections.id", ondelete="CASCADE", unique=True)
    messages_per_minute: int | None = None
    tokens_per_day_person: int | None = None


class CompletionRequest(Table, table=True):
    """The ledger: one row per attempt. Prompt and answer aren't here."""

    __tablename__ = "completion_requests"
    __table_args__ = (
        UniqueConstraint("request_id", "attempt"),
        one_of("outcome", list(Outcome)),
        Index("ix_completion_requests_spending", "config_id", "created_at"),
        Index("ix_completion_requests_usage", "section_id", "created_at"),
        Index("ix_completion_requests_created_at", "created_at"),
        CheckConstraint("(cost_usd IS NULL) = unpriced", name="unpriced"),
    )

    request_id: UUID
    attempt: int
    feature: str
    section_id: UUID | None = None
    person_id: UUID | None = Field(default=None, index=True)
    conversation_id: UUID | None = None
    job_id: UUID | None = None
    config_id: UUID | None = None
    model_id: UUID | None = None
    provider: str
    requested_model: str
    reported_model: str | None = None
    reason: str
    outcome: str
    http_status: int | None = None
    error_class: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    tokens_estimated: bool = False
    cost_usd: Decimal | None = Field(default=None, sa_column=Column(Numeric(14, 8)))
    unpriced: bool = False
    price: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    """Where the price came from and what it was; None when unpriced."""
    first_token_ms: float | None = None
    duration_ms: float
