"""Models of replay servers, registered as an administrator would; asking them; and what the ledger says of it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Identifier
from sqlmodel import col, select

from backend import genai
from backend.access import SYSTEM
from backend.core.database import transaction
from backend.courses import CourseText, LessonText, ensure_course, ensure_section
from backend.genai import (
    CompletionError,
    CompletionRequest,
    Event,
    Feature,
    Prompt,
    Restarted,
    Routed,
    TextDelta,
    UserMessage,
)
from backend.genai.models import CompletionRequest as Row
from backend.genai.routing import forget_resolved
from tests.support.replay import API_KEY, Replay, Script
from tests.support.replay_answers import MODEL
from tests.support.services import database_url, shared_postgres

QUESTION = "What is a mole?"


@asynccontextmanager
async def nothing_remembered() -> AsyncIterator[None]:
    """Inside, no configuration and no client of another test's database is known; afterwards nothing is under way."""
    forget_resolved()
    try:
        yield
    finally:
        await genai.close_providers()
        forget_resolved()


def model_of(replay: Replay, name: str = "primary", **fields: Any) -> dict[str, Any]:
    """The replay server's model as an entry of the catalogue file."""
    provider = fields.get("provider", replay.spec().provider.value)
    url = f"{replay.url}/v1" if provider == "openai" else replay.url
    return {"name": name, "provider": provider, "model": MODEL, "url_template": url, "api_key": API_KEY, **fields}


async def register(
    *models: dict[str, Any], features: Sequence[Feature] = (Feature.STUDENT_DIALOGUE,), **config: Any
) -> None:
    """Register models, and the chain of them as what serves `features`; `config` are fields of the service config."""
    names = [model["name"] for model in models]
    await store(
        models=models,
        service_configs=[{"name": "chain", "primary_model": names[0], "fallbacks": names[1:], **config}],
        feature_configs=[{"feature": feature.value, "service_config": "chain"} for feature in features],
    )


class Servers:
    """Replay servers of one test, registered as a chain: primary, second, third."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def chain(self, *scripts: Script, fields: tuple[dict[str, Any], ...] = (), **config: Any) -> list[Replay]:
        """One server, and one model of the chain, for each answer; `fields` of the models, in order."""
        replays = [await self._stack.enter_async_context(Replay(script)) for script in scripts]
        names = ("primary", "second", "third", "fourth")
        changes = [*fields, *[{}] * len(replays)]
        models = [model_of(*each, **change) for *each, change in zip(replays, names, changes, strict=False)]
        await register(*models, **config)
        return replays


def routes(events: Sequence[Event]) -> list[tuple[str, str]]:
    """(model, reason) of each attempt among events."""
    return [(event.model, event.reason) for event in events if isinstance(event, Routed | Restarted)]


async def store(**lists: Sequence[dict[str, Any]]) -> None:
    """Import a catalogue file with these lists."""
    await genai.import_catalogue(SYSTEM, genai.parse_catalogue(lists))


def question(text: str = QUESTION, feature: Feature = Feature.STUDENT_DIALOGUE, **fields: Any) -> CompletionRequest:
    """A completion request; `fields` of it, or of its prompt."""
    prompt = Prompt((UserMessage(text),), **fields.pop("prompt", {}))
    return CompletionRequest(feature, prompt, **fields)


async def ask(request: CompletionRequest | None = None) -> list[Event]:
    """Every event of an answer that is whole."""
    async with aclosing(genai.stream(request or question())) as events:
        return [event async for event in events]


async def ask_in_vain(request: CompletionRequest | None = None) -> tuple[list[Event], CompletionError]:
    """The events before the error that an answer ends in, and the error."""
    before: list[Event] = []
    try:
        async with aclosing(genai.stream(request or question())) as events:
            async for event in events:
                before.append(event)
    except CompletionError as error:
        return before, error
    raise AssertionError(f"no error, but {before}")


def text_of(events: Sequence[Event]) -> str:
    """The text among events."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def ledger_rows() -> list[Row]:
    """The ledger, request by request, attempt by attempt."""
    async with transaction() as session:
        return list((await session.exec(select(Row).order_by(col(Row.request_id), col(Row.attempt)))).all())


async def make_section(slug: str = "python-autumn") -> UUID:
    """A section of a course with one lesson."""
    lesson = LessonText("first", "First", 5, "Text.")
    async with transaction() as session:
        course, version = await ensure_course(session, CourseText("python", "Python", "", (("One", (lesson,)),)))
        return (await ensure_section(session, course, version.id, slug, slug, "UTC")).id


@contextmanager
def postgres_away(url: str) -> Iterator[None]:
    """Inside, the test's database ends every connection and takes no new one."""
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(database_url(shared_postgres(), "postgres"), autocommit=True) as admin:
        _allow(admin, name, False)
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            _allow(admin, name, True)


def _allow(admin: "psycopg.Connection[Any]", name: str, allowed: bool) -> None:
    admin.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(Identifier(name), allowed))
