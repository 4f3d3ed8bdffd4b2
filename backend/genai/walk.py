"""The order in which the models of a chain are asked for one answer: genai.md, section 4, as decisions without I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from backend.genai.errors import (
    AuthenticationFailed,
    CompletionError,
    ContextTooLong,
    Fault,
    InvalidRequest,
    OverCapacity,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.schemas import ModelSpec

QUICK_PAUSE = 0.2
"""Seconds before the same model is asked again after a reset or a 5xx: long enough for a load balancer to look away."""
LONGEST_WAIT = 3.0
"""Seconds that a provider's Retry-After is obeyed for; a person waits."""
TRIES = 2
"""How often one model is asked for one answer at most."""
FALLS_OVER = (ProviderUnavailable, RateLimited, AuthenticationFailed, ContextTooLong)
"""Failures that another model may not share. The rest would be the same everywhere, or must not be routed around."""
PASSING = frozenset({Fault.SERVER_ERROR, Fault.BROKEN})
"""Faults that often don't happen twice."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a model isn't asked now: `open`, `full` or `limited`, and in how many seconds it may be."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The model to ask next, after a pause in seconds."""

    spec: ModelSpec
    reason: str
    pause: float = 0.0


class Walk:
    """One request's way along its chain. `now` is the event loop's time."""

    def __init__(self, models: Sequence[ModelSpec], reason: str) -> None:
        self._reason = reason
        self._untried = list(models)
        self._again: Step | None = None
        self._asked_to_wait: list[tuple[float, ModelSpec]] = []
        self._tries: dict[str, int] = {}
        self._refusals: list[Refusal] = []
        self._failures: list[CompletionError] = []

    def next(self, now: float) -> Step | None:
        """Whom to ask; None when nobody is left. Who asked us to wait is asked once nobody else can serve."""
        if self._again:
            step, self._again = self._again, None
        elif self._untried:
            step = Step(self._untried.pop(0), self._why())
        elif self._asked_to_wait:
            ready_at, spec = min(self._asked_to_wait, key=lambda each: each[0])
            self._asked_to_wait.remove((ready_at, spec))
            step = Step(spec, f"retried:{RateLimited.code}", max(0.0, ready_at - now))
        else:
            return None
        self._tries[step.spec.name] = self._tries.get(step.spec.name, 0) + 1
        return step

    def refused(self, refusal: Refusal) -> None:
        """The model that `next` named can't be asked now."""
        self._refusals.append(refusal)

    def failed(self, spec: ModelSpec, error: CompletionError, now: float, *, after_text: bool) -> None:
        """The model failed. Raises `error` where nobody else should be asked."""
        if not isinstance(error, FALLS_OVER):
            raise error
        self._failures.append(error)
        once_more = self._tries.get(spec.name, 0) < TRIES
        match error:
            case ContextTooLong():
                self._untried = roomiest(self._untried, spec)
                self._asked_to_wait.clear()
            case RateLimited() if once_more and error.retry_after is not None and error.retry_after <= LONGEST_WAIT:
                self._asked_to_wait.append((now + error.retry_after, spec))
            case ProviderUnavailable() if once_more and not after_text and error.fault in PASSING:
                self._again = Step(spec, f"retried:{error.code}", QUICK_PAUSE)

    def declined_to_continue(self, spec: ModelSpec, error: InvalidRequest) -> None:
        """The model didn't take the half of another's answer: it is asked for the whole. That is no failure."""
        self._tries[spec.name] -= 1
        self._again = Step(spec, f"restarted:{self.last_code or error.code}")

    @property
    def last_code(self) -> str:
        """What the last failure was; empty without one."""
        return self._failures[-1].code if self._failures else ""

    def error(self) -> CompletionError:
        """What the caller is told when nobody answered: the first failure, never a later side effect."""
        if self._failures:
            return self._failures[0]
        waits = [each.retry_after for each in self._refusals if each.retry_after is not None]
        wait = min(waits, default=None)
        when = f" Please try again in {_in_words(wait)}." if wait is not None else " Please try again later."
        detail = ", ".join(f"{each.reason}" for each in self._refusals)
        if any(each.reason != "open" for each in self._refusals):
            busy = "The tutor is answering as many questions as it can."
            return OverCapacity(busy + when, detail=detail, retry_after=wait)
        return ProviderUnavailable(
            "The language model can't be reached right now." + when, detail=detail, retry_after=wait
        )

    def _why(self) -> str:
        if self._failures:
            return f"failed_over:{self.last_code}"
        return f"primary_{self._refusals[0].reason}" if self._refusals else self._reason


def roomiest(models: Sequence[ModelSpec], than: ModelSpec) -> list[ModelSpec]:
    """The first model with the largest window, if that is larger than the one that was too small."""
    largest = max(models, key=_window, default=None)
    return [largest] if largest and _window(largest) > (than.context_window or 0) else []


def _window(spec: ModelSpec) -> float:
    """Tokens; an unknown window may be of any size, so it is worth a try."""
    return spec.context_window or inf


def _in_words(seconds: float) -> str:
    if seconds < 1.5:
        return "a second"
    return f"{round(seconds)} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
