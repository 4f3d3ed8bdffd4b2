"""What operators' tools are told of each attempt: counters for Prometheus, and spans and metrics for OpenTelemetry.

Names are those of OpenTelemetry's semantic conventions for generative AI
(https://github.com/open-telemetry/semantic-conventions-genai). Prompt, answer, key and person are in none of them.
"""

import time
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.metrics import Histogram, Meter
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from backend.core.telemetry import (
    COMPLETIONS,
    FIRST_TOKEN,
    OPERATION_DURATION,
    OPERATION_SECONDS,
    OPERATION_TOKENS,
    SERVED_BY,
    TOKEN_USAGE,
    TOKENS,
)
from backend.core.tracing import get_meter, get_tracer
from backend.genai.defaults import LOCAL_PORT_FIELD
from backend.genai.models import CompletionRequest, Outcome
from backend.genai.schemas import ProviderName

if TYPE_CHECKING:
    from backend.genai.ledger import Attempt

OPERATION = "chat"
USUAL_SERVERS = {
    ProviderName.OPENAI: "https://api.openai.com",
    ProviderName.ANTHROPIC: "https://api.anthropic.com",
    ProviderName.OLLAMA: "http://localhost:11434",
}
"""Where a model is asked that has no address of its own."""

Attributes = dict[str, str | int | float | bool | tuple[str, ...]]


def observe(attempt: "Attempt", row: CompletionRequest) -> None:
    """Count an attempt that just ended, and export it where somebody collects."""
    _count(attempt, row)
    common = _common(attempt, row)
    _measure(attempt, row, common)
    if (tracer := get_tracer()) is not None:
        _trace(tracer, attempt, row, common)
    if (meter := get_meter()) is not None:
        _send_metrics(meter, attempt, row, common)


def _count(attempt: "Attempt", row: CompletionRequest) -> None:
    name = attempt.spec.name
    COMPLETIONS.labels(name, row.outcome, row.error_class or "").inc()
    TOKENS.labels(name, "input").inc(row.input_tokens)
    TOKENS.labels(name, "output").inc(row.output_tokens)
    if attempt.first_token_ms is not None:
        FIRST_TOKEN.labels(name).observe(attempt.first_token_ms / 1000)


def _common(attempt: "Attempt", row: CompletionRequest) -> Attributes:
    """The attributes of span and metrics alike."""
    spec = attempt.spec
    address, port = _server(spec.provider, spec.base_url)
    found = {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.provider.name": spec.provider.value,
        "gen_ai.request.model": spec.model,
        "server.address": address,
        "server.port": port,
        "error.type": row.error_class,
    }
    return {name: value for name, value in found.items() if value is not None}


@lru_cache(maxsize=256)
def _server(provider: ProviderName, base_url: str | None) -> tuple[str | None, int | None]:
    """Host and port, as far as they are known: the local model's port is chosen when it starts."""
    address = base_url or USUAL_SERVERS.get(provider, "")
    try:
        url = urlsplit(address.replace(f":{LOCAL_PORT_FIELD}", ""))
        port = url.port or {"https": 443}.get(url.scheme, 80)
    except ValueError:  # no address at all: the attempt failed for that
        return None, None
    return url.hostname, None if not url.hostname or LOCAL_PORT_FIELD in address else port


def _measure(attempt: "Attempt", row: CompletionRequest, common: Attributes) -> None:
    labels = {name.replace(".", "_"): str(value) for name, value in common.items()}
    labels = dict.fromkeys(SERVED_BY, "") | labels
    OPERATION_DURATION.labels(**labels).observe(row.duration_ms / 1000)
    for kind, tokens in _tokens(attempt, row):
        TOKEN_USAGE.labels(**labels, gen_ai_token_type=kind).observe(tokens)


def _tokens(attempt: "Attempt", row: CompletionRequest) -> tuple[tuple[str, int], ...]:
    """Tokens by type; nothing where nobody reported or counted any."""
    return (("input", row.input_tokens), ("output", row.output_tokens)) if attempt.usage else ()


def _trace(tracer: Tracer, attempt: "Attempt", row: CompletionRequest, common: Attributes) -> None:
    """One span, begun and ended in the past. An attempt that was cancelled has an `error.type` but is no error."""
    ended = time.time_ns()
    span = tracer.start_span(
        f"{OPERATION} {attempt.spec.model}",
        kind=SpanKind.CLIENT,
        attributes=common | _details(attempt, row),
        start_time=ended - int(row.duration_ms * 1e6),
    )
    if row.outcome == Outcome.FAILED:
        span.set_status(Status(StatusCode.ERROR))
    span.end(ended)


def _details(attempt: "Attempt", row: CompletionRequest) -> Attributes:
    """What a span has beyond `_common`."""
    first, counted = attempt.first_token_ms, dict(_tokens(attempt, row))
    found = {
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": attempt.temperature,
        "gen_ai.request.max_tokens": attempt.max_output_tokens,
        "gen_ai.response.model": row.reported_model,
        "gen_ai.response.finish_reasons": (attempt.finish_reason.value,) if attempt.finish_reason else None,
        "gen_ai.response.time_to_first_chunk": first / 1000 if first is not None else None,
        "gen_ai.usage.input_tokens": counted.get("input"),
        "gen_ai.usage.output_tokens": counted.get("output"),
        "gen_ai.usage.cache_read.input_tokens": row.cached_tokens if counted else None,
        "gen_ai.usage.reasoning.output_tokens": row.reasoning_tokens if counted else None,
        "http.response.status_code": row.http_status,
        "stoa.request_id": str(row.request_id),
        "stoa.attempt": row.attempt,
        "stoa.feature": row.feature,
        "stoa.routing.reason": row.reason,
        "stoa.usage.estimated": row.tokens_estimated or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _send_metrics(meter: Meter, attempt: "Attempt", row: CompletionRequest, common: Attributes) -> None:
    duration, usage = _instruments(meter)
    duration.record(row.duration_ms / 1000, common)
    for kind, tokens in _tokens(attempt, row):
        usage.record(tokens, common | {"gen_ai.token.type": kind})


@lru_cache(maxsize=2)
def _instruments(meter: Meter) -> tuple[Histogram, Histogram]:
    return (
        meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=OPERATION_SECONDS,
        ),
        meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=OPERATION_TOKENS,
        ),
    )
