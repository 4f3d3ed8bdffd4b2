"""Waits between attempts, what becomes of an error, and the arrows between statuses: no I/O."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from backend.access import Action
from backend.core.errors import Forbidden, Invalid, Unavailable
from backend.genai.errors import (
    AuthenticationFailed,
    CompletionError,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
)
from backend.jobs import JobStatus, Kind, Permanent, known_kinds, register
from backend.jobs.attempts import after_failure
from backend.jobs.backoff import bound, delay
from backend.jobs.errors import CRASHED, Failure, classify
from backend.jobs.kinds import kind_named, parse_payload
from backend.jobs.models import ARROWS
from backend.jobs.queries import Claimed

attempts = st.integers(min_value=1, max_value=10_000)
seconds = st.floats(min_value=0, max_value=1e6)
drawn = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(attempts, drawn, seconds, seconds)
def test_a_wait_lies_between_zero_and_its_bound(attempt: int, random: float, base: float, cap: float) -> None:
    assert 0 <= delay(attempt, random, base=base, cap=cap) <= bound(attempt, base, cap) <= cap


@given(attempts, seconds, seconds)
def test_bounds_never_fall_from_one_attempt_to_the_next(attempt: int, base: float, cap: float) -> None:
    assert bound(attempt, base, cap) <= bound(attempt + 1, base, cap)


@given(attempts, drawn, drawn)
def test_a_larger_draw_never_waits_less(attempt: int, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert delay(attempt, less, base=5, cap=600) <= delay(attempt, more, base=5, cap=600)


@given(attempts, drawn, st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_what_a_provider_asks_for_is_waited_for_but_not_for_ever(attempt: int, random: float, asked: float) -> None:
    wait = delay(attempt, random, base=5, cap=600, retry_after=asked)
    assert min(600, asked) <= wait <= 600


def test_bounds_double_from_five_seconds_to_ten_minutes() -> None:
    assert [bound(attempt, 5, 600) for attempt in (1, 2, 3, 7, 8, 9)] == [5, 10, 20, 320, 600, 600]


@pytest.mark.parametrize(
    "error", [InvalidRequest(), ContentFiltered(), ContextTooLong(), Permanent(), Invalid(), Forbidden()]
)
def test_what_the_next_attempt_would_meet_again_is_permanent(error: Exception) -> None:
    assert classify(error).permanent


@pytest.mark.parametrize(
    "error",
    [
        RateLimited(),
        ProviderUnavailable(),
        AuthenticationFailed(),
        CompletionError(),
        Unavailable(),
        TimeoutError(),
        OSError(),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert not classify(error).permanent


def test_a_providers_wait_is_kept() -> None:
    assert classify(RateLimited(retry_after=17.0)).retry_after == 17.0


@pytest.mark.parametrize("error", [RuntimeError("password=hunter2"), KeyError("secret"), SystemExit(3)])
def test_only_errors_meant_for_people_tell_their_message(error: BaseException) -> None:
    assert classify(error).message == CRASHED


def claimed(attempt: int, most: int) -> Claimed:
    return Claimed(uuid4(), "kind", "io", "p2", {}, attempt, most, uuid4(), None, None, 0.0)


@given(st.integers(1, 30), st.integers(1, 30), st.booleans(), drawn)
def test_a_failure_leads_where_an_arrow_leads(attempt: int, most: int, permanent: bool, random: float) -> None:
    outcome = after_failure(claimed(attempt, most), Failure("Error", "It broke.", permanent), lambda: random)
    assert outcome.status in ARROWS[JobStatus.RUNNING]
    if permanent:
        assert outcome.status is JobStatus.FAILED
    else:
        assert (outcome.status is JobStatus.QUEUED) == (attempt < most)
    assert not outcome.given_back


def test_final_states_are_left_by_a_retry_alone() -> None:
    for status in JobStatus:
        if status.final:
            assert ARROWS[status] == ({JobStatus.QUEUED} if status.retryable else set())
        else:
            assert ARROWS[status]


class Payload(BaseModel):
    pages: int


def test_a_payload_that_doesnt_fit_names_its_field() -> None:
    async def never(_context: object, _payload: object) -> Payload:
        raise AssertionError

    register(Kind("print", Payload, Payload, never, Action.SECTION_LIST))
    try:
        assert parse_payload(kind_named("print"), {"pages": 3}) == Payload(pages=3)
        with pytest.raises(Invalid, match=r"payload\.pages"):
            parse_payload(kind_named("print"), {"pages": "many"})
    finally:
        known_kinds().pop("print")  # type: ignore[attr-defined]
    with pytest.raises(Invalid, match="kind"):
        kind_named("print")
