"""Logs and metrics. Metrics live in one registry that `/api/metrics` exposes."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from backend.core.settings import get_settings

REGISTRY = CollectorRegistry()

TURNS = Counter("stoa_turns", "Turns by how they ended.", ["status"], registry=REGISTRY)
TURNS_ACTIVE = Gauge("stoa_turns_active", "Turns this process is running.", registry=REGISTRY)
FOLLOWERS = Gauge("stoa_event_followers", "Open event streams.", registry=REGISTRY)
COMPLETIONS = Counter(
    "stoa_completions", "Attempts by model and outcome.", ["model", "outcome", "error"], registry=REGISTRY
)
TOKENS = Counter("stoa_completion_tokens", "Tokens by model and direction.", ["model", "direction"], registry=REGISTRY)
FIRST_TOKEN = Histogram(
    "stoa_first_token_seconds", "Time to the first token.", ["model"], registry=REGISTRY,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20),
)  # fmt: skip
SIGN_INS = Counter("stoa_sign_ins", "Sign-ins by result.", ["result"], registry=REGISTRY)

_SECRET = re.compile(
    r"(sk-[A-Za-z0-9_-]{8,}|Bearer\s+[A-Za-z0-9._~+/=-]{8,}|(?<=://)[^/\s:@]*:[^@\s]+(?=@))", re.IGNORECASE
)
MASK = "[secret]"


def mask(text: str) -> str:
    """`text` without anything that looks like a key, a bearer token or a password in a URL."""
    return _SECRET.sub(MASK, text)


def _mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: mask(value) if isinstance(value, str) else value for key, value in event.items()}


def configure_logging() -> None:
    """Send structured lines to standard error, as JSON or for people, at the level the settings say."""
    settings = get_settings()
    renderer: Any = structlog.processors.JSONRenderer() if settings.log_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
