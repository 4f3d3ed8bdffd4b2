"""The ledger: one row per attempt, whatever became of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from backend.core.telemetry import REGISTRY
from backend.genai import Finished, Usage, resolve
from backend.genai.models import CompletionRequest
from backend.genai.schemas import Feature
from tests.support.genai import (
    ask,
    ask_in_vain,
    ledger_rows,
    make_section,
    model_of,
    nothing_remembered,
    postgres_away,
    question,
    register,
    text_of,
)
from tests.support.replay import Replay
from tests.support.replay_answers import Answer, Pause, anthropic_answer, openai_answer, openai_error, sse

PRICE = {"price_input": 1, "price_output": 10}
NEVER_REPORTED = openai_answer("one two three four").edit(b'"usage"', b'"unused"')


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


async def usage_of(answer: Answer, **fields: Any) -> tuple[Usage, CompletionRequest]:
    """What the caller and the ledger are told of one whole answer."""
    async with Replay(answer) as replay:
        await register(model_of(replay, **fields))
        events = await ask()
    (row,) = await ledger_rows()
    return next(event for event in events if isinstance(event, Usage)), row


async def test_a_whole_answer_is_one_row_with_everything() -> None:
    section, request = await make_section(), question(person_id=uuid4(), conversation_id=uuid4(), job_id=uuid4())
    async with Replay(openai_answer("one two three").late(0.05)) as replay:
        await register(model_of(replay, **PRICE))
        await ask(question(section_id=section, person_id=request.person_id))
        await ask(request)
    chain = await resolve(Feature.STUDENT_DIALOGUE)
    first, second = await ledger_rows()
    assert (first.section_id, first.person_id, first.conversation_id) == (section, request.person_id, None)
    assert (second.person_id, second.conversation_id, second.job_id) == (
        request.person_id,
        request.conversation_id,
        request.job_id,
    )
    assert first.request_id != second.request_id
    assert (second.attempt, second.feature, second.reason) == (1, "student_dialogue", "primary")
    assert (second.config_id, second.model_id) == (chain.config_id, chain.models[0].id)
    assert (second.provider, second.requested_model, second.reported_model) == ("openai", "replay-1", "replay-1")
    assert (second.outcome, second.http_status, second.error_class) == ("succeeded", None, None)
    assert (second.input_tokens, second.output_tokens, second.tokens_estimated) == (11, 3, False)
    assert second.cost_usd == Decimal("0.000041")
    assert second.price == {"source": "model", "input": 1, "output": 10, "cached": 1}
    assert second.first_token_ms is not None
    assert 50 <= second.first_token_ms <= second.duration_ms
    assert datetime.now(UTC) - second.created_at < timedelta(minutes=1)


async def test_the_caller_is_told_the_same_cost() -> None:
    usage, row = await usage_of(openai_answer("one two three"), **PRICE)
    assert usage == Usage(11, 3, cost_usd=Decimal("0.000041"))
    assert row.cost_usd == usage.cost_usd


async def test_cached_and_reasoning_tokens_are_counted() -> None:
    reported = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 40},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    _, row = await usage_of(openai_answer("one", usage=reported), **PRICE, price_cached=0.5)
    assert (row.input_tokens, row.cached_tokens, row.output_tokens, row.reasoning_tokens) == (100, 40, 50, 20)
    assert row.cost_usd == Decimal("0.00058")


async def test_anthropics_cached_tokens_are_part_of_its_input() -> None:
    reported = {"input_tokens": 60, "cache_read_input_tokens": 40}
    _, row = await usage_of(anthropic_answer("one two", usage=reported), **PRICE, price_cached=0.5)
    assert (row.provider, row.input_tokens, row.cached_tokens, row.output_tokens) == ("anthropic", 100, 40, 2)
    assert row.cost_usd == Decimal("0.0001")


async def test_an_unknown_price_is_unpriced_and_not_zero() -> None:
    usage, row = await usage_of(openai_answer("one two three"))
    assert usage.cost_usd is None
    assert (row.unpriced, row.cost_usd, row.price, row.output_tokens) == (True, None, None, 3)


async def test_a_known_model_has_the_price_of_the_list() -> None:
    _, row = await usage_of(anthropic_answer("one", model="claude-sonnet-5-5"), model="claude-sonnet-5-5")
    assert row.cost_usd is not None
    assert row.cost_usd > 0
    assert row.price is not None
    assert (row.unpriced, row.price["source"], row.price["model"]) == (False, "genai-prices", "claude-sonnet-5-5")


@pytest.mark.parametrize(("days", "priced"), [(-1, True), (0, True), (2, False)])
async def test_an_own_price_counts_from_its_date_on(days: int, priced: bool) -> None:
    starts = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    _, row = await usage_of(openai_answer("one"), **PRICE, price_effective_from=starts)
    assert row.unpriced is not priced


async def test_tokens_that_nobody_reported_are_estimated_and_marked() -> None:
    usage, row = await usage_of(NEVER_REPORTED, **PRICE)
    assert usage.estimated
    assert row.tokens_estimated
    assert row.output_tokens == 5  # 18 bytes of text
    assert row.cost_usd is not None
    assert row.cost_usd > 0


async def test_a_failed_attempt_costs_nothing() -> None:
    async with Replay(openai_error(503, "overloaded")) as replay:
        await register(model_of(replay, **PRICE))
        await ask_in_vain()
    row, once_more = await ledger_rows()
    assert once_more.reason == "retried:provider_unavailable"
    assert (row.outcome, row.http_status, row.error_class) == ("failed", 503, "ProviderUnavailable")
    assert (row.input_tokens, row.output_tokens, row.cost_usd, row.first_token_ms) == (0, 0, 0, None)


async def test_a_failed_attempt_costs_what_the_provider_reported() -> None:
    reported = sse({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 2}})
    async with Replay(openai_answer("one two three").cut(after=2).insert(reported, after=2)) as replay:
        await register(model_of(replay, **PRICE))
        await ask_in_vain()
    (row,) = await ledger_rows()
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("failed", 11, 2)
    assert row.cost_usd == Decimal("0.000031")


async def test_the_rows_of_one_request_belong_together() -> None:
    async with Replay(openai_error(503, "overloaded")) as bad, Replay(openai_answer("Six.")) as good:
        await register(model_of(bad), model_of(good, "second", **PRICE))
        await ask()
    failed, once_more, answered = await ledger_rows()
    assert failed.request_id == once_more.request_id == answered.request_id
    assert (failed.attempt, once_more.attempt, answered.attempt) == (1, 2, 3)
    assert (failed.model_id, failed.config_id) != (answered.model_id, None)


async def test_a_model_asked_by_name_spends_nobodys_budget() -> None:
    async with Replay(openai_answer("Six.")) as replay:
        await register(model_of(replay, **PRICE), budget_usd=5)
        await ask(question(model="primary"))
    (row,) = await ledger_rows()
    assert (row.config_id, row.reason, row.outcome) == (None, "requested", "succeeded")


async def test_prompt_and_answer_are_not_in_the_ledger() -> None:
    async with Replay(openai_answer("a rare answer")) as replay:
        await register(model_of(replay))
        await ask(question("a rare question"))
    (row,) = await ledger_rows()
    assert "rare" not in row.model_dump_json()


async def test_an_answer_finishes_without_postgres_and_its_row_comes_later(database: str) -> None:
    async with Replay(openai_answer("one two three").insert(Pause(0.3), after=1)) as replay:
        await register(model_of(replay, **PRICE))
        await resolve(Feature.STUDENT_DIALOGUE)
        with postgres_away(database):
            events = await ask()
        assert isinstance(events[-1], Finished)
        assert text_of(events) == "one two three"
        while not (rows := await ledger_rows()):
            await asyncio.sleep(0.05)
    assert (rows[0].outcome, rows[0].output_tokens) == ("succeeded", 3)
    assert datetime.now(UTC) - rows[0].created_at > timedelta(seconds=0.5)  # it says when the attempt was


async def test_attempts_are_counted_for_the_metrics() -> None:
    async with Replay(openai_answer("one two three"), openai_error(503, "overloaded")) as replay:
        await register(model_of(replay, "metered"))
        await ask()
        await ask_in_vain()

    def value(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"model": "metered", **labels})

    assert value("stoa_completions_total", outcome="succeeded", error="") == 1
    assert value("stoa_completions_total", outcome="failed", error="ProviderUnavailable") == 2
    assert value("stoa_completion_tokens_total", direction="output") == 3
    assert value("stoa_first_token_seconds_count") == 1
