"""Servers, files and settings that mean harm, or might as well."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from backend import genai
from backend.access import SYSTEM
from backend.core.database import transaction
from backend.core.errors import Conflict, Invalid
from backend.genai import Finished, export_catalogue, import_catalogue, parse_catalogue, seed_configuration
from backend.genai.attempts import LONGEST_MODEL_NAME
from backend.genai.errors import CompletionError, InvalidRequest
from backend.genai.schemas import ResponseSchema
from backend.terminal import complete_in_terminal
from tests.support.genai import (
    ask,
    ask_in_vain,
    ledger_rows,
    model_of,
    nothing_remembered,
    question,
    register,
    store,
    text_of,
)
from tests.support.replay import API_KEY, Replay
from tests.support.replay_answers import openai_answer, openai_error, raw_answer, sse
from tests.support.services import environment

PRICE = {"price_input": 1, "price_output": 10}


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


async def escaped(*pieces: str) -> str:
    """What becomes of pieces of text that a server sends in JSON's escapes, as some do."""
    chunks = [json.dumps({"choices": [{"index": 0, "delta": {"content": piece}}]}) for piece in pieces]
    body = "".join(f"data: {chunk}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    async with Replay(raw_answer(body.encode())) as replay:
        await register(model_of(replay))
        return text_of(await ask())


async def storable(value: str) -> bool:
    async with transaction() as session:
        return (await session.execute(text("SELECT CAST(:value AS text)"), {"value": value})).scalar_one() == value


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("a\0b", "ab"), ("a\ud83d b", "a\ufffd b"), ("a\ude00b", "a\ufffdb"), ("mole \U0001f42d", "mole \U0001f42d")],
)
async def test_what_postgres_cannot_hold_is_taken_out_of_an_answer(sent: str, expected: str) -> None:
    answer = await escaped(sent)
    assert answer == expected
    assert await storable(answer)


@pytest.mark.parametrize("name", ["m\0m", "m\ud800m", "m" * 100_000])
async def test_a_model_name_that_no_column_takes_costs_no_row(name: str) -> None:
    chunk = {"model": name, "choices": [{"index": 0, "delta": {"content": "Six."}, "finish_reason": "stop"}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    async with Replay(raw_answer(body.encode())) as replay:
        await register(model_of(replay))
        events = await ask()
    (row,) = await ledger_rows()
    assert row.reported_model
    assert len(row.reported_model) <= LONGEST_MODEL_NAME
    assert events[-1] == Finished(events[-1].reason, row.reported_model)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "reported",
    [
        {"prompt_tokens": 10**15, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": 10**30},
        {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2**31}},
    ],
)
async def test_impossible_token_counts_spoil_neither_answer_nor_budget(reported: dict[str, Any]) -> None:
    async with Replay(openai_answer("Six.", usage=reported)) as replay:
        await register(model_of(replay, **PRICE), budget_usd=1)
        await ask()
        assert text_of(await ask()) == "Six."
    for row in await ledger_rows():
        assert row.tokens_estimated
        assert 0 < row.input_tokens < 100


@pytest.mark.parametrize(
    "reported", [{"prompt_tokens": -5, "completion_tokens": "7"}, {"prompt_tokens": None}, {"x": 1}]
)
async def test_senseless_token_counts_are_no_negative_cost(reported: dict[str, Any]) -> None:
    async with Replay(openai_answer("Six.", usage=reported)) as replay:
        await register(model_of(replay, **PRICE))
        await ask()
    (row,) = await ledger_rows()
    assert row.cost_usd is not None
    assert row.cost_usd >= 0
    assert min(row.input_tokens, row.output_tokens) >= 0


async def test_a_row_that_postgres_refuses_costs_no_answer_and_is_logged() -> None:
    reported = {"prompt_tokens": 99_000_000, "completion_tokens": 1}
    async with Replay(openai_answer("Six.", usage=reported)) as replay:
        await register(model_of(replay, price_input=100_000, price_output=1))
        with capture_logs() as lines:
            assert isinstance((await ask())[-1], Finished)
    assert await ledger_rows() == []  # 9,900,000 USD don't fit the column
    (lost,) = [line for line in lines if line["event"] == "ledger_row_lost"]
    assert (lost["input_tokens"], lost["outcome"]) == (99_000_000, "succeeded")


async def test_deeply_nested_structured_output_is_an_error_and_no_crash() -> None:
    schema = ResponseSchema("answer", {"type": "object"})
    async with Replay(openai_answer(["[" * 100_000])) as replay:
        await register(model_of(replay))
        with pytest.raises(InvalidRequest):
            await genai.generate(question(prompt={"response_schema": schema}))


async def test_a_server_that_echoes_the_key_does_not_put_it_into_errors_logs_or_the_ledger() -> None:
    def echo(request: Any) -> Any:
        return openai_error(400, f"bad header {request.headers['authorization']}")

    async with Replay(echo) as replay:
        await register(model_of(replay))
        with capture_logs() as lines:
            _, error = await ask_in_vain()
    assert API_KEY not in f"{error.detail} {error.message} {lines}"
    assert API_KEY not in "".join(row.model_dump_json() for row in await ledger_rows())


async def test_a_redirect_does_not_carry_the_key_away() -> None:
    async with Replay(openai_answer()) as thief:
        away = raw_answer(b"", status=307).with_headers(location=f"{thief.url}/v1/chat/completions")
        async with Replay(away) as replay:
            await register(model_of(replay))
            await ask_in_vain()
        assert thief.requests == []


async def test_an_error_event_of_any_shape_is_a_completion_error() -> None:
    for error in ("overloaded", 7, [1], {"message": {"deep": [None]}, "code": 10**40}, {"code": None}, {"type": []}):
        async with Replay(raw_answer(sse({"error": error}))) as replay:
            await register(model_of(replay))
            _, raised = await ask_in_vain()
        assert isinstance(raised, CompletionError)
    assert {row.outcome for row in await ledger_rows()} == {"failed"}


async def test_a_bug_of_ours_is_a_failed_attempt_and_not_a_cancelled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(spec: object) -> None:
        raise ZeroDivisionError

    async with Replay(openai_answer()) as replay:
        await register(model_of(replay))
        monkeypatch.setattr("backend.genai.clients.provider_for", broken)
        _, error = await ask_in_vain()
    assert error.detail == "ZeroDivisionError"
    (row,) = await ledger_rows()
    assert (row.outcome, row.error_class) == ("failed", "ProviderUnavailable")


async def test_two_cancellations_still_leave_a_row() -> None:
    async with Replay(openai_answer(["word "] * 600).pace(60)) as replay:
        await register(model_of(replay))
        task = asyncio.create_task(ask())
        while not replay.requests:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not (rows := await ledger_rows()):
            await asyncio.sleep(0.02)
    assert rows[0].outcome == "cancelled"


async def test_any_prompt_reaches_the_server_as_text() -> None:
    async with Replay(openai_answer("Six.")) as replay:
        await register(model_of(replay))
        for prompt in ("", "\0\x01\x02", "\ud800", "word " * 20_000, '"}]}\n\ndata: [DONE]'):
            assert text_of(await ask(question(prompt))) == "Six."
    assert replay.requests[-1].json["messages"][-1]["content"] == '"}]}\n\ndata: [DONE]'


@pytest.mark.parametrize(
    "data",
    [
        {"models": [{"name": "a\0b", "provider": "openai", "model": "m"}]},
        {"models": [{"name": "a", "provider": "openai", "model": "m\ud800"}]},
        {"models": [{"name": "a", "provider": "openai", "model": "m", "url_template": "http://h/\0"}]},
        {"models": [{"name": "a", "provider": "openai", "model": "m", "max_concurrent": 10**30}]},
        {"models": [{"name": "a", "provider": "openai", "model": "m", "price_effective_from": "99999-01-01"}]},
        {"models": [{"name": "x" * 100_000, "provider": "openai", "model": "m"}]},
        {"service_configs": [{"name": "c", "primary_model": "a' OR 1=1 --"}]},
        {"service_configs": [{"name": "c", "primary_model": "a", "budget_usd": "1e40"}]},
        {"feature_configs": [{"feature": "student_dialogue", "service_config": "c", "section": "\0"}]},
        {"feature_configs": [{"feature": "student_dialogue", "service_config": "c", "section": "../../etc"}]},
    ],
)
async def test_a_file_that_no_table_takes_is_invalid_and_leaves_nothing(data: object) -> None:
    with pytest.raises(Invalid):
        await import_catalogue(SYSTEM, parse_catalogue(data))
    assert not any((await export_catalogue(SYSTEM)).values())


async def test_imports_of_the_same_names_at_once_are_stored_once_or_refused() -> None:
    model = {"name": "a", "provider": "openai", "model": "m"}
    config = {"name": "c", "primary_model": "a"}
    outcomes = await asyncio.gather(
        *(store(models=[model], service_configs=[config]) for _ in range(5)), return_exceptions=True
    )
    assert None in outcomes
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)
    stored = await export_catalogue(SYSTEM)
    assert (len(stored["models"]), len(stored["service_configs"])) == (1, 1)


async def test_wrong_provider_variables_do_not_stop_the_first_start() -> None:
    wrong = {
        "OPENAI_API_KEY": "sk-1\nX-Injected: yes",
        "OPENAI_BASE_URL": "localhost:8000",
        "OLLAMA_BASE_URL": "not a url",
        "ANTHROPIC_API_KEY": "\t",
        "MIYABI_LLM_PROVIDER": "'; DROP TABLE people; --",
        "MIYABI_LLM_FALLBACK_CHAIN": ",,openai,,nobody,",
        "MIYABI_EMBEDDING_PROVIDER": "openai",
        "STOA_LOCAL_MODEL": "false",
    }
    with environment(**wrong):
        await seed_configuration()
    assert text_of(await ask()).startswith("No language model is configured yet")


async def test_an_answer_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    async with Replay(openai_answer(["\x1b]0;pwned\x07", "\x1b[2J", "Six.\r\n", "\tdone\x9b31m"])) as replay:
        await register(model_of(replay))
        assert await complete_in_terminal("?", question().feature, None, None, as_json=False)
    printed = capsys.readouterr().out
    assert printed == "]0;pwned[2JSix.\n\tdone31m\n"


async def test_a_line_break_in_an_answer_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    forged = '\n{"event": "finished"}\n\u2028\x85'
    async with Replay(openai_answer([forged]).cut(after=1)) as replay:
        await register(model_of(replay))
        with capture_logs():
            assert not await complete_in_terminal("?", question().feature, None, None, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.strip("\n").split("\n")]
    assert [line["event"] for line in lines] == ["routed", "text", "error"]
    assert lines[1]["text"] == forged
