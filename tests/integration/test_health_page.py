"""The health page: what models really answered, live, and taking one out of service by hand."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.state import health as page
from app.state.health import HealthState
from backend.genai import HealthReport, ModelHealth
from tests.support.genai import ask, ask_in_vain, model_of, nothing_remembered, register
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer, openai_error
from tests.support.school import School, found_school
from tests.support.services import environment
from tests.support.tab import Tab, Told, running_app


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def tab(school: School) -> AsyncIterator[Tab]:
    async with nothing_remembered(), running_app():
        tab = Tab()
        await tab.connect(school.cookie("administrator"))
        yield tab


async def does(tab: Tab, event: str, **payload: Any) -> Told:
    return await tab.send(f"{HealthState.get_full_name()}.{event}", **payload)


async def models(tab: Tab) -> dict[str, dict[str, Any]]:
    """What the page shows of each model, by name."""
    await does(tab, "beat")
    async with tab.held(HealthState) as state:
        return {item["name"]: dict(item) for item in state.models}


async def test_a_model_that_fails_is_seen_to_and_the_other_answers(tab: Tab) -> None:
    async with Replay(openai_error(503, "overloaded")) as bad, Replay(openai_answer("Six.")) as good:
        await register(
            model_of(bad, breaker_min_samples=3, max_concurrent=4), model_of(good, "second", model="pinned-1")
        )
        told = await tab.load("/admin/health")
        assert [(each["name"], each["state"], each["error_rate"]) for each in told["health_state.models"]] == [
            ("primary", "healthy", None),
            ("second", "healthy", None),
        ]
        await ask()
        assert (await models(tab))["primary"]["error_rate"] == 1.0
        for _ in range(3):
            await ask()
        told = await does(tab, "beat")
        assert told["health_state.news"] == "primary is open."
        found = await models(tab)
        assert found["primary"]["state"] == "open"
        assert (found["primary"]["load"], found["second"]["load"]) == ("0 of 4", "0")
        assert found["primary"]["last_error"]
        assert 0 < found["primary"]["probe_in"] <= 30
        assert (found["second"]["state"], found["second"]["error_rate"]) == ("healthy", 0.0)
        assert found["second"]["first_token_p95_ms"] > 0
        assert found["second"]["answered_as"] == "replay-1"


async def test_taking_out_and_putting_back_decide_who_answers(tab: Tab) -> None:
    async with Replay(openai_answer("One.")) as first, Replay(openai_answer("Two.")) as second:
        await register(model_of(first), model_of(second, "second"))
        await tab.load("/admin/health")
        model_id = (await models(tab))["primary"]["id"]
        told = await does(tab, "take_out", model_id=model_id)
        assert told["health_state.news"] == "primary is out of service."
        await ask()
        assert (len(first.requests), len(second.requests)) == (0, 1)
        found = (await models(tab))["primary"]
        assert (found["can_take_out"], found["can_put_back"], found["probe_in"]) == (False, True, -1)
        await does(tab, "put_back", model_id=model_id)
        await ask()
        assert (len(first.requests), len(second.requests)) == (1, 1)
        found = (await models(tab))["primary"]
        assert (found["state"], found["can_take_out"], found["can_put_back"]) == ("healthy", True, False)


async def test_a_wrong_key_is_misconfigured_with_the_providers_words(tab: Tab) -> None:
    async with Replay(openai_error(401, "Incorrect API key provided")) as replay:
        await register(model_of(replay))
        await ask_in_vain()
        found = (await models(tab))["primary"]
        assert (found["state"], found["tone"], found["can_put_back"]) == ("misconfigured", "bad", True)
        assert found["why"]


async def test_what_did_not_change_is_not_sent_again(tab: Tab) -> None:
    async with Replay(openai_answer("One.")) as replay:
        await register(model_of(replay))
        await tab.load("/admin/health")
        told = await does(tab, "beat")
        assert told["health_state.models"] is None
        assert told["health_state.news"] is None
        assert told["health_state.beats"] == 2


async def test_the_kill_switch_is_said(tab: Tab) -> None:
    told = await tab.load("/admin/health")
    assert (told["health_state.primary_only"], told["health_state.shared"]) == (False, True)
    with environment(GENAI_ROUTING_PRIMARY_ONLY="1"):
        assert (await does(tab, "beat"))["health_state.primary_only"] is True


@pytest.mark.parametrize("event", ["take_out", "put_back"])
@pytest.mark.parametrize("model_id", ["x", "", 7, None, "2201bccb-ef6b-42d7-9ae0-56d0cae8961c"])
async def test_a_model_that_is_none_is_not_there(tab: Tab, event: str, model_id: Any) -> None:
    await tab.load("/admin/health")
    told = await does(tab, event, model_id=model_id)
    assert told.refusal == "This doesn't exist, or you don't have access to it."


def model(**fields: Any) -> ModelHealth:
    known: dict[str, Any] = {
        **{"id": uuid4(), "name": "Big", "provider": "openai", "model": "big-1", "enabled": True, "state": "closed"},
        **{"forced": False, "misconfigured": "", "samples": 0, "error_rate": 0.0, "rate_limit_rate": 0.0},
        **{"first_token_p95_ms": None, "in_flight": 0, "max_concurrent": None, "last_error": ""},
        **{"last_error_at": None, "next_probe_at": None, "answered_as": ""},
    }
    return ModelHealth(**{**known, **fields})


@pytest.mark.parametrize(
    ("fields", "state", "tone"),
    [
        ({}, "healthy", "good"),
        ({"state": "open"}, "open", "bad"),
        ({"state": "half_open"}, "probing", "warn"),
        ({"state": "open", "forced": True}, "out of service", "bad"),
        ({"state": "open", "misconfigured": "bad key"}, "misconfigured", "bad"),
        ({"state": "open", "forced": True, "misconfigured": "bad key"}, "out of service", "bad"),
        ({"state": "open", "enabled": False}, "disabled", "plain"),
    ],
)
async def test_a_state_is_said_in_a_word(
    tab: Tab, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], state: str, tone: str
) -> None:
    async def reported(_actor: object) -> HealthReport:
        return HealthReport((model(**fields),), shared=False, primary_only=False)

    monkeypatch.setattr(page, "read_health", reported)
    told = await tab.load("/admin/health")
    (item,) = told["health_state.models"]
    assert (item["state"], item["tone"], told["health_state.shared"]) == (state, tone, False)


@pytest.mark.parametrize(("ahead", "seconds"), [(None, -1), (-5, 0), (0.2, 1), (12, 12)])
async def test_the_next_probe_is_in_whole_seconds(
    tab: Tab, monkeypatch: pytest.MonkeyPatch, ahead: float | None, seconds: int
) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    due = None if ahead is None else moment + timedelta(seconds=ahead)

    async def reported(_actor: object) -> HealthReport:
        return HealthReport((model(next_probe_at=due),), shared=True, primary_only=False)

    monkeypatch.setattr(page, "read_health", reported)
    monkeypatch.setattr(page, "now", lambda: moment)
    told = await tab.load("/admin/health")
    assert told["health_state.models"][0]["probe_in"] == seconds
