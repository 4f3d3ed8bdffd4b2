"""What goes into a completion and what comes out: the same types for every provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias
from uuid import UUID


class Feature(StrEnum):
    """What a completion is for. Each feature has a service config, by default or per section."""

    STUDENT_DIALOGUE = "student_dialogue"
    INSTRUCTOR_DASHBOARD = "instructor_dashboard"
    COURSE_OUTLINE = "course_outline"
    ASSESSMENT_GENERATION = "assessment_generation"
    GRADING_FEEDBACK = "grading_feedback"
    INSTRUCTOR_EMAIL = "instructor_email"
    SEMANTIC_SEARCH = "semantic_search"


class ProviderName(StrEnum):
    """The wire a model speaks."""

    OPENAI = "openai"
    """Any server with OpenAI's chat-completions API."""
    ANTHROPIC = "anthropic"
    """Anthropic's messages API."""
    OLLAMA = "ollama"
    """Ollama, through its OpenAI-compatible API."""
    NULL = "null"
    """No model: streams a sentence that says so."""


class ModelKind(StrEnum):
    """What a model makes."""

    CHAT = "chat"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class SystemMessage:
    """Instructions of ours."""

    text: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the person wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `arguments` are parsed; an unparsable string is kept as {"_raw": text}."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """What the model answered before: text, tool calls, or both."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned for the call `tool_call_id`."""

    tool_call_id: str
    content: str
    is_error: bool = False


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolResult


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call; `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ResponseSchema:
    """Structured output: the answer's text is JSON that satisfies `schema`."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a provider is asked. `temperature` and `max_output_tokens` None: the provider's default."""

    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    tool_choice: Literal["auto", "required", "none"] = "auto"
    response_schema: ResponseSchema | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    time_limit: float | None = None
    """Seconds that the whole answer may take, where that is less than the model's `total_timeout`."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a model is given a rest. Times in seconds, rates in 0..1."""

    min_samples: int = 5
    """Fewer answers than these say nothing."""
    window: float = 60.0
    error_rate: float = 0.2
    rate_limit_rate: float = 0.1
    first_token_p95: float | None = None
    cooldown: float = 30.0


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What a model, or a provider's models together, may take. None: no limit."""

    max_concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A registered model as a provider sees it, apart from the database. Time limits in seconds."""

    id: UUID
    name: str
    provider: ProviderName
    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    first_token_timeout: float = 12.0
    stall_timeout: float = 15.0
    total_timeout: float = 180.0
    supports_tools: bool = True
    supports_json_schema: bool = True
    supports_assistant_prefill: bool = False
    context_window: int | None = None
    max_output_tokens: int | None = None
    price_input: float | None = None
    """USD per million input tokens; with `price_output`, replaces the price list from `price_effective_from` on."""
    price_output: float | None = None
    price_cached: float | None = None
    price_effective_from: date | None = None
    dev_only: bool = False
    limits: RateLimits = RateLimits()
    breaker: BreakerPolicy = BreakerPolicy()


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"


@dataclass(frozen=True, slots=True)
class Routed:
    """The chain chose `model` (its registered name)."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens used and what they cost. `estimated`: the provider reported nothing and we counted."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    cost_usd: Decimal | None = None
    """What it cost, filled in by the completion layer; None when no price is known."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The answer so far is void; `model` begins anew."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole. `reported_model` is what the response said served it, where it said so."""

    reason: FinishReason
    reported_model: str | None = None


Event: TypeAlias = Routed | TextDelta | ToolCall | Usage | Restarted | Finished
"""What `stream` yields. A stream that ends without `Finished` raised an error; it never just stops."""

ProviderEvent: TypeAlias = TextDelta | ToolCall | Usage | Finished
"""What a provider yields: `Usage` exactly once, directly before `Finished`, which is last."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer, for callers that don't stream."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    finish_reason: FinishReason
    model: str
    reported_model: str | None
    reason: str
    """Why this model was chosen (the routing reason)."""
    parsed: Any = None
    """The parsed JSON where a `response_schema` was asked for."""
