"""What the models of a provider may take together, by form."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlmodel import col, select

from backend import genai
from backend.access import Actor, AuditEntry
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, NotFound
from backend.core.ids import new_id
from backend.genai import Feature, LimitsForm
from backend.genai.schemas import ProviderName, RateLimits
from tests.support.genai import nothing_remembered, store

PIA = Actor(person_id=new_id(), is_administrator=True)
LIMITS = {"max_concurrent": "8", "requests_per_minute": "60", "tokens_per_minute": ""}


@pytest.fixture(autouse=True)
async def _own_database(services: None) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


async def of_openai() -> LimitsForm:
    return next(form for form in await genai.list_provider_limits(PIA) if form.provider is ProviderName.OPENAI)


async def test_nothing_is_limited_at_first() -> None:
    forms = await genai.list_provider_limits(PIA)
    assert [form.provider for form in forms] == [ProviderName.OPENAI, ProviderName.ANTHROPIC, ProviderName.OLLAMA]
    assert {form.version for form in forms} == {0}
    assert {text for form in forms for text in form.values.values()} == {""}


async def test_limits_are_saved_changed_and_on_the_record() -> None:
    first = await genai.save_provider_limits(PIA, "openai", 0, LIMITS)
    assert first == await of_openai()
    assert (first.version, first.values) == (1, LIMITS)
    second = await genai.save_provider_limits(
        PIA, "openai", 1, LIMITS | {"max_concurrent": "", "requests_per_minute": "9"}
    )
    assert (second.version, second.values["max_concurrent"]) == (2, "")
    async with transaction() as session:
        found = (await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))).all()
    assert [(line.action, line.subject) for line in found] == [
        ("provider_limits.created", "openai"),
        ("provider_limits.changed", "openai"),
    ]
    assert found[1].before == {"max_concurrent": 8, "requests_per_minute": 60, "tokens_per_minute": None}
    assert found[1].after == {"max_concurrent": None, "requests_per_minute": 9, "tokens_per_minute": None}


async def test_limits_hold_at_once() -> None:
    await store(
        models=[{"name": "a", "provider": "openai", "model": "m"}],
        service_configs=[{"name": "c", "primary_model": "a"}],
        feature_configs=[{"feature": "student_dialogue", "service_config": "c"}],
    )
    assert (await genai.resolve(Feature.STUDENT_DIALOGUE)).provider_limits == {}
    await genai.save_provider_limits(PIA, "openai", 0, LIMITS)
    limits = (await genai.resolve(Feature.STUDENT_DIALOGUE)).provider_limits
    assert limits == {ProviderName.OPENAI: RateLimits(8, 60, None)}


async def test_a_wrong_limit_is_refused_at_its_field() -> None:
    with pytest.raises(FieldErrors) as refused:
        await genai.save_provider_limits(PIA, "openai", 0, {"max_concurrent": "0", "tokens_per_minute": "many"})
    assert refused.value.fields == {"max_concurrent": "At least 1.", "tokens_per_minute": "Give a whole number."}
    assert (await of_openai()).version == 0


async def test_the_second_of_two_editors_is_told() -> None:
    await genai.save_provider_limits(PIA, "openai", 0, LIMITS)
    for stale in (0, 7):
        with pytest.raises(Conflict, match="Somebody else changed these limits"):
            await genai.save_provider_limits(PIA, "openai", stale, {})
    assert (await of_openai()).values == LIMITS


async def test_of_two_first_saves_at_once_one_wins() -> None:
    saves = [genai.save_provider_limits(PIA, "ollama", 0, {"max_concurrent": str(n)}) for n in (1, 2, 3)]
    results = await asyncio.gather(*saves, return_exceptions=True)
    assert [type(result) for result in results].count(LimitsForm) == 1
    assert [type(result) for result in results].count(Conflict) == 2


@pytest.mark.parametrize("provider", ["null", "gemini", ""])
async def test_an_unknown_provider_has_no_limits(provider: str) -> None:
    with pytest.raises(NotFound):
        await genai.save_provider_limits(PIA, provider, 0, LIMITS)
