"""What handlers raise to say how it ended, and what becomes of everything else they raise."""

from dataclasses import dataclass

from backend.core.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, StoaError
from backend.genai.errors import (
    CompletionError,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    OverCapacity,
    RateLimited,
)

PERMANENT = (Invalid, Conflict, Forbidden, NotFound, NotSignedIn, InvalidRequest, ContentFiltered, ContextTooLong)
"""Errors that the next attempt would meet again."""
CRASHED = "Something went wrong on our side."


class Permanent(StoaError):
    """Trying again won't help: the job ends as failed, with this message."""

    code = "job_failed"


class Deferred(Exception):
    """It can't be done yet: again in `delay` seconds, and this attempt doesn't count."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"again in {delay} s")
        self.delay = delay


class JobCanceled(Exception):
    """Somebody asked to cancel this job. Handlers let it pass, tidying up what is theirs."""


class LeaseLost(Exception):
    """This worker was declared dead, or the job was taken from it: nothing it writes counts any more."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure, classified. `retry_after` in seconds where a provider named one."""

    error_class: str
    message: str
    permanent: bool
    retry_after: float | None = None


def is_refusal(error: BaseException) -> bool:
    """Whether no model could take a request now: nothing was tried and nothing failed, there is only a wait."""
    return isinstance(error, OverCapacity) or (isinstance(error, RateLimited) and error.retry_after is not None)


def classify(error: BaseException) -> Failure:
    """What `error` means for the job. Only errors meant for people tell their message."""
    name = type(error).__name__
    if isinstance(error, Permanent | StoaError):
        retry_after = error.retry_after if isinstance(error, CompletionError) else None
        return Failure(name, error.message, isinstance(error, (Permanent, *PERMANENT)), retry_after)
    if isinstance(error, TimeoutError):
        return Failure(name, "It took longer than it may.", permanent=False)
    return Failure(name, CRASHED, permanent=False)
