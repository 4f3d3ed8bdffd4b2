"""Structured log lines on standard error: ours and those of libraries, with their request's id, without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

import structlog
from structlog.typing import Processor

from backend.core.masking import conceal_settings, masked
from backend.core.settings import get_settings

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

_libraries = logging.StreamHandler()
_libraries.setLevel(logging.WARNING)
"""Below that, provider SDKs write down whole requests, prompts and all, when their own variables ask for it."""


def request_id_from(given: str | None = None) -> str:
    """The id of a request: what a proxy or client gave it, if that is fit for logs and headers, else a new one."""
    return given if given is not None and _SANE_REQUEST_ID.fullmatch(given) else str(uuid4())


def configure_logging() -> None:
    """Send structured lines to standard error, as JSON or for people, at the level the settings say."""
    settings = get_settings()
    conceal_settings(settings)
    renderer: Processor = structlog.processors.JSONRenderer() if settings.log_json else structlog.dev.ConsoleRenderer()
    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [structlog.processors.format_exc_info, mask_event, renderer]
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _libraries.setStream(sys.stderr)
    _libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.getLogger().addHandler(_libraries)


def mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor before the renderer: nothing that comes after it knows a secret."""
    clean: dict[str, Any] = masked(event)
    return clean
