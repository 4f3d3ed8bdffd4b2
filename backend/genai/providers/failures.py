"""A provider's refusals and breakdowns, as the one family of errors."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import httpx2

from backend.core.clock import now
from backend.genai.errors import (
    AuthenticationFailed,
    CompletionError,
    ContentFiltered,
    ContextTooLong,
    Fault,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.providers.prompts import well_formed
from backend.genai.schemas import ModelSpec

MAX_DETAIL = 500
"""Characters of a provider's words that are kept: enough for every message seen, too few for an HTML page."""

STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "insufficient_quota": 429,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "unavailable_error": 503,
    "overloaded_error": 529,
}
"""The HTTP status that an error inside a stream would have had, by its type or code (OpenAI, Anthropic, llama.cpp)."""

_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|prompt is too long|maximum context length|exceeds? context limit"
    r"|exceeds the available context size|context size has been exceeded|exceeds? (the )?context window"
)
_FILTERED = re.compile(r"content_filter|responsibleaipolicyviolation|content_policy_violation")
_OUT_OF_CREDIT = "credit balance is too low"
_KEY_SHAPES = re.compile(r"\b(?:sk-|gsk_|xai-|AIza)[\w*.-]{4,}|(?<=bearer )\S+", re.IGNORECASE)


class SDKErrors(Protocol):
    """The exception classes of an SDK; OpenAI's and Anthropic's have the same names."""

    @property
    def APIStatusError(self) -> type[Any]: ...  # noqa: N802
    @property
    def APITimeoutError(self) -> type[Exception]: ...  # noqa: N802
    @property
    def APIError(self) -> type[Exception]: ...  # noqa: N802


def translated(error: Exception, spec: ModelSpec, sdk: SDKErrors) -> CompletionError:
    """What went wrong with `spec`, as a `CompletionError` whose detail holds none of its secrets.

    Raise it outside the handler, so that `error` isn't chained to it: an SDK's exception carries the request and the
    unmasked answer.
    """
    if isinstance(error, CompletionError):
        failure = error
    elif isinstance(error, sdk.APIStatusError):
        failure = refused(error.response.status_code, error.response.content, error.response.headers)
    elif isinstance(error, sdk.APITimeoutError | httpx2.ConnectTimeout):
        failure = ProviderUnavailable.by(Fault.REFUSED, f"no connection within {spec.connect_timeout:g} s")
    else:
        failure = ProviderUnavailable.by(_network_fault(error), _root_cause(error))
    failure.detail = _shortened(well_formed(without_secrets(failure.detail, spec)))  # cut last, or half a key stays
    return failure


def refused(status: int, body: bytes, headers: Mapping[str, str]) -> CompletionError:
    """The error for an HTTP answer other than 200."""
    complaint = _complaint(body)
    if 300 <= status < 400:
        complaint = _Complaint(f"redirects to {headers.get('location', 'nowhere')}: give the model that address")
    return _failure(_class_for(status, complaint), complaint, status, retry_after(headers))


def reported_in_stream(error: object) -> CompletionError:
    """The error for an error object inside a stream that had begun well."""
    complaint = _complaint_from(error)
    return _failure(_class_for(complaint.status or 500, complaint), complaint, complaint.status)


def not_a_stream(body: bytes) -> CompletionError:
    """The error for a 200 whose body holds no event at all: an error object, or a page of some other server."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if isinstance(payload, dict) and payload.get("error"):
        return reported_in_stream(payload["error"])
    said = body.decode("utf-8", "replace").strip()
    return ProviderUnavailable.by(Fault.UNFIT, f"no event stream but: {said}" if said else "the answer was empty")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The wait the provider asks for, in seconds: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after")
    if asked is None or (seconds := _number(asked)) is not None:
        return None if asked is None else seconds
    try:
        return max(0.0, (parsedate_to_datetime(asked) - now()).total_seconds())
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class _Complaint:
    message: str
    kind: str = ""
    """Code, type and inner code, whichever there are."""
    status: int | None = None
    """The HTTP status that the error object itself names or implies."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.kind and self.message else self.kind or self.message


def _failure(
    kind: type[CompletionError], complaint: _Complaint, status: int | None, wait: float | None = None
) -> CompletionError:
    return kind(detail=str(complaint), http_status=status, retry_after=wait)


def _class_for(status: int, complaint: _Complaint) -> type[CompletionError]:
    words = str(complaint).lower()
    if status == 413 or (status in {400, 422, 500} and _TOO_LONG.search(words)):
        return ContextTooLong
    if status in {400, 403, 422} and _FILTERED.search(words):
        return ContentFiltered
    if status == 429:
        return RateLimited
    if status in {401, 402, 403, 404, 405, 410} or 300 <= status < 400 or _OUT_OF_CREDIT in words:
        return AuthenticationFailed
    if status in {408, 409, 425} or status >= 500:
        return ProviderUnavailable
    return InvalidRequest


def _complaint(body: bytes) -> _Complaint:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return _Complaint(body.decode("utf-8", "replace"))
    if isinstance(payload, list) and payload:  # Gemini's OpenAI-compatible API wraps its error in a list
        payload = payload[0]
    if isinstance(payload, dict) and payload.get("error"):
        payload = payload["error"]
    return _complaint_from(payload)


def _complaint_from(error: object) -> _Complaint:
    """What an error object says: OpenAI's, Anthropic's, llama.cpp's, vLLM's, FastAPI's `detail`, or a mere string."""
    if not isinstance(error, dict):
        return _Complaint(error if isinstance(error, str) else json.dumps(error))
    inner = error.get("innererror")
    named = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    kinds = list(dict.fromkeys(name for name in named if isinstance(name, str) and name))
    message = error.get("message") or error.get("detail") or ""
    return _Complaint(
        message if isinstance(message, str) else json.dumps(message),
        kind=" ".join(kinds),
        status=_implied_status(error.get("code"), kinds),
    )


def _implied_status(code: object, kinds: list[str]) -> int | None:
    if isinstance(code, str) and len(code) == 3 and code.isdecimal():
        code = int(code)
    if isinstance(code, int) and 400 <= code < 600:
        return code
    known = (STATUS_OF_TYPE[kind] for kind in kinds if kind in STATUS_OF_TYPE)
    return next(known, 400 if _TOO_LONG.search(" ".join(kinds)) or _FILTERED.search(" ".join(kinds)) else None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _network_fault(error: BaseException | None) -> Fault:
    while error is not None:
        if isinstance(error, httpx2.ConnectError):
            return Fault.REFUSED
        error = error.__cause__
    return Fault.BROKEN


def _root_cause(error: BaseException) -> str:
    """What the network said: SDKs wrap it in a bare "Connection error."."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"


def without_secrets(text: str, spec: ModelSpec) -> str:
    """`text` without what only `spec` and its provider may know, nor anything else that looks like a key."""
    for secret in (spec.api_key, spec.organization):
        if secret and secret.strip():
            text = text.replace(secret.strip(), "[secret]")
    return _KEY_SHAPES.sub("[secret]", text)
