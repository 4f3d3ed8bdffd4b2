"""Planted secrets, and every place that somebody reads: none of them may turn up anywhere."""

import base64
import io
import json
import logging
import traceback
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

import psycopg
import pytest
import redis
import structlog
import yaml

from backend.access import SYSTEM
from backend.core import logs
from backend.core.logs import configure_logging
from backend.core.masking import MASK
from backend.core.settings import get_settings
from backend.core.tracing import start_exporting
from backend.genai import CompletionError, export_catalogue, parse_catalogue, reseal_secrets, resolve
from backend.genai.health import read_health
from backend.genai.schemas import Feature
from tests.integration.test_every_endpoint_by_role import EVENTS, ROUTES, Stage, full_name
from tests.support.genai import ask, model_of, nothing_remembered, question, register
from tests.support.replay import Received, Replay, refusing_port
from tests.support.replay_answers import Answer, anthropic_error, openai_answer, openai_error, raw_answer, sse
from tests.support.running import data_directory, stoa
from tests.support.school import School, found_school
from tests.support.services import environment
from tests.support.tab import Tab, running_app
from tests.support.telemetry import Collector, collected
from tests.support.web import browser

# None has the shape of a key, so that nothing but knowing them can hide them.
PLANTED = {
    "API key": "planted.api.key.0123456789",
    "organization": "planted.organization.0123456789",
    "key from a variable": "planted.variable.0123456789",
    "SECRET_KEY": "planted.secret.key.of.more.than.32.characters",
    "former SECRET_KEY": "planted.former.key.of.more.than.32.characters",
    "metrics token": "planted.metrics.token.0123456789",
    "key of the collector": "planted.collector.0123456789",
}
VARIABLES = {
    "SECRET_KEY": PLANTED["SECRET_KEY"],
    "STOA_OLD_SECRET_KEYS": PLANTED["former SECRET_KEY"],
    "STOA_METRICS_TOKEN": PLANTED["metrics token"],
    "PLANTED_API_KEY": PLANTED["key from a variable"],
    "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={PLANTED['key of the collector']}",
}
SECRET_HEADERS = ("authorization", "x-api-key", "openai-organization")


class Watch:
    """Looks for the planted secrets, as they are and as URLs, JSON or headers may carry them."""

    def __init__(self, **further: str) -> None:
        self.secrets = {**PLANTED, **further}

    def found_in(self, text: str) -> set[str]:
        """The names of those that `text` holds."""
        return {
            name
            for name, secret in self.secrets.items()
            if any(
                form in text for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], in_base64(secret))
            )
        }

    def check(self, where: str, text: str) -> None:
        """Fails when any of them is there."""
        assert not self.found_in(text), f"{where} shows {self.found_in(text)}"


def in_base64(secret: str) -> str:
    return base64.b64encode(secret.encode()).decode().rstrip("=")


def password_of(url: str) -> str:
    return unquote(urlsplit(url).password or "")


@pytest.fixture
def watch(database: str, valkey: str) -> Watch:
    return Watch(database=password_of(database), redis=password_of(valkey))


@pytest.fixture(params=["json", "people"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, watch: Watch) -> Iterator[io.StringIO]:
    """All that is logged, at debug level, by us and by libraries, while the planted secrets are set."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    before = structlog.get_config()
    talkative = [
        logging.getLogger(name) for name in ("openai", "anthropic", "httpx2", "aiohttp", "sqlalchemy", "redis")
    ]
    with environment(**VARIABLES, STOA_LOG_LEVEL="debug", STOA_LOG_JSON=str(request.param == "json").lower()):
        configure_logging()
        structlog.configure(cache_logger_on_first_use=False)  # loggers outlive this test
        for logger in talkative:
            logger.setLevel(logging.DEBUG)
        start_exporting()
        yield stream
    for logger in talkative:
        logger.setLevel(logging.NOTSET)
    logging.getLogger().removeHandler(logs._libraries)
    structlog.configure(**before)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collected() as made:
        yield made


@pytest.fixture
async def school(written: io.StringIO) -> AsyncIterator[School]:
    async with nothing_remembered(), running_app():
        yield await found_school()


def echoed(request: Received) -> str:
    """The request's secrets, as a careless server repeats them."""
    return " ".join(request.headers.get(name, "") for name in SECRET_HEADERS)


def in_an_error(status: int) -> Any:
    def answer(request: Received) -> Answer:
        said = echoed(request)
        made = anthropic_error if "x-api-key" in request.headers else openai_error
        error = made(status, said) if made is openai_error else anthropic_error(status, "api_error", said)
        return error.with_headers(x_echo=said, www_authenticate=said)

    return answer


def in_its_name(request: Received) -> Answer:
    choice = {"index": 0, "delta": {"content": "Six."}, "finish_reason": "stop"}
    return raw_answer(sse({"model": echoed(request), "choices": [choice]}) + b"data: [DONE]\n\n")


def in_the_stream(request: Received) -> Answer:
    return raw_answer(sse({"error": {"message": echoed(request), "code": echoed(request)}}))


def in_a_page(request: Received) -> Answer:
    return raw_answer(f"<html>{echoed(request)}".encode(), content_type="text/html")


def in_a_redirect(request: Received) -> Answer:
    return raw_answer(b"", status=307).with_headers(location=f"/elsewhere?key={quote(echoed(request))}")


SERVERS: dict[str, Any] = {
    "answers": openai_answer("Six."),
    "401": in_an_error(401),
    "500": in_an_error(500),
    "400": in_an_error(400),
    "429": in_an_error(429),
    "name": in_its_name,
    "stream": in_the_stream,
    "page": in_a_page,
    "redirect": in_a_redirect,
}


async def ask_everybody(stack: AsyncExitStack) -> tuple[list[CompletionError], list[Received]]:
    """Ask each server, with either kind of key, and one that refuses: the errors, and what the servers were sent."""
    models, sent = [], []
    for name, script in SERVERS.items():
        replay = await stack.enter_async_context(Replay(script))
        sent.append(replay)
        secrets = {"api_key": PLANTED["API key"], "organization": PLANTED["organization"]}
        models.append(model_of(replay, f"{name} stored", provider="openai", **secrets))
        models.append(model_of(replay, f"{name} variable", provider="openai", **from_variable()))
    claude = await stack.enter_async_context(Replay(in_an_error(500)))
    models.append(model_of(claude, "claude", provider="anthropic", api_key=PLANTED["API key"]))
    sent.append(claude)
    port = stack.enter_context(refusing_port())
    models.append({**models[0], "name": "refused", "url_template": f"http://127.0.0.1:{port}/v1"})
    await register(*models)
    errors = []
    for model in models:
        try:
            await ask(question(model=model["name"]))
        except CompletionError as error:
            errors.append(error)
    return errors, [request for replay in sent for request in replay.requests]


def from_variable() -> dict[str, Any]:
    return {"api_key": None, "api_key_env": "PLANTED_API_KEY"}


async def test_no_secret_turns_up_anywhere(
    school: School, written: io.StringIO, collector: Collector, watch: Watch, database: str, valkey: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with AsyncExitStack() as stack:
        errors, sent = await ask_everybody(stack)
        await reseal_secrets(SYSTEM)
        said_by_servers = " ".join(map(echoed, sent))
        assert watch.found_in(said_by_servers) == {"API key", "organization", "key from a variable"}
        assert len(errors) > len(SERVERS)
        for error in errors:
            watch.check("an error", f"{error} {error!r} {vars(error)} {''.join(traceback.format_exception(error))}")
        for span in collector.spans():
            watch.check("a span", span.to_json())
        watch.check("the OTLP metrics", collector.metrics())
        watch.check("the export", yaml.safe_dump(await export_catalogue(SYSTEM)))
        watch.check("the models' health", repr(await read_health(SYSTEM)))
        watch.check("a chain", repr(await resolve(Feature.STUDENT_DIALOGUE)))
        watch.check("the settings", repr(get_settings()))
        await every_route(school, watch)
        await every_event(school, watch)
        await crashes(school, watch, monkeypatch)
    for table, rows in everything_stored(database):
        watch.check(f"the table {table}", rows)
    watch.check("Redis", everything_shared(valkey))
    watch.check("the log", written.getvalue())
    for crash in ("fell_over", "request_crashed", "event_crashed", "ledger_row_lost"):
        assert crash in written.getvalue()
    assert written.getvalue().count(f"it said {MASK}") >= 3  # so the log would have shown them


async def every_route(school: School, watch: Watch) -> None:
    """What each route answers an administrator, and the metrics whoever has their token."""
    stage = Stage(school, uuid4(), uuid4(), uuid4(), uuid4())
    token = {"authorization": f"Bearer {PLANTED['metrics token']}"}
    async with browser() as client:
        metrics = await client.get("/api/metrics", headers=token)
        assert metrics.status_code == 200
        watch.check("the metrics by token", metrics.text)
    async with browser(school.cookie("administrator")) as client:
        for (method, path), route in ROUTES.items():
            where = path.format_map(defaultdict(uuid4))
            response = await client.request(method, where, json=route.body(stage), data=route.form(stage))
            watch.check(f"{method} {path}", f"{response.headers} {response.text}")


async def every_event(school: School, watch: Watch) -> None:
    """What each state event tells an administrator's tab, and what the tab's state would send again."""
    stage = Stage(school, uuid4(), uuid4(), uuid4(), uuid4())
    for event, case in EVENTS.items():
        tab = Tab()
        await tab.connect(school.cookie("administrator"))
        await tab.load(case.path, **dict(case.query))
        told = await tab.send(full_name(event), **case.payload(stage))
        watch.check(event, told.wire)
        watch.check(f"the state after {event}", str(await tab.state()))


async def crashes(school: School, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route, a state event and a ledger row that fail with a secret in the exception."""

    async def fail(*_: Any) -> None:
        raise RuntimeError(f"it said {PLANTED['API key']}") from ValueError(f"it said {PLANTED['SECRET_KEY']}")

    with monkeypatch.context() as patch:
        for place in ("backend.api.health._check", "app.state.home.list_sections", "backend.genai.ledger._write"):
            patch.setattr(place, fail)
        async with browser(school.cookie("administrator")) as client:
            response = await client.get("/api/health")
        assert response.status_code == 500
        watch.check("a crashed route", f"{response.headers} {response.text}")
        tab = Tab()
        await tab.connect(school.cookie("administrator"))
        watch.check("a crashed event", (await tab.load("/")).wire)
        await ask(question(model="answers stored"))


def everything_stored(url: str) -> Iterator[tuple[str, str]]:
    """Each table's name and rows."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT row_to_json(t)::text FROM {table} AS t").fetchall()
            yield table, "\n".join(row for (row,) in rows)


def everything_shared(url: str) -> str:
    """Every key and value in Redis."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        readers = {
            "string": client.get,
            "stream": client.xrange,
            "hash": client.hgetall,
            "set": client.smembers,
            "zset": lambda key: client.zrange(key, 0, -1),
            "list": lambda key: client.lrange(key, 0, -1),
        }
        keys = list(client.scan_iter())
        assert keys
        return "\n".join(f"{key} {readers[client.type(key)](key)}" for key in keys)


@pytest.mark.parametrize(
    "entry",
    [
        {"api_key_env": PLANTED["API key"]},
        {"api_key": PLANTED["API key"], "api_key_env": "SOME_KEY"},
        {"api_key": PLANTED["API key"] + "\n" + PLANTED["API key"]},
        {"api_key": [PLANTED["API key"]]},
        {"organization": {"id": PLANTED["organization"]}},
        {"url_template": f"https://me:{PLANTED['API key']}@host/v1"},
        {"api_key": PLANTED["API key"], "unknown": 1},
    ],
)
def test_a_refused_catalogue_file_does_not_repeat_its_secrets(entry: dict[str, Any], watch: Watch) -> None:
    with pytest.raises(Exception, match="models") as refused:
        parse_catalogue({"models": [{"name": "a", "provider": "openai", "model": "m", **entry}]})
    watch.check("the refusal", "".join(traceback.format_exception(refused.value)))


@pytest.mark.timeout(300)
async def test_commands_show_no_secret(
    school: School, watch: Watch, database: str, valkey: str, tmp_path: Path
) -> None:
    async with Replay(in_an_error(500)) as replay:
        await register(model_of(replay, api_key=PLANTED["API key"], organization=PLANTED["organization"]))
        variables = {**VARIABLES, "DATABASE_URL": database, "REDIS_URL": valkey, "STOA_LOG_LEVEL": "debug"}
        with data_directory(tmp_path) as data_dir:
            for command in (["genai", "export"], ["doctor"], ["rotate-key"], ["migrate"]):
                with stoa(data_dir, *command, environment=variables) as running:
                    running.ends()
                    watch.check(" ".join(command), running.output)
                    assert running.output


@contextmanager
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr("backend.core.logs.masked", lambda event: event)
        yield


@pytest.mark.parametrize("written", ["json"], indirect=True)
async def test_the_watch_sees_what_a_logger_without_a_mask_would_show(
    school: School, written: io.StringIO, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Replay(openai_answer("Six.")) as replay:
        await register(model_of(replay, api_key=PLANTED["API key"]))
        await ask()
        with nothing_hidden(monkeypatch):
            structlog.get_logger().info("seen", headers={"authorization": f"Bearer {PLANTED['API key']}"})
    assert watch.found_in(written.getvalue()) == {"API key"}
    assert watch.found_in(quote(f"/{PLANTED['organization']}")) == {"organization"}
