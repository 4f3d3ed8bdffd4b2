"""A misbehaving provider over real sockets, for every row of genai.md, section 4.

Each test looks at what the caller gets, at what each model was asked and when, at the ledger, and that the next
healthy request works.
"""

import asyncio
import time

import pytest

from backend import genai
from backend.access import SYSTEM
from backend.genai import Finished, Restarted, Routed, TextDelta
from backend.genai.errors import (
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    OverCapacity,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.health import read_health
from backend.genai.walk import QUICK_PAUSE
from tests.support.genai import Servers, ask, ask_in_vain, ledger_rows, model_of, question, routes, store, text_of
from tests.support.replay import Replay, refusing_port
from tests.support.replay_answers import (
    Answer,
    Pause,
    anthropic_answer,
    anthropic_error,
    openai_answer,
    openai_error,
    raw_answer,
)
from tests.support.services import environment

OVERLOADED = openai_error(503, "overloaded", type="server_error")
SLOW_DOWN = openai_error(429, "slow down", type="rate_limit_error")
TOO_LONG = openai_error(400, "maximum context length is 10 tokens", code="context_length_exceeded")
WELL = openai_answer("Six.")
HALF = openai_answer("one two three four")
PATIENT = {"breaker_min_samples": 1000}
"""A model whose breaker stays out of the test."""


async def the_next_request_works(*replays: Replay, says: str = "Well again.") -> None:
    """Every server answers from now on, and so does the chain."""
    for replay in replays:
        replay.play(openai_answer(says))
    assert text_of(await ask()) == says


async def rows() -> list[tuple[str, str, str | None]]:
    """The ledger: (reason, outcome, error)."""
    return [(row.reason, row.outcome, row.error_class) for row in await ledger_rows()]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
async def test_5xx_once_is_retried_on_the_same_model(servers: Servers, status: int) -> None:
    first, second = await servers.chain(WELL, WELL, fields=(PATIENT,))
    first.play(openai_error(status, "oops"), WELL)
    events = await ask()
    assert routes(events) == [("primary", "primary"), ("primary", "retried:provider_unavailable")]
    assert (len(first.requests), len(second.requests)) == (2, 0)
    assert first.requests[1].at - first.requests[0].at >= QUICK_PAUSE * 0.9
    assert await rows() == [
        ("primary", "failed", "ProviderUnavailable"),
        ("retried:provider_unavailable", "succeeded", None),
    ]
    await the_next_request_works(first, second)


async def test_5xx_for_ever_goes_to_the_next_model_after_one_retry(servers: Servers) -> None:
    first, second = await servers.chain(OVERLOADED, WELL, fields=(PATIENT,))
    assert text_of(await ask()) == "Six."
    assert (len(first.requests), len(second.requests)) == (2, 1)
    await the_next_request_works(first, second)


async def test_a_reset_before_the_headers_is_retried_once(servers: Servers) -> None:
    first, second = await servers.chain(WELL, WELL, fields=(PATIENT,))
    first.play(WELL.reset_before_headers(), WELL)
    assert routes(await ask())[-1] == ("primary", "retried:provider_unavailable")
    assert second.requests == []
    await the_next_request_works(first, second)


async def test_a_refused_connection_goes_to_the_next_model_at_once(servers: Servers) -> None:
    first, second = await servers.chain(WELL, WELL, fields=(PATIENT,))
    with refusing_port() as port:
        await store(models=[model_of(first, url_template=f"http://127.0.0.1:{port}/v1")])
        assert routes(await ask()) == [("primary", "primary"), ("second", "failed_over:provider_unavailable")]
    await store(models=[model_of(first)])
    await the_next_request_works(first, second)


async def test_429_with_a_short_wait_is_obeyed_when_nothing_else_can_serve(servers: Servers) -> None:
    (only,) = await servers.chain(WELL, fields=(PATIENT,))
    only.play(SLOW_DOWN.with_headers(retry_after="1"), WELL)
    assert routes(await ask()) == [("primary", "primary"), ("primary", "retried:rate_limited")]
    assert 0.95 <= only.requests[1].at - only.requests[0].at <= 3
    await the_next_request_works(only)


async def test_429_with_a_short_wait_goes_to_another_model_if_there_is_one(servers: Servers) -> None:
    first, second = await servers.chain(SLOW_DOWN.with_headers(retry_after="1"), WELL, fields=(PATIENT,))
    assert routes(await ask()) == [("primary", "primary"), ("second", "failed_over:rate_limited")]
    assert len(first.requests) == 1
    await the_next_request_works(first, second)


@pytest.mark.parametrize("answer", [SLOW_DOWN, SLOW_DOWN.with_headers(retry_after="60")], ids=["no wait", "a minute"])
async def test_429_with_a_long_or_no_wait_is_the_callers(servers: Servers, answer: Answer) -> None:
    (only,) = await servers.chain(answer, fields=(PATIENT,))
    _events, error = await ask_in_vain()
    assert isinstance(error, RateLimited)
    assert len(only.requests) == 1
    await the_next_request_works(only)


async def test_429_for_ever_is_never_asked_more_than_twice(servers: Servers) -> None:
    (only,) = await servers.chain(SLOW_DOWN.with_headers(retry_after="0"), fields=(PATIENT,))
    assert isinstance((await ask_in_vain())[1], RateLimited)
    assert len(only.requests) == 2
    await the_next_request_works(only)


@pytest.mark.parametrize("silent", [WELL.hang_before_headers(), WELL.hang_after_headers()], ids=["mute", "headers"])
async def test_a_silent_model_gives_way_and_is_not_asked_again(servers: Servers, silent: Answer) -> None:
    first, second = await servers.chain(silent, OVERLOADED, fields=({"first_token_timeout": 0.3, **PATIENT}, PATIENT))
    second.play(OVERLOADED, WELL)
    begun = time.monotonic()
    assert text_of(await ask()) == "Six."
    assert 0.3 <= time.monotonic() - begun < 3
    assert len(first.requests) == 1
    await asyncio.wait_for(first.requests[0].closed.wait(), 3)  # and isn't left to go on
    await the_next_request_works(first, second)


@pytest.mark.parametrize(
    "broken",
    [HALF.cut(after=2), HALF.reset(after=2), HALF.end(after=2), HALF.hang(after=2)],
    ids=["cut", "reset", "ended early", "stalled"],
)
async def test_an_answer_that_breaks_off_is_begun_anew_by_the_next_model(servers: Servers, broken: Answer) -> None:
    first, second = await servers.chain(
        broken, openai_answer("Six again."), fields=({"stall_timeout": 0.3, **PATIENT},)
    )
    events = await ask()
    at = next(place for place, event in enumerate(events) if isinstance(event, Restarted))
    assert events[at] == Restarted("second", "restarted:provider_unavailable")
    assert text_of(events[:at]) == "one two "
    assert text_of(events[at:]) == "Six again."
    assert isinstance(events[-1], Finished)
    assert await rows() == [
        ("primary", "failed", "ProviderUnavailable"),
        ("restarted:provider_unavailable", "succeeded", None),
    ]
    await the_next_request_works(first, second)


async def test_a_restarted_answer_is_whole_for_callers_that_dont_stream(servers: Servers) -> None:
    await servers.chain(HALF.cut(after=2), openai_answer("Six again."), fields=(PATIENT,))
    completion = await genai.generate(question())
    assert (completion.text, completion.model) == ("Six again.", "second")
    assert completion.reason == "restarted:provider_unavailable"


async def test_a_cut_answer_is_never_finished_when_nobody_else_is_left(servers: Servers) -> None:
    (only,) = await servers.chain(HALF.cut(after=2), fields=(PATIENT,))
    events, error = await ask_in_vain()
    assert isinstance(error, ProviderUnavailable)
    assert not any(isinstance(event, Finished) for event in events)
    assert len(only.requests) == 1
    await the_next_request_works(only)


PREFILL = {"supports_assistant_prefill": True, **PATIENT}


async def test_a_half_is_continued_where_both_models_can(servers: Servers) -> None:
    cut, rest = HALF.cut(after=2), openai_answer([" three", " four"])
    first, second = await servers.chain(cut, rest, fields=(PREFILL, PREFILL))
    events = await ask()
    assert text_of(events) == "one two three four"
    assert routes(events)[-1] == ("second", "continued:provider_unavailable")
    assert not any(isinstance(event, Restarted) for event in events)
    assert second.requests[0].json["messages"][-1] == {"role": "assistant", "content": "one two"}
    await the_next_request_works(first, second)


@pytest.mark.parametrize("fields", [(PREFILL, PATIENT), (PATIENT, PREFILL)], ids=["only the first", "only the second"])
async def test_a_half_is_begun_anew_unless_both_can(servers: Servers, fields: tuple[dict[str, object], ...]) -> None:
    await servers.chain(HALF.cut(after=2), WELL, fields=fields)
    assert routes(await ask())[-1] == ("second", "restarted:provider_unavailable")


async def test_a_fallback_that_rejects_the_half_is_asked_for_the_whole(servers: Servers) -> None:
    first, second = await servers.chain(HALF.cut(after=2), WELL, fields=(PREFILL, PREFILL))
    second.play(openai_error(400, "Prefilling assistant messages is not supported for this model."), WELL)
    events = await ask()
    assert [type(event) for event in events if isinstance(event, Routed | Restarted)] == [Routed, Routed, Restarted]
    assert text_of(events[events.index(Restarted("second", "restarted:provider_unavailable")) :]) == "Six."
    await the_next_request_works(first, second)


async def test_the_first_failure_is_raised_and_not_the_rejected_half(servers: Servers) -> None:
    rejects = openai_error(400, "Prefilling assistant messages is not supported for this model.")
    first, second = await servers.chain(HALF.cut(after=2), rejects, fields=(PREFILL, PREFILL))
    second.play(rejects, OVERLOADED)
    _, error = await ask_in_vain()
    assert isinstance(error, ProviderUnavailable)
    assert error is not None
    assert "overloaded" not in error.detail
    await the_next_request_works(first, second)


async def test_an_invalid_request_is_the_callers_unchanged(servers: Servers) -> None:
    first, second = await servers.chain(openai_error(400, "messages: wrong"), WELL)
    _, error = await ask_in_vain()
    assert isinstance(error, InvalidRequest)
    assert "messages: wrong" in error.detail
    assert (len(first.requests), second.requests) == (1, [])
    await the_next_request_works(first, second)


async def test_a_context_too_long_goes_once_to_the_largest_window(servers: Servers) -> None:
    windows = tuple({"context_window": size, **PATIENT} for size in (10, 5, 1000))
    first, second, third = await servers.chain(TOO_LONG, WELL, TOO_LONG, fields=windows)
    _, error = await ask_in_vain()
    assert isinstance(error, ContextTooLong)
    assert [len(each.requests) for each in (first, second, third)] == [1, 0, 1]
    await the_next_request_works(first, second, third)


@pytest.mark.parametrize(
    "filtered",
    [
        openai_error(400, "flagged by our policy", code="content_filter"),
        openai_answer("one", finish_reason="content_filter"),
    ],
    ids=["at once", "after text"],
)
async def test_a_content_filter_is_never_routed_around(servers: Servers, filtered: Answer) -> None:
    first, second = await servers.chain(filtered, WELL)
    _, error = await ask_in_vain()
    assert isinstance(error, ContentFiltered)
    assert second.requests == []
    await the_next_request_works(first, second)


@pytest.mark.parametrize(
    "refusal",
    [
        openai_error(401, "Incorrect API key provided", code="invalid_api_key"),
        openai_error(403, "You have no access to this project"),
        openai_error(404, "The model `replay-1` does not exist", code="model_not_found"),
    ],
    ids=["bad key", "no permission", "unknown model"],
)
async def test_a_misconfigured_model_gives_way_and_is_marked(servers: Servers, refusal: Answer) -> None:
    first, second = await servers.chain(refusal, WELL)
    assert routes(await ask())[-1] == ("second", "failed_over:authentication_failed")
    marked, fine = (await read_health(SYSTEM)).models
    assert (marked.state, fine.state) == ("open", "closed")
    assert "AuthenticationFailed" in marked.misconfigured
    assert fine.misconfigured == ""
    assert routes(await ask()) == [("second", "primary_open")]  # nobody has to wait for the wrong key again
    assert len(first.requests) == 1
    await the_next_request_works(first, second)


async def test_a_model_with_a_new_key_is_asked_at_once(servers: Servers) -> None:
    (only,) = await servers.chain(openai_error(401, "Incorrect API key", code="invalid_api_key"))
    assert isinstance((await ask_in_vain())[1], AuthenticationFailed)
    only.play(WELL)
    await store(models=[model_of(only, api_key="sk-the-right-one-0123456789")])
    assert text_of(await ask()) == "Six."


async def test_a_misconfigured_model_alone_says_so(servers: Servers) -> None:
    (only,) = await servers.chain(openai_error(401, "Incorrect API key", code="invalid_api_key"))
    assert isinstance((await ask_in_vain())[1], AuthenticationFailed)
    _, error = await ask_in_vain()
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after is not None
    assert 25 < error.retry_after <= 30
    assert len(only.requests) == 1


async def test_a_malformed_event_costs_nobody_the_answer(servers: Servers) -> None:
    first, second = await servers.chain(HALF.malformed(after=2), WELL)
    assert text_of(await ask()) == "one two three four"
    assert second.requests == []
    await the_next_request_works(first, second)


async def test_a_missing_terminator_is_no_cut(servers: Servers) -> None:
    _first, second = await servers.chain(openai_answer("one two", done=False), WELL)
    assert text_of(await ask()) == "one two"
    assert second.requests == []


@pytest.mark.parametrize(
    "nonsense",
    [
        raw_answer(b"[" * 100_000, content_type="application/json"),
        raw_answer(b'{"error": {"code": "' + b"9" * 5000 + b'"}}', status=500, content_type="application/json"),
        raw_answer(b'{"error": {"message": "\\ud800"}}', status=500, content_type="application/json"),
    ],
    ids=["deep nesting", "endless code", "half a character"],
)
async def test_no_nonsense_of_a_server_keeps_the_next_model_from_answering(servers: Servers, nonsense: Answer) -> None:
    first, second = await servers.chain(nonsense, WELL, fields=(PATIENT,))
    assert text_of(await ask()) == "Six."
    (await read_health(SYSTEM)).models[0].last_error.encode()
    await the_next_request_works(first, second)


async def test_half_a_key_is_no_more_told_than_a_whole_one(servers: Servers) -> None:
    key = "gateway-0123456789-0123456789-0123456789"
    told = openai_error(500, "x" * 470 + f" {key}")
    (only,) = await servers.chain(told, fields=({"api_key": key, **PATIENT},))
    _, error = await ask_in_vain()
    assert "gateway-0123" not in error.detail
    assert len(only.requests) == 2


async def test_everyone_down_is_one_clear_error(servers: Servers) -> None:
    fields = tuple({"first_token_timeout": 0.3, **PATIENT} for _ in range(3))
    chain = await servers.chain(OVERLOADED, SLOW_DOWN, WELL.hang_before_headers(), fields=fields)
    _, error = await ask_in_vain()
    assert isinstance(error, ProviderUnavailable)
    assert "overloaded" in error.detail
    assert [len(each.requests) for each in chain] == [2, 1, 1]
    await the_next_request_works(*chain)


async def test_a_primary_that_is_down_for_a_while_comes_back_by_itself(servers: Servers) -> None:
    quick = {"breaker_min_samples": 5, "breaker_cooldown": 1.0, "breaker_window": 60}
    first, _second = await servers.chain(OVERLOADED, WELL, fields=(quick,))
    for _ in range(3):
        assert text_of(await ask()) == "Six."
    asked = len(first.requests)
    assert asked == 5  # two tries a request, until five samples were enough; the last request's retry found it open
    for _ in range(5):
        assert routes(await ask()) == [("second", "primary_open")]
    assert len(first.requests) == asked
    first.play(openai_answer("First."))
    await asyncio.sleep(1.1)
    for _ in range(4):
        assert text_of(await ask()) == "First."
    assert (await read_health(SYSTEM)).models[0].state == "closed"


async def test_the_whole_walk_stays_within_the_time_of_a_request(servers: Servers) -> None:
    fields = tuple({"first_token_timeout": 1.0, "total_timeout": 1.5, **PATIENT} for _ in range(4))
    silent = WELL.hang_before_headers()
    chain = await servers.chain(silent, silent, silent, silent, fields=fields)
    begun = time.monotonic()
    assert isinstance((await ask_in_vain())[1], ProviderUnavailable)
    assert time.monotonic() - begun < 3
    assert len(chain[3].requests) == 0


async def test_a_model_that_only_got_the_rest_of_the_time_isnt_blamed(servers: Servers) -> None:
    slow = openai_answer("one two").insert(Pause(5), after=1)
    _first, _ = await servers.chain(
        WELL.hang_before_headers(),
        slow,
        fields=({"first_token_timeout": 1.5, "total_timeout": 3.0, **PATIENT}, PATIENT),
    )
    assert isinstance((await ask_in_vain())[1], ProviderUnavailable)
    assert [each.samples for each in (await read_health(SYSTEM)).models] == [1, 0]


async def test_anthropics_overload_goes_the_same_way(servers: Servers) -> None:
    first, second = await servers.chain(anthropic_answer(), WELL, fields=(PATIENT,))
    first.play(anthropic_error(529, "overloaded_error", "Overloaded"))
    assert text_of(await ask()) == "Six."
    assert (len(first.requests), len(second.requests)) == (2, 1)


async def test_the_kill_switch_asks_the_primary_only(servers: Servers) -> None:
    with environment(GENAI_ROUTING_PRIMARY_ONLY="1"):
        first, second = await servers.chain(WELL, WELL, fields=({"max_concurrent": 1},))
        first.play(*[OVERLOADED] * 12, WELL)
        for _ in range(6):
            assert isinstance((await ask_in_vain())[1], ProviderUnavailable)
        assert text_of(await ask()) == "Six."  # no breaker has opened
        assert second.requests == []
        assert (await read_health(SYSTEM)).primary_only
        first.play(openai_answer("one two three").pace(10))
        assert len(await asyncio.gather(*(ask() for _ in range(3)))) == 3  # nor is anybody refused a place


async def test_everyone_full_says_when_to_come_back(servers: Servers) -> None:
    (only,) = await servers.chain(openai_answer("one two three").pace(10), fields=({"max_concurrent": 1},))
    under_way = asyncio.create_task(ask())
    while not only.requests:
        await asyncio.sleep(0.01)
    _, error = await ask_in_vain()
    assert isinstance(error, OverCapacity)
    assert error.retry_after is not None
    assert "try again in" in error.message
    await under_way
    await the_next_request_works(only)


async def test_a_full_primary_overflows_to_the_secondary(servers: Servers) -> None:
    slow = openai_answer("one two three").pace(10)
    first, second = await servers.chain(slow, WELL, fields=({"max_concurrent": 1},))
    under_way = asyncio.create_task(ask())
    while not first.requests:
        await asyncio.sleep(0.01)
    assert routes(await ask()) == [("second", "primary_full")]
    assert text_of(await under_way) == "one two three"
    await the_next_request_works(first, second)


async def test_a_stop_closes_the_upstream_request_and_is_no_failure_of_the_model(servers: Servers) -> None:
    (only,) = await servers.chain(openai_answer(["word "] * 600).pace(50), fields=({"max_concurrent": 1},))

    async def read_a_little() -> None:
        async for event in genai.stream(question()):
            if isinstance(event, TextDelta):
                await asyncio.sleep(60)

    task = asyncio.create_task(read_a_little())
    while not only.requests:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait_for(only.requests[0].closed.wait(), 3)
    await asyncio.gather(task, return_exceptions=True)
    await the_next_request_works(only)  # the place is free again
    (health,) = (await read_health(SYSTEM)).models
    assert (health.in_flight, health.error_rate, health.samples) == (0, 0, 1)


async def test_requests_per_minute_send_the_rest_to_the_next_model(servers: Servers) -> None:
    first, second = await servers.chain(WELL, WELL, fields=({"requests_per_minute": 3},))
    reasons = [routes(await ask())[0] for _ in range(5)]
    assert reasons == [("primary", "primary")] * 3 + [("second", "primary_limited")] * 2
    assert (len(first.requests), len(second.requests)) == (3, 2)


async def test_tokens_per_minute_are_counted_when_known(servers: Servers) -> None:
    usage = {"prompt_tokens": 600, "completion_tokens": 1, "total_tokens": 601}
    await servers.chain(openai_answer("Six.", usage=usage), WELL, fields=({"tokens_per_minute": 1000},))
    assert [routes(await ask())[0][0] for _ in range(3)] == ["primary", "primary", "second"]


async def test_a_stream_that_gets_no_ticket_writes_no_row(servers: Servers) -> None:
    await servers.chain(WELL, fields=({"requests_per_minute": 1},))
    await ask()
    _, error = await ask_in_vain()
    assert isinstance(error, OverCapacity)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 60
    assert len(await ledger_rows()) == 1
