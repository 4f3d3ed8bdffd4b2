"""Completions over real sockets: fallback, errors, cancelling, structured output."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import pytest
from structlog.testing import capture_logs

from backend import genai
from backend.genai import Feature, Finished, Routed, TextDelta, ToolCall, Usage
from backend.genai.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    CompletionError,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    MissingFeatureConfig,
    ProviderUnavailable,
    RateLimited,
)
from backend.genai.schemas import FinishReason, ResponseSchema, Tool
from tests.support.genai import (
    Servers,
    ask,
    ask_in_vain,
    ledger_rows,
    make_section,
    model_of,
    nothing_remembered,
    question,
    routes,
    store,
    text_of,
)
from tests.support.replay import refusing_port
from tests.support.replay_answers import (
    Answer,
    Fault,
    anthropic_answer,
    anthropic_error,
    openai_answer,
    openai_error,
    raw_answer,
)

LONG = openai_answer(["word "] * 600).pace(60)
OVERLOADED = openai_error(503, "overloaded", type="server_error")
TOO_LONG = openai_error(400, "This model's maximum context length is 10 tokens", code="context_length_exceeded")
SCHEMA = ResponseSchema("answer", {"type": "object", "properties": {"moles": {"type": "number"}}})
STOP_WITHIN = 3.0
"""Seconds: the promised second, three times."""


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        yield Servers(stack)


async def test_events_come_in_order_and_only_once(servers: Servers) -> None:
    await servers.chain(openai_answer("Six times ten to the 23rd."))
    events = await ask()
    assert events[0] == Routed("primary", "primary")
    assert text_of(events) == "Six times ten to the 23rd."
    assert [type(event) for event in events[-2:]] == [Usage, Finished]
    assert sum(isinstance(event, Finished | Usage | Routed) for event in events) == 3


async def test_an_answer_is_given_as_a_whole_too(servers: Servers) -> None:
    await servers.chain(openai_answer("Six."))
    completion = await genai.generate(question())
    assert (completion.text, completion.model, completion.reason) == ("Six.", "primary", "primary")
    assert (completion.finish_reason, completion.reported_model) == (FinishReason.STOP, "replay-1")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (11, 1)


async def test_anthropic_answers_through_the_same_door(servers: Servers) -> None:
    await servers.chain(anthropic_answer("Six."))
    assert (await genai.generate(question())).text == "Six."


async def test_tool_calls_come_whole(servers: Servers) -> None:
    await servers.chain(
        openai_answer("", tool_calls=[("c1", "look_up", '{"word": "mole"}')], finish_reason="tool_calls")
    )
    tool = Tool("look_up", "Looks a word up.", {"type": "object", "properties": {"word": {"type": "string"}}})
    completion = await genai.generate(question(prompt={"tools": (tool,), "response_schema": SCHEMA}))
    assert completion.tool_calls == (ToolCall("c1", "look_up", {"word": "mole"}),)
    assert (completion.finish_reason, completion.parsed) == (FinishReason.TOOL_CALLS, None)


async def test_a_model_that_takes_no_tools_is_sent_none(servers: Servers) -> None:
    (replay,) = await servers.chain(openai_answer(), fields=({"supports_tools": False},))
    await ask(question(prompt={"tools": (Tool("t", "d", {"type": "object"}),)}))
    assert "tools" not in replay.requests[0].json


@pytest.mark.parametrize(("asked", "sent"), [(None, 300), (100, 100), (900, 300)])
async def test_the_tightest_token_limit_is_sent(servers: Servers, asked: int | None, sent: int) -> None:
    (replay,) = await servers.chain(
        openai_answer(), fields=({"max_output_tokens": 400},), max_output_tokens=300, temperature=0.3
    )
    await ask(question(prompt={"max_output_tokens": asked}))
    assert (replay.requests[0].json["max_tokens"], replay.requests[0].json["temperature"]) == (sent, 0.3)


async def test_the_callers_temperature_wins(servers: Servers) -> None:
    (replay,) = await servers.chain(openai_answer(), temperature=0.3)
    await ask(question(prompt={"temperature": 0.0}))
    assert replay.requests[0].json["temperature"] == 0.0


@pytest.mark.parametrize(
    ("failure", "reason", "tries"),
    [
        (OVERLOADED, "provider_unavailable", 2),
        (openai_error(429, "slow down", type="rate_limit_error"), "rate_limited", 1),
        (openai_error(401, "Incorrect API key", code="invalid_api_key"), "authentication_failed", 1),
        (openai_error(404, "no such model", code="model_not_found"), "authentication_failed", 1),
        (openai_answer().hang_before_headers(), "provider_unavailable", 1),
        (openai_answer().hang_after_headers(), "provider_unavailable", 1),
        (openai_answer().reset_before_headers(), "provider_unavailable", 2),
        (openai_answer().cut(after=0), "provider_unavailable", 2),
        (anthropic_error(529, "overloaded_error", "Overloaded"), "provider_unavailable", 2),
    ],
    ids=["503", "429", "401", "404", "silence", "headers alone", "reset", "cut", "529"],
)
async def test_a_model_that_fails_before_its_first_token_gives_way(
    servers: Servers, failure: Answer, reason: str, tries: int
) -> None:
    patience = 0.3 if Fault.HANG in (failure.before_headers, *failure.steps) else 12
    await servers.chain(failure, openai_answer("Six."), fields=({"first_token_timeout": patience},))
    events = await ask()
    reasons = [*["primary", f"retried:{reason}"][:tries], f"failed_over:{reason}"]
    assert routes(events) == [*(("primary", each) for each in reasons[:tries]), ("second", reasons[-1])]
    assert text_of(events) == "Six."
    assert [(row.attempt, row.reason, row.outcome) for row in await ledger_rows()] == [
        *((number, each, "failed") for number, each in enumerate(reasons[:tries], 1)),
        (tries + 1, reasons[-1], "succeeded"),
    ]


async def test_a_refused_connection_gives_way(servers: Servers) -> None:
    replays = await servers.chain(openai_answer(), openai_answer("Six."))
    with refusing_port() as port:
        await store(models=[model_of(replays[0], url_template=f"http://127.0.0.1:{port}/v1")])
        assert text_of(await ask()) == "Six."


async def test_the_reason_names_what_failed_last(servers: Servers) -> None:
    await servers.chain(OVERLOADED, openai_error(429, "slow down"), openai_answer())
    assert [reason for _, reason in routes(await ask())] == [
        "primary",
        "retried:provider_unavailable",
        "failed_over:provider_unavailable",
        "failed_over:rate_limited",
    ]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (openai_error(400, "messages: wrong"), InvalidRequest),
        (openai_error(400, "filtered", code="content_filter"), ContentFiltered),
        (openai_answer("", finish_reason="content_filter"), ContentFiltered),
    ],
    ids=["400", "filter", "filter in the stream"],
)
async def test_what_would_fail_everywhere_does_not_fall_over(
    servers: Servers, failure: Answer, error: type[CompletionError]
) -> None:
    _, second = await servers.chain(failure, openai_answer())
    events, raised = await ask_in_vain()
    assert type(raised) is error
    assert routes(events) == [("primary", "primary")]
    assert second.requests == []
    (row,) = await ledger_rows()
    assert (row.outcome, row.error_class) == ("failed", error.__name__)


async def test_when_all_fail_the_first_error_is_raised(servers: Servers) -> None:
    await servers.chain(openai_error(429, "slow down"), OVERLOADED, openai_error(401, "wrong key"))
    events, error = await ask_in_vain()
    assert isinstance(error, RateLimited)
    assert "slow down" in error.detail
    assert len(routes(events)) == 4
    assert [(row.attempt, row.error_class, row.http_status) for row in await ledger_rows()] == [
        (1, "RateLimited", 429),
        (2, "ProviderUnavailable", 503),
        (3, "ProviderUnavailable", 503),
        (4, "AuthenticationFailed", 401),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        openai_answer("one two three four").cut(after=2),
        openai_answer("one two three four").reset(after=2),
        openai_answer("one two three four").end(after=2),
        openai_answer("one two three four").hang(after=2),
        openai_answer("one two three four").insert(b'data: {"error": {"message": "overloaded"}}\n\n', after=2),
    ],
    ids=["cut", "reset", "ended early", "stalled", "error event"],
)
async def test_an_answer_that_breaks_off_is_an_error_and_never_finished(servers: Servers, answer: Answer) -> None:
    patience = 0.3 if Fault.HANG in answer.steps else 15
    await servers.chain(answer, fields=({"stall_timeout": patience},))
    events, error = await ask_in_vain()
    assert isinstance(error, ProviderUnavailable)
    assert text_of(events) == "one two "
    assert not any(isinstance(event, Finished) for event in events)
    (row,) = await ledger_rows()
    assert (row.outcome, row.cost_usd or 0, row.output_tokens) == ("failed", 0, 0)
    assert row.first_token_ms is not None


async def test_an_answer_that_breaks_off_is_no_whole_answer_either(servers: Servers) -> None:
    await servers.chain(openai_answer("one two three").cut(after=2))
    with pytest.raises(ProviderUnavailable):
        await genai.generate(question())


async def test_a_prompt_too_long_goes_to_the_roomiest_model(servers: Servers) -> None:
    windows = ({"context_window": 10}, {"context_window": 5}, {"context_window": 1000})
    _, second, _ = await servers.chain(TOO_LONG, openai_answer(), openai_answer("Six."), fields=windows)
    events = await ask()
    assert routes(events) == [("primary", "primary"), ("third", "failed_over:context_too_long")]
    assert text_of(events) == "Six."
    assert second.requests == []
    assert [row.attempt for row in await ledger_rows()] == [1, 2]


async def test_a_prompt_too_long_goes_to_one_roomier_model_only(servers: Servers) -> None:
    windows = ({"context_window": 10}, {"context_window": 1000}, {"context_window": 100})
    *_, third = await servers.chain(TOO_LONG, TOO_LONG, openai_answer(), fields=windows)
    _, error = await ask_in_vain()
    assert isinstance(error, ContextTooLong)
    assert third.requests == []


async def test_a_prompt_too_long_for_the_roomiest_model_is_an_error(servers: Servers) -> None:
    windows = ({"context_window": 1000}, {"context_window": 1000}, {"context_window": 10})
    _, second, third = await servers.chain(TOO_LONG, openai_answer(), openai_answer(), fields=windows)
    _, error = await ask_in_vain()
    assert isinstance(error, ContextTooLong)
    assert second.requests == third.requests == []


async def test_a_window_that_nobody_knows_is_worth_a_try(servers: Servers) -> None:
    await servers.chain(TOO_LONG, openai_answer("Six."), fields=({"context_window": 10},))
    assert text_of(await ask()) == "Six."


async def test_a_prompt_too_long_for_a_fallback_goes_on_from_there(servers: Servers) -> None:
    windows = ({"context_window": 100}, {"context_window": 10}, {"context_window": 50})
    await servers.chain(OVERLOADED, TOO_LONG, openai_answer("Six."), fields=windows)
    assert text_of(await ask()) == "Six."


async def test_a_model_asked_by_name_goes_around_the_chain(servers: Servers) -> None:
    first, _ = await servers.chain(openai_answer("First."), openai_answer("Second."))
    events = await ask(question(model="second"))
    assert routes(events) == [("second", "requested")]
    assert text_of(events) == "Second."
    assert first.requests == []


async def test_a_model_asked_by_name_has_no_fallback(servers: Servers) -> None:
    _, second = await servers.chain(OVERLOADED, openai_answer())
    _, error = await ask_in_vain(question(model="primary"))
    assert isinstance(error, ProviderUnavailable)
    assert second.requests == []


async def test_a_section_is_answered_by_its_own_chain(servers: Servers) -> None:
    section = await make_section()
    await servers.chain(openai_answer("First."), openai_answer("Second."))
    await store(
        service_configs=[{"name": "own", "primary_model": "second"}],
        feature_configs=[{"feature": "student_dialogue", "section": "python-autumn", "service_config": "own"}],
    )
    assert text_of(await ask(question(section_id=section))) == "Second."
    assert text_of(await ask()) == "First."


async def test_a_feature_that_writes_no_answers_is_refused(servers: Servers) -> None:
    (replay,) = await servers.chain(openai_answer())
    for model in (None, "primary"):
        _, error = await ask_in_vain(question(feature=Feature.SEMANTIC_SEARCH, model=model))
        assert isinstance(error, InvalidRequest)
    assert replay.requests == []


async def test_a_feature_without_a_config_asks_nobody(servers: Servers) -> None:
    await servers.chain(openai_answer())
    _, error = await ask_in_vain(question(feature=Feature.COURSE_OUTLINE))
    assert isinstance(error, MissingFeatureConfig)
    assert await ledger_rows() == []


async def test_a_spent_budget_asks_nobody(servers: Servers) -> None:
    dear = {"price_input": 100_000, "price_output": 100_000}
    (replay,) = await servers.chain(openai_answer("one two"), fields=(dear,), budget_usd=1)
    await ask()  # 13 tokens cost 1.30 USD
    _, error = await ask_in_vain()
    assert isinstance(error, BudgetExceeded)
    assert len(replay.requests) == 1


async def test_cancelling_the_task_closes_the_request(servers: Servers) -> None:
    (replay,) = await servers.chain(LONG)
    heard = asyncio.Event()

    async def listen() -> None:
        async with aclosing(genai.stream(question())) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    heard.set()

    task = asyncio.create_task(listen())
    await heard.wait()
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(replay.requests[0].closed.wait(), STOP_WITHIN)
    assert time.monotonic() - began < STOP_WITHIN
    assert replay.requests[0].hung_up
    await the_ledger_says_cancelled()


async def test_closing_the_stream_closes_the_request(servers: Servers) -> None:
    (replay,) = await servers.chain(LONG)
    async with aclosing(genai.stream(question())) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    await asyncio.wait_for(replay.requests[0].closed.wait(), STOP_WITHIN)
    assert replay.requests[0].hung_up
    await the_ledger_says_cancelled()


async def the_ledger_says_cancelled() -> None:
    (row,) = await ledger_rows()
    assert (row.outcome, row.error_class, row.tokens_estimated) == ("cancelled", "Cancelled", True)
    assert 0 < row.output_tokens < 100
    assert row.input_tokens > 0


async def test_cancelling_before_the_first_token_closes_the_request_and_asks_nobody_else(servers: Servers) -> None:
    first, second = await servers.chain(openai_answer().hang_before_headers(), openai_answer())
    task = asyncio.create_task(ask())
    while not first.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(first.requests[0].closed.wait(), STOP_WITHIN)
    assert second.requests == []
    (row,) = await ledger_rows()
    assert (row.outcome, row.first_token_ms) == ("cancelled", None)


async def test_cancelling_one_answer_leaves_the_others_alone(servers: Servers) -> None:
    await servers.chain(openai_answer(["word "] * 20).pace(60))
    tasks = [asyncio.create_task(ask()) for _ in range(3)]
    await asyncio.sleep(0.1)
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [False, True, False]
    assert all(text_of(answer) == "word " * 20 for answer in (answers[0], answers[2]))  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", ['{"moles": 2}', ' {"moles": 2}\n', '```json\n{"moles": 2}\n```', "```\n[2]\n```"])
async def test_structured_output_is_parsed(servers: Servers, answer: str) -> None:
    (replay,) = await servers.chain(openai_answer([answer]))
    completion = await genai.generate(question(prompt={"response_schema": SCHEMA}))
    assert completion.parsed == json.loads(answer.strip("`json \n"))
    assert replay.requests[0].json["response_format"]["json_schema"]["name"] == "answer"


@pytest.mark.parametrize("answer", ["Two moles.", '{"moles": ', ""])
async def test_structured_output_that_is_no_json_is_an_error(servers: Servers, answer: str) -> None:
    await servers.chain(openai_answer([answer]))
    with pytest.raises(InvalidRequest) as refused:
        await genai.generate(question(prompt={"response_schema": SCHEMA}))
    assert refused.value.detail == "the model's structured answer isn't JSON"


async def test_another_model_that_answers_is_recorded_and_warned_of_once(servers: Servers) -> None:
    await servers.chain(openai_answer(model="replay-2"))
    with capture_logs() as lines:
        events = [await ask() for _ in range(2)]
    assert [row.reported_model for row in await ledger_rows()] == ["replay-2", "replay-2"]
    assert events[0][-1] == Finished(FinishReason.STOP, "replay-2")
    drifts = [line for line in lines if line["event"] == "model_drift"]
    assert [(line["asked"], line["answered"]) for line in drifts] == [("replay-1", "replay-2")]


async def test_a_changed_model_is_asked_at_its_new_address(servers: Servers) -> None:
    _, second = await servers.chain(openai_answer("First."), openai_answer("Second."))
    assert text_of(await ask()) == "First."
    await store(models=[model_of(second)])
    assert text_of(await ask()) == "Second."


async def test_an_answer_under_way_survives_a_change_of_its_model(servers: Servers) -> None:
    first, second = await servers.chain(openai_answer(["word "] * 20).pace(40), openai_answer("Second."))
    task = asyncio.create_task(ask())
    while not first.requests:
        await asyncio.sleep(0.01)
    await store(models=[model_of(second)])
    assert text_of(await ask()) == "Second."
    assert text_of(await task) == "word " * 20


async def test_connections_are_kept_between_answers_and_shared_by_first_comers(servers: Servers) -> None:
    (replay,) = await servers.chain(openai_answer("Six.").late(0.1))
    await asyncio.gather(*(ask() for _ in range(3)))
    await asyncio.gather(*(ask() for _ in range(3)))
    assert len(replay.requests) == 6
    assert replay.connections_opened <= 3


async def test_a_server_of_another_kind_gives_way(servers: Servers) -> None:
    page = raw_answer(b"<html>It works!</html>", content_type="text/html")
    await servers.chain(page, openai_answer("Six."))
    assert text_of(await ask()) == "Six."


async def test_a_key_that_no_header_can_carry_gives_way(servers: Servers) -> None:
    await servers.chain(openai_answer(), openai_answer("Six."), fields=({"api_key": "schlüssel"},))
    events = await ask()
    assert routes(events)[1] == ("second", "failed_over:authentication_failed")
    assert (await ledger_rows())[0].error_class == AuthenticationFailed.__name__
