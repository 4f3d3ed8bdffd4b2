"""Who is asked next: every row of genai.md, section 4, without a network."""

from uuid import uuid4

import pytest

from backend.genai.errors import (
    AuthenticationFailed,
    CompletionError,
    ContentFiltered,
    ContextTooLong,
    Fault,
    InvalidRequest,
    OverCapacity,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.schemas import ModelSpec, ProviderName
from backend.genai.walk import QUICK_PAUSE, Refusal, Walk


def model(name: str, window: int | None = None) -> ModelSpec:
    return ModelSpec(uuid4(), name, ProviderName.OPENAI, name, context_window=window)


FIRST, SECOND, THIRD = (model(name) for name in ("first", "second", "third"))
OVERLOADED = ProviderUnavailable(http_status=503)
SILENT = ProviderUnavailable.by(Fault.SILENT, "")
REFUSED = ProviderUnavailable.by(Fault.REFUSED, "")
BROKEN = ProviderUnavailable.by(Fault.BROKEN, "")
WAIT, WAIT_LONG, WAIT_SOME_TIME = (RateLimited(retry_after=after) for after in (2.0, 60.0, None))


def asked(walk: Walk, *outcomes: CompletionError | Refusal | str) -> list[tuple[str, str, float]]:
    """(model, reason, pause) of each step while these are what becomes of them; "text: …" broke off after text."""
    steps, now = [], 0.0
    for outcome in (*outcomes, None):
        if (step := walk.next(now)) is None:
            break
        steps.append((step.spec.name, step.reason, step.pause))
        now += step.pause
        if isinstance(outcome, Refusal):
            walk.refused(outcome)
        elif isinstance(outcome, CompletionError):
            walk.failed(step.spec, outcome, now, after_text=False)
        elif outcome == "text":
            walk.failed(step.spec, BROKEN, now, after_text=True)
    return steps


def names(walk: Walk, *outcomes: CompletionError | Refusal | str) -> list[str]:
    return [name for name, _, _ in asked(walk, *outcomes)]


def test_the_primary_is_asked_first() -> None:
    assert asked(Walk([FIRST, SECOND], "primary")) == [("first", "primary", 0.0)]


@pytest.mark.parametrize("passing", [OVERLOADED, BROKEN])
def test_a_reset_or_5xx_is_retried_once_on_the_same_model(passing: ProviderUnavailable) -> None:
    assert asked(Walk([FIRST, SECOND], "primary"), passing, passing) == [
        ("first", "primary", 0.0),
        ("first", "retried:provider_unavailable", QUICK_PAUSE),
        ("second", "failed_over:provider_unavailable", 0.0),
    ]


@pytest.mark.parametrize("lasting", [SILENT, REFUSED, WAIT_LONG, WAIT_SOME_TIME, AuthenticationFailed()])
def test_what_wont_pass_goes_to_the_next_model_at_once(lasting: CompletionError) -> None:
    assert names(Walk([FIRST, SECOND], "primary"), lasting) == ["first", "second"]


def test_a_silent_model_is_not_asked_again() -> None:
    assert names(Walk([FIRST, SECOND], "primary"), SILENT, SILENT) == ["first", "second"]


def test_a_wait_is_obeyed_when_nothing_else_can_serve() -> None:
    assert asked(Walk([FIRST], "primary"), WAIT)[1] == ("first", "retried:rate_limited", 2.0)
    assert asked(Walk([FIRST, SECOND], "primary"), WAIT, Refusal("open"))[-1] == ("first", "retried:rate_limited", 2.0)
    assert names(Walk([FIRST, SECOND], "primary"), WAIT) == ["first", "second"]


def test_a_model_is_asked_twice_at_most() -> None:
    assert names(Walk([FIRST], "primary"), WAIT, WAIT, WAIT) == ["first", "first"]
    assert names(Walk([FIRST], "primary"), OVERLOADED, WAIT, WAIT) == ["first", "first"]


@pytest.mark.parametrize("wait", [WAIT_LONG, WAIT_SOME_TIME])
def test_a_long_or_unknown_wait_is_left_to_the_person(wait: RateLimited) -> None:
    assert names(Walk([FIRST], "primary"), wait) == ["first"]


def test_after_text_the_next_model_is_asked() -> None:
    assert names(Walk([FIRST, SECOND], "primary"), "text") == ["first", "second"]
    assert names(Walk([FIRST], "primary"), "text") == ["first"]


@pytest.mark.parametrize("error", [InvalidRequest(), ContentFiltered()])
def test_what_would_be_the_same_everywhere_is_the_callers(error: CompletionError) -> None:
    walk = Walk([FIRST, SECOND], "primary")
    with pytest.raises(type(error)):
        asked(walk, error)


def test_a_prompt_too_long_goes_to_the_roomiest_once() -> None:
    chain = [model("a", 100), model("b", 50), model("c", 1000), model("d", 500)]
    assert names(Walk(chain, "primary"), ContextTooLong(), ContextTooLong()) == ["a", "c"]
    assert names(Walk([model("a", 100), model("b", 100)], "primary"), ContextTooLong()) == ["a"]
    assert names(Walk([model("a", 100), model("b", None)], "primary"), ContextTooLong()) == ["a", "b"]
    assert names(Walk([model("a", None), model("b", 100)], "primary"), ContextTooLong()) == ["a", "b"]


@pytest.mark.parametrize("why", ["open", "full", "limited"])
def test_the_reason_says_why_the_primary_was_passed_over(why: str) -> None:
    assert asked(Walk([FIRST, SECOND], "primary"), Refusal(why))[1] == ("second", f"primary_{why}", 0.0)


def test_the_first_failure_is_what_the_caller_hears_of() -> None:
    walk = Walk([FIRST, SECOND, THIRD], "primary")
    asked(walk, SILENT, AuthenticationFailed(), WAIT_LONG)
    assert walk.error() is SILENT


def test_a_refused_continuation_is_no_failure() -> None:
    walk = Walk([FIRST, SECOND], "primary")
    assert names(walk, "text") == ["first", "second"]
    walk.declined_to_continue(SECOND, InvalidRequest())
    step = walk.next(0)
    assert step is not None
    assert (step.spec, step.reason) == (SECOND, "restarted:provider_unavailable")
    assert isinstance(walk.error(), ProviderUnavailable)


def test_when_all_are_full_the_error_says_when_to_come_back() -> None:
    walk = Walk([FIRST, SECOND], "primary")
    asked(walk, Refusal("open", 25.0), Refusal("full", 2.0))
    error = walk.error()
    assert (type(error), error.retry_after) == (OverCapacity, 2.0)
    assert "in 2 seconds" in error.message


def test_when_all_are_open_they_are_unavailable() -> None:
    walk = Walk([FIRST, SECOND], "primary")
    asked(walk, Refusal("open", 25.0), Refusal("open", None))
    error = walk.error()
    assert (type(error), error.retry_after) == (ProviderUnavailable, 25.0)
    assert "in 25 seconds" in error.message
    nothing_known = Walk([FIRST], "primary")
    asked(nothing_known, Refusal("open", None))
    assert nothing_known.error().message.endswith("later.")
