"""The breaker: when it opens, whom it lets through, and that it recovers by time alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.genai.breaker import GOOD_PROBES, LONGEST_COOLDOWN, MAX_SAMPLES, Breaker, Sample, State, Verdict
from backend.genai.schemas import BreakerPolicy

POLICY = BreakerPolicy(min_samples=5, window=60, error_rate=0.2, rate_limit_rate=0.1, cooldown=30)
SLOW = replace(POLICY, first_token_p95=2.0)
GOOD, ERROR, LIMITED = Verdict.GOOD, Verdict.ERROR, Verdict.RATE_LIMITED
NOW = 1_000_000.0


def after(*verdicts: Verdict, policy: BreakerPolicy = POLICY, first_token: float = 0.5, every: float = 0.1) -> Breaker:
    """A breaker that saw these answers, the last one just before `NOW`."""
    breaker = Breaker()
    for place, verdict in enumerate(verdicts):
        at = NOW - every * (len(verdicts) - place)
        breaker = breaker.record(policy, Sample(at, verdict, first_token if verdict is GOOD else None), f"t{place}")
    return breaker


def opened(at: float = NOW) -> Breaker:
    return replace(Breaker(), opened_at=at, cooldown=POLICY.cooldown)


def probed(
    breaker: Breaker, verdict: Verdict, now: float, policy: BreakerPolicy = POLICY, first: float = 0.5
) -> Breaker:
    admitted = breaker.admit("probe", now, 60)
    assert admitted is not None
    return admitted.record(policy, Sample(now, verdict, first), "probe")


def test_below_the_minimum_of_samples_it_never_opens() -> None:
    assert after(ERROR, ERROR, LIMITED, ERROR).state(NOW) is State.CLOSED


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ((GOOD,) * 4 + (ERROR,), State.OPEN),
        ((GOOD,) * 5 + (ERROR,), State.CLOSED),
        ((GOOD,) * 9 + (LIMITED,), State.OPEN),
        ((GOOD,) * 10 + (LIMITED,), State.CLOSED),
        ((GOOD,) * 30, State.CLOSED),
    ],
    ids=["20 % errors", "17 % errors", "10 % refused for the rate", "9 % refused for the rate", "all well"],
)
def test_it_opens_at_its_rates(verdicts: tuple[Verdict, ...], state: State) -> None:
    assert after(*verdicts).state(NOW) is state


def test_it_opens_when_first_tokens_come_late() -> None:
    assert after(*(GOOD,) * 5, policy=SLOW, first_token=2.1).state(NOW) is State.OPEN
    assert after(*(GOOD,) * 5, policy=SLOW, first_token=1.9).state(NOW) is State.CLOSED
    assert after(*(GOOD,) * 5, policy=POLICY, first_token=60).state(NOW) is State.CLOSED


def test_a_rate_of_zero_needs_one_error_all_the_same() -> None:
    strict = replace(POLICY, error_rate=0, rate_limit_rate=0)
    assert after(*(GOOD,) * 5, policy=strict).state(NOW) is State.CLOSED
    assert after(*(GOOD,) * 50, ERROR, policy=strict).state(NOW) is State.OPEN


def test_what_is_older_than_the_window_doesnt_count() -> None:
    old = after(ERROR, ERROR, ERROR, ERROR, every=0.1)
    late = old.record(POLICY, Sample(NOW + 61, ERROR), "t")
    assert (late.state(NOW + 61), len(late.samples)) == (State.CLOSED, 1)


def test_only_the_latest_answers_count() -> None:
    busy = after(*(GOOD,) * 500, *(ERROR,) * (MAX_SAMPLES // 5), every=0.01)
    assert busy.state(NOW) is State.OPEN


def test_a_misconfiguration_opens_it_at_once() -> None:
    breaker = Breaker().misconfigure(POLICY, "401: wrong key", "t", NOW)
    assert (breaker.state(NOW), breaker.misconfigured) == (State.OPEN, "401: wrong key")


def test_nobody_passes_while_it_is_open() -> None:
    assert opened().admit("t", NOW + 29.9, 60) is None


def test_it_recovers_by_time_alone() -> None:
    assert [opened().state(NOW + wait) for wait in (0, 29.9, 30, 10_000)] == [
        State.OPEN, State.OPEN, State.HALF_OPEN, State.HALF_OPEN,
    ]  # fmt: skip


def test_one_probe_at_a_time_is_let_through() -> None:
    half_open = opened().admit("first", NOW + 30, 60)
    assert half_open is not None
    assert half_open.admit("second", NOW + 31, 60) is None
    assert half_open.release("first").admit("second", NOW + 31, 60) is not None


def test_a_probe_whose_process_died_gives_way() -> None:
    half_open = opened().admit("first", NOW + 30, 60)
    assert half_open is not None
    assert half_open.admit("second", NOW + 89, 60) is None
    assert half_open.admit("second", NOW + 91, 60) is not None


def test_good_probes_close_it() -> None:
    breaker = opened()
    for count in range(GOOD_PROBES):
        assert breaker.state(NOW + 30 + count) is State.HALF_OPEN
        breaker = probed(breaker, GOOD, NOW + 30 + count)
    assert breaker.state(NOW + 40) is State.CLOSED
    assert breaker.admit("anybody", NOW + 40, 60) == breaker


@pytest.mark.parametrize("verdict", [ERROR, LIMITED])
def test_a_bad_probe_opens_it_for_twice_as_long(verdict: Verdict) -> None:
    breaker = probed(opened(), verdict, NOW + 30)
    assert [breaker.state(NOW + 30 + wait) for wait in (59.9, 60)] == [State.OPEN, State.HALF_OPEN]


def test_a_slow_probe_is_a_bad_one() -> None:
    assert probed(opened(), GOOD, NOW + 30, policy=SLOW, first=2.1).state(NOW + 60) is State.OPEN


def test_the_cooldown_doubles_up_to_five_minutes() -> None:
    breaker, now, waits = opened(), NOW, []
    for _ in range(6):
        waits.append(breaker.cooldown)
        now += breaker.cooldown
        breaker = probed(breaker, ERROR, now)
    assert waits == [30, 60, 120, 240, LONGEST_COOLDOWN, LONGEST_COOLDOWN]


def test_answers_from_before_it_opened_neither_close_nor_prolong_it() -> None:
    for verdict in (GOOD, ERROR):
        assert opened().record(POLICY, Sample(NOW + 1, verdict), "earlier") == opened()


def test_what_is_opened_by_hand_stays_open_until_it_is_closed_by_hand() -> None:
    breaker = Breaker().opened_by_hand(NOW)
    assert breaker.state(NOW + 1e9) is State.OPEN
    assert breaker.next_probe_at(NOW) is None
    assert breaker.record(POLICY, Sample(NOW, GOOD), "t").state(NOW) is State.OPEN
    assert breaker.closed_by_hand().state(NOW) is State.CLOSED


def test_closing_by_hand_forgets_the_misconfiguration() -> None:
    broken = Breaker().misconfigure(POLICY, "401", "t", NOW).note_error("401", NOW)
    assert (broken.closed_by_hand().misconfigured, broken.closed_by_hand().last_error) == ("", "401")


def test_the_next_probe_is_after_the_cooldown_or_the_probe_under_way() -> None:
    assert Breaker().next_probe_at(NOW) is None
    assert opened().next_probe_at(NOW + 10) == NOW + 30
    half_open = opened().admit("first", NOW + 30, 60)
    assert half_open is not None
    assert half_open.next_probe_at(NOW + 31) == NOW + 90


def test_a_record_of_another_version_is_a_new_one() -> None:
    for text in ("", None, "no json", "[]", '{"samples": 3}', '{"of another version": 1}', '{"opened_at": "x"}'):
        assert Breaker.decode(text) == Breaker()


samples = st.builds(
    Sample, st.floats(0, 1e10), st.sampled_from(Verdict), st.none() | st.floats(0, 1e3, allow_subnormal=False)
)


@given(
    st.builds(
        Breaker,
        samples=st.lists(samples, max_size=5).map(tuple),
        opened_at=st.none() | st.floats(1, 1e10),
        cooldown=st.floats(0, 300),
        probe=st.text(max_size=5),
        forced=st.booleans(),
        misconfigured=st.text(max_size=9),
        last_error_at=st.none() | st.floats(1, 1e10),
    )
)
def test_a_record_survives_the_wire(breaker: Breaker) -> None:
    assert Breaker.decode(breaker.encode()) == breaker


@given(st.lists(st.tuples(st.sampled_from(Verdict), st.floats(0.01, 120)), max_size=60))
def test_it_is_never_open_for_longer_than_five_minutes(answers: list[tuple[Verdict, float]]) -> None:
    breaker, now = Breaker(), NOW
    for place, (verdict, wait) in enumerate(answers):
        now += wait
        if admitted := breaker.admit(f"t{place}", now, 60):
            breaker = admitted.record(POLICY, Sample(now, verdict), f"t{place}")
        assert breaker.state(now + LONGEST_COOLDOWN) is not State.OPEN
