"""The first start and those after it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlmodel import col, select

from backend.access import SYSTEM, AuditEntry
from backend.core.database import transaction
from backend.genai import Feature, export_catalogue, resolve, seed_configuration
from backend.genai.errors import MissingFeatureConfig
from tests.support.genai import ask, nothing_remembered, store, text_of
from tests.support.services import SECRET_KEY, environment

KEYS = {"ANTHROPIC_API_KEY": "sk-ant-1", "OPENAI_API_KEY": "sk-1"}
NO_LOCAL_MODEL = {"STOA_LOCAL_MODEL": "false"}
AUTHORING = (Feature.COURSE_OUTLINE, Feature.ASSESSMENT_GENERATION, Feature.GRADING_FEEDBACK)
CHAT = tuple(feature for feature in Feature if feature is not Feature.SEMANTIC_SEARCH)


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


async def start(variables: Mapping[str, str] = NO_LOCAL_MODEL) -> dict[str, list[dict[str, Any]]]:
    """What is registered after a start in this environment."""
    with environment(**variables):
        await seed_configuration()
        return await export_catalogue(SYSTEM)


async def chain(feature: Feature) -> list[str]:
    return [spec.name for spec in (await resolve(feature)).models]


PRODUCTION = {"APP_ENV": "production", "SECRET_KEY": SECRET_KEY}
ADDRESSES = {"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1", "OLLAMA_BASE_URL": "http://127.0.0.1:11434"}


@pytest.mark.parametrize(
    ("variables", "tutor", "grading", "search"),
    [
        (NO_LOCAL_MODEL, "none", "none", "no embeddings"),
        ({**NO_LOCAL_MODEL, **PRODUCTION}, "none", None, "no embeddings"),
        ({**KEYS, **PRODUCTION}, "claude openai", "claude openai", "openai embeddings"),
        (ADDRESSES, "openai ollama", "openai ollama", "ollama embeddings"),
        ({**ADDRESSES, "MIYABI_EMBEDDING_PROVIDER": "openai"}, "openai ollama", "openai ollama", "openai embeddings"),
        (
            {**KEYS, **ADDRESSES, "MIYABI_LLM_FALLBACK_CHAIN": "ollama, openai", "MIYABI_LLM_PROVIDER": "openai"},
            "openai ollama", "openai ollama", "ollama embeddings",
        ),
        ({**KEYS, "MIYABI_LLM_PROVIDER": "openai"}, "openai claude", "claude openai", "no embeddings"),
    ],
)  # fmt: skip
async def test_what_the_environment_names_is_what_serves(
    variables: dict[str, str], tutor: str, grading: str | None, search: str
) -> None:
    with environment(**variables):
        await seed_configuration()
        assert await chain(Feature.STUDENT_DIALOGUE) == tutor.split()
        assert await chain(Feature.SEMANTIC_SEARCH) == [search]
        if grading is None:  # a stand-in never grades for real
            with pytest.raises(MissingFeatureConfig):
                await resolve(Feature.GRADING_FEEDBACK)
        else:
            assert await chain(Feature.GRADING_FEEDBACK) == grading.split()


async def test_every_feature_has_a_default_after_the_first_start() -> None:
    await start(KEYS)
    assert all([await chain(feature) == ["claude", "openai"] for feature in CHAT])
    assert await chain(Feature.SEMANTIC_SEARCH) == ["no embeddings"]


async def test_without_keys_the_app_answers_what_to_do() -> None:
    await start()
    assert all([await chain(feature) == ["none"] for feature in CHAT])
    assert text_of(await ask()).startswith("No language model is configured yet")


async def test_a_second_start_changes_nothing() -> None:
    first = await start(KEYS)
    lines = await audit()
    assert await start(KEYS) == first
    assert await audit() == lines


async def test_two_processes_may_seed_at_once() -> None:
    with environment(**KEYS):
        await asyncio.gather(*(seed_configuration() for _ in range(4)))
    assert len(await audit()) == 3 + 3 + len(Feature)  # models, service configs, features: each made once


async def test_a_start_never_overwrites_what_a_person_changed() -> None:
    await start(KEYS)
    await store(
        models=[{"name": "claude", "provider": "anthropic", "model": "claude-mine", "enabled": False}],
        service_configs=[{"name": "Default", "primary_model": "openai"}],
        feature_configs=[{"feature": "course_outline", "service_config": "Default"}],
    )
    changed = await export_catalogue(SYSTEM)
    assert await start({**KEYS, "MIYABI_LLM_FALLBACK_CHAIN": "anthropic"}) == changed


async def test_a_key_that_appears_later_replaces_the_stand_in() -> None:
    await start()
    await start(KEYS)
    assert all([await chain(feature) == ["claude", "openai"] for feature in CHAT])


async def test_authoring_asks_claude_first_even_when_the_keys_come_later() -> None:
    await start()
    await start({**KEYS, "MIYABI_LLM_PROVIDER": "openai"})
    for feature in CHAT:
        first = ["claude", "openai"] if feature in AUTHORING else ["openai", "claude"]
        assert await chain(feature) == first, feature


async def test_one_stand_in_may_follow_another_before_a_key_appears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.genai.bootstrap.local_model_installed", lambda: True)
    await start({})
    assert await chain(Feature.STUDENT_DIALOGUE) == ["local"]
    await start(NO_LOCAL_MODEL)
    assert await chain(Feature.STUDENT_DIALOGUE) == ["none"]
    await start({})
    assert await chain(Feature.STUDENT_DIALOGUE) == ["local"]
    await start(KEYS)
    assert await chain(Feature.STUDENT_DIALOGUE) == ["claude", "openai"]


async def test_a_stand_in_that_a_person_changed_stays() -> None:
    await start()
    await store(service_configs=[{"name": "Default", "primary_model": "none", "temperature": 0.5}])
    await start(KEYS)
    assert await chain(Feature.STUDENT_DIALOGUE) == ["none"]
    assert await chain(Feature.COURSE_OUTLINE) == ["claude", "openai"]


async def test_a_real_chain_stays_when_its_key_disappears() -> None:
    await start(KEYS)
    await start()
    assert await chain(Feature.STUDENT_DIALOGUE) == ["claude", "openai"]


async def test_embeddings_that_appear_later_replace_their_stand_in() -> None:
    await start()
    await start({**NO_LOCAL_MODEL, "OLLAMA_BASE_URL": "http://127.0.0.1:11434"})
    assert await chain(Feature.SEMANTIC_SEARCH) == ["ollama embeddings"]


async def audit() -> list[tuple[str, str]]:
    async with transaction() as session:
        rows = await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))
        return [(row.action, row.subject) for row in rows]
