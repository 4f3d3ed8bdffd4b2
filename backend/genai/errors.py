"""The one family of errors that a completion raises, whatever the provider."""

from enum import StrEnum
from typing import Self

from backend.core.errors import StoaError


class Fault(StrEnum):
    """In what way a provider was unavailable: what to do next depends on it."""

    SERVER_ERROR = "server_error"
    """It answered with a status of 500 and above."""
    REFUSED = "refused"
    """No connection came about."""
    BROKEN = "broken"
    """The connection, or the answer in it, ended before the answer did."""
    SILENT = "silent"
    """No token came within `first_token_timeout`."""
    STALLED = "stalled"
    """No further token came within `stall_timeout`."""
    OVERDUE = "overdue"
    """The answer wasn't whole within its total time."""
    UNFIT = "unfit"
    """What came is no answer: some other server, or one that can't be started."""


class CompletionError(StoaError):
    """A completion failed. `detail` is the provider's own words, for logs and administrators, never for students."""

    status = 502
    code = "completion_failed"
    message = "The tutor couldn't answer. Please try again."

    def __init__(
        self,
        message: str | None = None,
        *,
        detail: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.detail = detail
        self.http_status = http_status
        self.retry_after = retry_after


class ProviderUnavailable(CompletionError):
    """The provider didn't answer: refused, reset, 5xx, or silent past a time limit; `fault` says which."""

    status = 503
    code = "provider_unavailable"
    message = "The language model can't be reached right now. Please try again in a moment."
    fault = Fault.SERVER_ERROR

    @classmethod
    def by(cls, fault: Fault, detail: str, retry_after: float | None = None) -> Self:
        """The error for a fault that no HTTP status tells."""
        error = cls(detail=detail, retry_after=retry_after)
        error.fault = fault
        return error


class RateLimited(CompletionError):
    """The provider asks us to slow down (429); `retry_after` in seconds where it said so."""

    status = 503
    code = "rate_limited"
    message = "The language model is busy right now. Please try again in a moment."


class InvalidRequest(CompletionError):
    """The provider refused the request as malformed (400, 422); trying again won't help."""

    status = 502
    code = "invalid_request"
    message = "The language model didn't accept this request."


class MalformedAnswer(InvalidRequest):
    """A structured answer isn't JSON; `text` is what came instead."""

    code = "malformed_answer"
    message = "The language model's answer wasn't in the form that it was asked for."

    def __init__(self, text: str) -> None:
        super().__init__(detail="the model's structured answer isn't JSON")
        self.text = text


class AuthenticationFailed(CompletionError):
    """Key, permission or model name is wrong (401, 403, 404): an administrator has to act."""

    status = 503
    code = "authentication_failed"
    message = "The language model isn't set up correctly. Please tell your administrator."


class ContextTooLong(CompletionError):
    """The prompt doesn't fit the model's context window."""

    status = 413
    code = "context_too_long"
    message = "This conversation has become too long for the language model. Start a new one."


class ContentFiltered(CompletionError):
    """The provider's content filter stopped the prompt or the answer."""

    status = 422
    code = "content_filtered"
    message = "The language model's provider declined to answer this."


class Cancelled(CompletionError):
    """The caller stopped the completion."""

    status = 499
    code = "cancelled"
    message = "Stopped."


class BudgetExceeded(CompletionError):
    """The month's budget of the service config is spent."""

    status = 402
    code = "budget_exceeded"
    message = "This month's budget for the tutor is used up. Your administrator can raise it."


class OverCapacity(CompletionError):
    """Every model of the chain is full."""

    status = 503
    code = "over_capacity"
    message = "The tutor is answering as many questions as it can. Please try again in a moment."


class MissingFeatureConfig(CompletionError):
    """No service config serves this feature, neither in the section nor by default."""

    status = 503
    code = "missing_feature_config"
    message = "No language model is set up for this yet. Please tell your administrator."
