"""Testing a model from its form: a real request with what is typed, and what became of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest

from backend import genai
from backend.access import Actor
from backend.core.errors import FieldErrors
from backend.core.ids import new_id
from backend.genai import ModelForm, Trial, clients, model_trial
from backend.genai.health import read_health
from tests.support.genai import ask_in_vain, ledger_rows, nothing_remembered, store
from tests.support.replay import API_KEY, Replay
from tests.support.replay_answers import (
    MODEL,
    Answer,
    anthropic_answer,
    anthropic_error,
    openai_answer,
    openai_error,
    raw_answer,
)

PIA = Actor(person_id=new_id(), is_administrator=True)
HELLO = openai_answer("Hello there.")


@pytest.fixture(autouse=True)
async def _own_database(services: None) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


def form_for(replay: Replay, **changes: str) -> dict[str, str]:
    return {
        "name": "Tutor", "provider": "openai", "model": MODEL, "url_template": f"{replay.url}/v1",
        "api_key": API_KEY, "api_key_change": "replace", **changes,
    }  # fmt: skip


async def trial_of(*script: Answer, **changes: str) -> Trial:
    """What testing an unsaved model says whose server plays `script`."""
    async with Replay(*script) as replay:
        return await genai.test_model(PIA, None, form_for(replay, **changes))


async def saved(replay: Replay, **changes: str) -> ModelForm:
    return await genai.save_model(PIA, None, None, form_for(replay, **changes))


async def test_a_model_that_answers_says_what_it_took() -> None:
    trial = await trial_of(HELLO, price_input="2", price_output="8")
    assert trial.failure is None
    assert trial.answer == "Hello there."
    assert trial.first_token_ms is not None
    assert 0 < trial.first_token_ms <= trial.duration_ms
    assert (trial.input_tokens, trial.output_tokens, trial.estimated) == (11, 2, False)
    assert trial.cost_usd == (11 * Decimal(2) + 2 * Decimal(8)) / 1_000_000
    assert (trial.reported_model, trial.drifted) == (MODEL, False)


async def test_anthropics_wire_is_tested_too() -> None:
    async with Replay(anthropic_answer("Good day.")) as replay:
        trial = await genai.test_model(PIA, None, form_for(replay, provider="anthropic", url_template=replay.url))
    assert trial.answer == "Good day."


async def test_a_price_that_is_not_known_is_unpriced_and_not_free() -> None:
    assert (await trial_of(HELLO)).cost_usd is None
    assert (await trial_of(HELLO, dev_only="true")).cost_usd == 0


async def test_another_model_than_the_pinned_one_is_drift() -> None:
    trial = await trial_of(openai_answer("Hello.", model="replay-2"))
    assert (trial.reported_model, trial.drifted, trial.failure) == ("replay-2", True, None)


async def test_the_request_is_what_the_form_says() -> None:
    async with Replay(HELLO) as replay:
        form = form_for(replay, model="other-model", api_key="sk-typed-just-now", max_output_tokens="50")
        await genai.test_model(PIA, None, form | {"organization": "org-7"})
    (request,) = replay.requests
    assert request.headers["authorization"] == "Bearer sk-typed-just-now"
    assert request.headers["openai-organization"] == "org-7"
    assert (request.json["model"], request.json["max_tokens"]) == ("other-model", 50)


async def test_a_saved_model_is_tested_with_its_stored_key_and_typed_values() -> None:
    async with Replay(HELLO) as replay:
        form = await saved(replay)
        await genai.test_model(PIA, form.id, form.values | {"model": "newer"})
        cleared = form.values | {"api_key_change": "clear"}
        await genai.test_model(PIA, form.id, cleared)
    kept, without = replay.requests
    assert (kept.headers["authorization"], kept.json["model"]) == (f"Bearer {API_KEY}", "newer")
    assert API_KEY not in without.headers["authorization"]
    assert (await genai.read_model(PIA, form.id)) == form


async def test_a_disabled_model_is_tested_all_the_same() -> None:
    assert (await trial_of(HELLO, enabled="false")).answer == "Hello there."


FAULTS: list[tuple[Answer, tuple[str, int | None, str]]] = [
    (openai_error(401, "Incorrect API key"), ("AuthenticationFailed", 401, "Incorrect API key")),
    (openai_error(404, "no such model"), ("AuthenticationFailed", 404, "no such model")),
    (openai_error(429, "slow down", type="rate_limit_error"), ("RateLimited", 429, "slow down")),
    (openai_error(400, "bad request"), ("InvalidRequest", 400, "bad request")),
    (openai_error(503, "overloaded", type="server_error"), ("ProviderUnavailable", 503, "overloaded")),
    (HELLO.cut(after=1), ("ProviderUnavailable", None, "")),
    (raw_answer(b"<html>It works!</html>", content_type="text/html"), ("ProviderUnavailable", None, "It works!")),
]


@pytest.mark.parametrize(("answer", "told"), FAULTS, ids=[f"{told[0]}-{told[1]}" for _, told in FAULTS])
async def test_a_fault_is_told_exactly(answer: Answer, told: tuple[str, int | None, str]) -> None:
    failure = (await trial_of(answer)).failure
    assert failure is not None
    assert (failure.kind, failure.http_status) == told[:2]
    assert told[2] in failure.detail
    assert failure.detail


async def test_anthropics_refusal_is_told_exactly() -> None:
    async with Replay(anthropic_error(401, "authentication_error", "invalid x-api-key")) as replay:
        trial = await genai.test_model(PIA, None, form_for(replay, provider="anthropic", url_template=replay.url))
    assert trial.failure is not None
    assert (trial.failure.kind, trial.failure.http_status) == ("AuthenticationFailed", 401)
    assert "invalid x-api-key" in trial.failure.detail


async def test_a_server_that_is_not_there_is_told() -> None:
    async with Replay(HELLO) as replay:
        form = form_for(replay)
    failure = (await genai.test_model(PIA, None, form)).failure
    assert failure is not None
    assert failure.kind == "ProviderUnavailable"
    assert "refused" in failure.detail.lower() or "connect" in failure.detail.lower()


async def test_no_key_is_in_what_a_server_says_back() -> None:
    echoed = await trial_of(openai_answer(f"Your key is {API_KEY}."))
    assert echoed.answer == "Your key is [secret]."
    refused = await trial_of(openai_error(401, f"Incorrect API key provided: {API_KEY}"))
    assert refused.failure is not None
    assert API_KEY not in refused.failure.detail
    assert "[secret]" in refused.failure.detail


async def test_silence_ends_with_the_forms_time_limit() -> None:
    begun = time.monotonic()
    trial = await trial_of(HELLO.hang_after_headers(), first_token_timeout="0.2")
    assert time.monotonic() - begun < 10
    assert trial.failure is not None
    assert trial.failure.detail == "no token within 0.2 s"


async def test_a_test_ends_whatever_the_models_time_limits() -> None:
    with patch.object(model_trial, "MOST_SECONDS", 0.3):
        async with Replay(HELLO.hang_after_headers()) as replay:
            trial = await genai.test_model(PIA, None, form_for(replay, first_token_timeout="600"))
            await asyncio.wait_for(replay.requests[0].closed.wait(), 5)
    assert trial.failure is not None
    assert (trial.failure.kind, trial.failure.detail) == ("ProviderUnavailable", "not finished within 0.3 s")


async def test_the_connection_is_closed_afterwards_and_nothing_is_kept_open() -> None:
    async with Replay(HELLO) as replay:
        await genai.test_model(PIA, None, form_for(replay))
        await asyncio.wait_for(replay.requests[0].closed.wait(), 5)
    assert clients._open == {}


async def test_a_wrong_form_asks_nobody() -> None:
    async with Replay(HELLO) as replay:
        with pytest.raises(FieldErrors) as refused:
            await genai.test_model(PIA, None, form_for(replay, name="", stall_timeout="0"))
    assert set(refused.value.fields) == {"name", "stall_timeout"}
    assert replay.requests == []
    assert await ledger_rows() == []


async def test_every_test_is_in_the_ledger() -> None:
    async with Replay(HELLO, openai_error(401, "Incorrect API key")) as replay:
        form = await saved(replay, price_input="2", price_output="8")
        await genai.test_model(PIA, form.id, form.values)
        await genai.test_model(PIA, form.id, form.values)
    good, bad = await ledger_rows()
    for row in (good, bad):
        assert (row.feature, row.reason, row.attempt, row.model_id) == ("model_test", "test", 1, form.id)
        assert (row.person_id, row.requested_model) == (PIA.person_id, MODEL)
    assert (good.outcome, good.input_tokens, good.unpriced) == ("succeeded", 11, False)
    assert good.cost_usd == Decimal("0.000038")
    assert good.first_token_ms is not None
    assert (bad.outcome, bad.http_status, bad.error_class) == ("failed", 401, "AuthenticationFailed")


async def test_a_test_that_nobody_waits_for_is_in_the_ledger_as_cancelled() -> None:
    async with Replay(HELLO.hang(after=1)) as replay:
        testing = asyncio.create_task(genai.test_model(PIA, None, form_for(replay)))
        while not replay.requests:
            await asyncio.sleep(0.01)
        testing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await testing
        await asyncio.wait_for(replay.requests[0].closed.wait(), 5)
    (row,) = await ledger_rows()
    assert (row.outcome, row.error_class) == ("cancelled", "Cancelled")


async def test_an_embedding_model_is_not_asked_yet() -> None:
    async with Replay(HELLO) as replay:
        trial = await genai.test_model(PIA, None, form_for(replay, kind="embedding", dimensions="3"))
    assert trial.untested.startswith("Embedding models can't be tested yet")
    assert replay.requests == []
    assert await ledger_rows() == []


async def misconfigured() -> str:
    return (await read_health(PIA)).models[0].misconfigured


async def test_a_good_test_of_what_is_stored_clears_a_misconfiguration() -> None:
    async with Replay(openai_error(401, "Incorrect API key")) as replay:
        form = await saved(replay)
        await store(
            service_configs=[{"name": "chain", "primary_model": "Tutor"}],
            feature_configs=[{"feature": "student_dialogue", "service_config": "chain"}],
        )
        await ask_in_vain()
        assert await misconfigured()
        await genai.test_model(PIA, form.id, form.values)
        assert await misconfigured()
        replay.play(HELLO)
        await genai.test_model(PIA, form.id, form.values | {"model": "another"})
        assert await misconfigured()
        await genai.test_model(PIA, form.id, form.values | {"stall_timeout": "9"})
        assert not await misconfigured()


async def test_a_new_key_makes_what_was_known_of_the_old_one_void() -> None:
    async with Replay(openai_error(401, "Incorrect API key")) as replay:
        form = await saved(replay)
        await store(
            service_configs=[{"name": "chain", "primary_model": "Tutor"}],
            feature_configs=[{"feature": "student_dialogue", "service_config": "chain"}],
        )
        await ask_in_vain()
        form = await genai.save_model(PIA, form.id, form.version, form.values | {"name": "Still the tutor"})
        assert await misconfigured()
        await genai.save_model(PIA, form.id, form.version, form.values | {"api_key": "sk-the-right-one"})
        assert not await misconfigured()


@pytest.mark.parametrize("changes", [{"model": "another"}, {"api_key": "sk-another-key"}])
async def test_a_good_test_of_something_else_proves_nothing(changes: dict[str, Any]) -> None:
    async with Replay(HELLO) as replay:
        form = await saved(replay)
        with patch.object(model_trial, "note_good_test", AsyncMock()) as noted:
            await genai.test_model(PIA, form.id, form.values | changes)
            noted.assert_not_awaited()
            await genai.test_model(PIA, form.id, form.values)
            noted.assert_awaited_once_with(form.id)
