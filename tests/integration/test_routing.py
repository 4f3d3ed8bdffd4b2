"""Which chain of models serves a feature, and when none may."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from backend.core.database import transaction
from backend.genai import Feature, context_window, model_notice, resolve
from backend.genai.errors import BudgetExceeded, InvalidRequest, MissingFeatureConfig
from backend.genai.models import CompletionRequest
from backend.genai.routing import NO_MODEL_NOTICE, SMALL_MODEL_NOTICE, refuse_over_budget, single
from tests.support.genai import make_section, nothing_remembered, register, store
from tests.support.services import SECRET_KEY, environment

TUTOR = Feature.STUDENT_DIALOGUE


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


def model(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "provider": "openai", "model": f"{name}-1", **fields}


async def names(feature: Feature = TUTOR, section: UUID | None = None) -> list[str]:
    return [spec.name for spec in (await resolve(feature, section)).models]


async def change(name: str, **fields: Any) -> None:
    await store(models=[model(name, **fields)])


async def test_a_section_has_its_override_and_others_the_default() -> None:
    section, other = await make_section(), await make_section("python-evening")
    await register(model("a"), model("b"), features=(TUTOR, Feature.COURSE_OUTLINE))
    await store(
        service_configs=[{"name": "own", "primary_model": "b"}],
        feature_configs=[{"feature": "student_dialogue", "section": "python-autumn", "service_config": "own"}],
    )
    assert await names() == ["a", "b"]
    assert await names(section=section) == ["b"]
    assert await names(section=other) == ["a", "b"]
    assert await names(section=uuid4()) == ["a", "b"]
    assert await names(Feature.COURSE_OUTLINE, section) == ["a", "b"]


async def test_an_override_without_a_default_serves_its_section_only() -> None:
    section = await make_section()
    await store(
        models=[model("a")],
        service_configs=[{"name": "own", "primary_model": "a"}],
        feature_configs=[{"feature": "student_dialogue", "section": "python-autumn", "service_config": "own"}],
    )
    assert await names(section=section) == ["a"]
    with pytest.raises(MissingFeatureConfig):
        await names()


async def test_a_feature_without_a_config_is_missing() -> None:
    with pytest.raises(MissingFeatureConfig, match="No language model is set up for this yet"):
        await resolve(TUTOR)


async def test_the_chain_carries_what_its_config_says() -> None:
    await register(model("a"), temperature=0.5, max_output_tokens=700, budget_usd=20)
    chain = await resolve(TUTOR)
    assert (chain.temperature, chain.max_output_tokens, chain.budget_usd) == (0.5, 700, Decimal(20))
    assert chain.reason == "primary"


async def test_a_disabled_model_is_passed_over() -> None:
    await register(model("a", enabled=False), model("b"), model("c", enabled=False), model("d"))
    assert await names() == ["b", "d"]
    assert (await resolve(TUTOR)).reason == "primary_disabled"


async def test_a_chain_of_disabled_models_is_missing() -> None:
    await register(model("a", enabled=False))
    with pytest.raises(MissingFeatureConfig) as missing:
        await resolve(TUTOR)
    assert missing.value.detail == "no usable model in the chain “chain”: a is disabled"


@pytest.mark.parametrize(
    ("app_env", "feature", "expected"),
    [
        ("production", Feature.GRADING_FEEDBACK, ["b"]),
        ("production", TUTOR, ["a", "b"]),
        ("development", Feature.GRADING_FEEDBACK, ["a", "b"]),
    ],
)
async def test_a_model_for_development_never_grades_in_production(
    app_env: str, feature: Feature, expected: list[str]
) -> None:
    await register(model("a", dev_only=True), model("b"), features=(TUTOR, Feature.GRADING_FEEDBACK))
    with environment(APP_ENV=app_env):
        assert await names(feature) == expected


async def test_a_model_for_development_does_not_grade_in_production_even_when_asked_by_name() -> None:
    await register(model("a", dev_only=True))
    with environment(APP_ENV="production"):
        with pytest.raises(MissingFeatureConfig, match="never grades in production"):
            await single("a", Feature.GRADING_FEEDBACK)
        assert (await single("a", TUTOR)).models[0].name == "a"


async def test_a_model_asked_by_name_is_asked_even_when_disabled() -> None:
    await register(model("a", enabled=False))
    chain = await single("a", TUTOR)
    assert ([spec.name for spec in chain.models], chain.reason) == (["a"], "requested")


async def test_an_unknown_model_asked_by_name_is_missing() -> None:
    with pytest.raises(MissingFeatureConfig, match="There is no registered model named “nobody”"):
        await single("nobody", TUTOR)


async def test_an_embedding_model_asked_by_name_is_refused() -> None:
    await store(models=[model("vectors", kind="embedding", dimensions=3)])
    with pytest.raises(InvalidRequest, match="“vectors” is an embedding model"):
        await single("vectors", TUTOR)


async def test_an_import_is_seen_by_the_next_request() -> None:
    await register(model("a"), model("b"))
    assert await names() == ["a", "b"]
    await change("a", enabled=False)
    assert await names() == ["b"]


async def test_what_another_process_changed_is_seen_after_the_cache_time() -> None:
    with environment(STOA_GENAI_CONFIG_CACHE="0"):
        await register(model("a"), model("b"))
        assert await names() == ["a", "b"]
        await disable_elsewhere("a")
        assert await names() == ["b"]


async def test_a_chain_is_remembered_between_requests() -> None:
    await register(model("a"), model("b"))
    with environment(STOA_GENAI_CONFIG_CACHE="60"):
        chain = await resolve(TUTOR)
        await disable_elsewhere("a")
        assert await resolve(TUTOR) is chain


async def disable_elsewhere(name: str) -> None:
    async with transaction() as session:
        await session.execute(text("UPDATE registered_models SET enabled = false WHERE name = :name"), {"name": name})


async def test_secrets_reach_the_provider_and_no_printout() -> None:
    await register(model("a", api_key="sk-stored", organization="org-1"), model("b", api_key_env="OPENAI_API_KEY"))
    with environment(OPENAI_API_KEY="sk-from-the-environment"):
        chain = await resolve(TUTOR)
    keys = [(spec.api_key, spec.organization) for spec in chain.models]
    assert keys == [("sk-stored", "org-1"), ("sk-from-the-environment", None)]
    assert "sk-" not in repr(chain)


async def test_an_unset_key_variable_is_warned_of() -> None:
    await register(model("a", api_key_env="NOBODY_SET_THIS_KEY"))
    with capture_logs() as lines:
        assert (await resolve(TUTOR)).models[0].api_key is None
    assert [(line["event"], line["variable"]) for line in lines] == [("key_variable_unset", "NOBODY_SET_THIS_KEY")]


async def test_a_key_sealed_with_another_secret_costs_one_model_only() -> None:
    await register(model("a", api_key="sk-1"), model("b"))
    with environment(SECRET_KEY=SECRET_KEY[::-1]):
        assert await names() == ["b"]
        assert (await resolve(TUTOR)).reason == "primary_misconfigured"


def spending(config: UUID | None, usd: str, at: datetime) -> CompletionRequest:
    return CompletionRequest(
        request_id=uuid4(), attempt=1, feature=TUTOR, config_id=config, provider="openai", requested_model="a-1",
        reason="primary", outcome="succeeded", duration_ms=1, cost_usd=Decimal(usd), created_at=at,
    )  # fmt: skip


async def spend(config: UUID | None, usd: str, at: datetime | None = None) -> None:
    async with transaction() as session:
        session.add(spending(config, usd, at or datetime.now(UTC)))


def start_of_month() -> datetime:
    return datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def test_a_spent_budget_refuses_until_the_month_ends() -> None:
    await register(model("a"), budget_usd=10)
    chain = await resolve(TUTOR)
    await spend(chain.config_id, "9.99", start_of_month())
    await spend(chain.config_id, "500", start_of_month() - timedelta(seconds=1))
    await spend(uuid4(), "500")
    await refuse_over_budget(chain)
    await spend(chain.config_id, "0.01")
    with pytest.raises(BudgetExceeded, match="This month's budget for the tutor is used up"):
        await refuse_over_budget(chain)


async def test_without_a_budget_nothing_is_refused() -> None:
    await register(model("a"))
    chain = await resolve(TUTOR)
    await spend(chain.config_id, "100000")
    await refuse_over_budget(chain)


async def test_unpriced_attempts_do_not_use_up_a_budget() -> None:
    await register(model("a"), budget_usd=10)
    chain = await resolve(TUTOR)
    row = spending(chain.config_id, "0", datetime.now(UTC))
    row.cost_usd, row.unpriced = None, True
    async with transaction() as session:
        session.add(row)
    await refuse_over_budget(chain)


@pytest.mark.parametrize(
    ("fields", "notice"),
    [
        ({}, ""),
        ({"dev_only": True}, SMALL_MODEL_NOTICE),
        ({"provider": "null", "dev_only": True}, NO_MODEL_NOTICE),
        ({"enabled": False}, NO_MODEL_NOTICE),
    ],
)
async def test_students_are_told_what_they_talk_with(fields: dict[str, Any], notice: str) -> None:
    await register(model("a", context_window=4096, **fields))
    assert await model_notice() == notice
    assert await context_window() == (None if "enabled" in fields else 4096)


async def test_without_a_config_students_are_told_so() -> None:
    assert await model_notice() == NO_MODEL_NOTICE
    assert await context_window() is None
