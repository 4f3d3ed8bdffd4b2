"""Every HTTP request and every state event has an id, which its log lines carry."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
import structlog
from structlog.testing import capture_logs

from app.state.account import AccountState
from app.state.home import HomeState
from backend.api import health
from backend.core.errors import NotSignedIn
from backend.core.logs import request_id_from
from tests.support.replay import Replay
from tests.support.replay_answers import openai_error
from tests.support.school import School, found_school
from tests.support.tab import Tab, running_app
from tests.support.tutoring import tutoring
from tests.support.web import EventSource, browser, served

MERGED = [structlog.contextvars.merge_contextvars]
LOGGER = structlog.get_logger()


async def fail(*_: Any) -> None:
    raise ZeroDivisionError("planted")


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.mark.parametrize("path", ["/api/health", "/api/v1/conversations/nonsense", "/nowhere"])
async def test_a_given_id_comes_back(services: None, path: str) -> None:
    async with browser() as client:
        response = await client.get(path, headers={"X-Request-ID": "from-the-proxy-1"})
    assert response.headers["x-request-id"] == "from-the-proxy-1"


async def test_a_refused_request_has_one_too(services: None) -> None:
    async with browser() as client:
        response = await client.post("/api/v1/session", headers={"origin": "https://evil.example"})
    assert response.status_code == 403
    assert UUID(response.headers["x-request-id"])


@pytest.mark.parametrize("given", ["short", "a" * 65, "<script>alert(1)</script>", "no spaces please", "ü" * 10])
async def test_an_id_that_is_not_sane_is_replaced(services: None, given: str) -> None:
    async with browser() as client:
        response = await client.get("/api/health", headers={"X-Request-ID": given.encode()})
    assert UUID(response.headers["x-request-id"])


async def test_each_request_has_its_own(services: None) -> None:
    async with browser() as client:
        ids = {(await client.get("/api/health")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


async def test_a_crash_is_logged_under_the_id_the_client_was_told(
    services: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_check", fail)
    with capture_logs(processors=MERGED) as lines:
        async with browser() as client:
            response = await client.get("/api/health")
    assert response.status_code == 500
    assert "planted" not in response.text
    (line,) = [line for line in lines if line["event"] == "request_crashed"]
    assert line["request_id"] == response.headers["x-request-id"]
    assert structlog.contextvars.get_contextvars() == {}


async def asked(school: School) -> tuple[httpx2.Response, EventSource]:
    """The response to a student's question, and its answer's stream, followed to its end."""
    cookie = school.cookie("student")
    async with browser(cookie) as client:
        response = await client.post("/api/v1/turns", json={"section": "baking-autumn", "text": "Why?"})
    async with served() as port:
        source = EventSource(port, response.json()["events"], cookie)
        assert [frame.name async for frame in source.frames()][-1] in {"end", "error"}
    return response, source


async def test_a_turns_lines_carry_the_request_that_asked(school: School) -> None:
    with capture_logs(processors=MERGED) as lines:
        async with Replay(openai_error(503, "overloaded")) as replay, tutoring(replay):
            response, _ = await asked(school)
    failed = [line for line in lines if line["event"] == "fell_over"]
    assert {line["request_id"] for line in failed} == {response.headers["x-request-id"]}
    assert len({UUID(line["completion_request_id"]) for line in failed}) == 1


async def test_a_stream_has_its_id_in_the_head(school: School) -> None:
    async with Replay.openai("Knead it.") as replay, tutoring(replay):
        _, source = await asked(school)
    assert "x-request-id: " in source.head.lower()


@pytest.fixture
async def tab(school: School) -> AsyncIterator[Tab]:
    async with running_app():
        made = Tab()
        await made.connect(school.cookie("student"))
        yield made


def saying(then: Callable[[], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def sections_of(*_: Any) -> Any:
        LOGGER.info("said")
        return await then()

    return sections_of


async def test_lines_of_a_state_event_carry_its_id_and_name(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> list[Any]:
        return []

    monkeypatch.setattr("app.state.home.list_sections", saying(nothing))
    with capture_logs(processors=MERGED) as lines:
        await tab.load("/")
        await tab.load("/")
    said = [line for line in lines if line["event"] == "said"]
    assert {line["handler"] for line in said} == {f"{HomeState.get_full_name()}.load"}
    assert len({line["request_id"] for line in said}) == len(said) == 2


async def test_a_crashed_state_event_is_logged_under_its_id(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.state.home.list_sections", saying(fail))
    with capture_logs(processors=MERGED) as lines:
        await tab.load("/")
    (said,) = [line for line in lines if line["event"] == "said"]
    (crashed,) = [line for line in lines if line["event"] == "event_crashed"]
    assert crashed["request_id"] == said["request_id"]
    assert request_id_from(said["request_id"]) == said["request_id"]


async def test_who_is_signed_out_in_the_middle_comes_back_to_where_they_were(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise NotSignedIn

    await tab.load("/account")
    monkeypatch.setattr("app.state.account.choose_theme", refuse)
    told = await tab.send(f"{AccountState.get_full_name()}.set_theme", theme="dark")
    assert told.redirect == "/login?next=/account"
