"""Errors that a person may see. Each carries an HTTP status and a sentence safe to show."""

from collections.abc import Mapping


class StoaError(Exception):
    """Base of every error with a message for people.

    `message` is shown as it is, so it never holds secrets, SQL or paths; `status` is what the REST API answers.
    """

    status: int = 500
    code: str = "error"
    message: str = "Something went wrong on our side. Please try again."

    def __init__(self, message: str | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(self.message)


class NotSignedIn(StoaError):
    """The request carries no valid session."""

    status = 401
    code = "not_signed_in"
    message = "Please sign in."


class Forbidden(StoaError):
    """The actor may not do this."""

    status = 403
    code = "forbidden"
    message = "You don't have access to this."


class NotFound(StoaError):
    """It doesn't exist, or the actor may not know that it does."""

    status = 404
    code = "not_found"
    message = "This doesn't exist, or you don't have access to it."


class Conflict(StoaError):
    """The change clashes with the present state."""

    status = 409
    code = "conflict"
    message = "This changed in the meantime. Reload and try again."


class Invalid(StoaError):
    """The input breaks a rule that the message names."""

    status = 422
    code = "invalid"
    message = "That isn't valid."


class FieldErrors(Invalid):
    """A form breaks rules: `fields` says at each field which; the message says all of it."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(f"{name}: {sentence}" for name, sentence in self.fields.items()))


class TooMany(StoaError):
    """Too many attempts; the message says when to try again, and `retry_after` too, in seconds, where that is known."""

    status = 429
    code = "too_many"
    message = "Too many attempts. Please wait a little."

    def __init__(self, message: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(StoaError):
    """Something Stoa needs is down."""

    status = 503
    code = "unavailable"
    message = "Stoa can't reach one of its services right now. Please try again in a moment."
