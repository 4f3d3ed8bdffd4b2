"""Secrets in text that somebody will read: known ones are masked by value, unknown ones by their shape or name."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from pydantic import SecretStr

from backend.core.settings import Settings

MASK = "[secret]"
SHORTEST = 8
"""Characters. Masking every occurrence of something shorter would garble ordinary words, and hide nothing."""
DEEPEST = 8
"""Levels of nesting that are looked into; what lies deeper is masked as one text."""

_SHAPES = re.compile(
    r"(sk-[A-Za-z0-9_-]{8,}|Bearer\s+[A-Za-z0-9._~+/=-]{8,}|(?<=://)[^/\s:@]*:[^@\s]+(?=@))", re.IGNORECASE
)
_NAMES = re.compile(r"password|secret|api_?key|authorization|cookie|credential|(^|[_-])token$", re.IGNORECASE)
_concealed: set[str] = set()


def conceal(secret: str | None) -> None:
    """Mask `secret` from now on wherever it appears. What is too short to be one is left alone."""
    for form in {secret or "", (secret or "").strip()}:
        if len(form) >= SHORTEST:
            _concealed.add(form)


def conceal_settings(settings: Settings) -> None:
    """Mask every secret of the settings, and the passwords in their addresses."""
    values = (getattr(settings, name) for name in Settings.model_fields)
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    for secret in [*secrets, *settings.former_secret_keys]:
        conceal(secret)
        if "://" in secret and (password := urlsplit(secret).password):
            conceal(password)
            conceal(unquote(password))


def mask(text: str) -> str:
    """`text` without anything that is, or looks like, a key, a bearer token or a password in a URL."""
    for secret in sorted(_concealed, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _SHAPES.sub(MASK, text)


def masked(value: Any, depth: int = 0) -> Any:
    """`value` as logs may hold it: plain texts, numbers, mappings and lists, each without secrets."""
    match value:
        case None | bool() | int() | float():
            return value
        case str() | UUID() | date() | Decimal() | Path():
            return mask(str(value))
        case Mapping() if depth < DEEPEST:
            return {mask(str(name)): _named(str(name), held, depth) for name, held in value.items()}
        case list() | tuple() | set() | frozenset() if depth < DEEPEST:
            return [masked(each, depth + 1) for each in value]
        case _:
            return mask(repr(value))


def _named(name: str, value: Any, depth: int) -> Any:
    return MASK if value and isinstance(value, str | bytes) and _NAMES.search(name) else masked(value, depth + 1)
