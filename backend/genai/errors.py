"""The one family of errors that a completion raises, whatever the provider."""

from backend.core.errors import StoaError


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
    """The provider didn't answer: refused, reset, 5xx, or silent past a time limit."""

    status = 503
    code = "provider_unavailable"
    message = "The language model can't be reached right now. Please try again in a moment."


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
    message = "This month's budget for the tutor is used up. Your instructor can raise it."


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
