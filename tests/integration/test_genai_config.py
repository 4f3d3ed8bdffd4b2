"""The tables keep the rules by themselves, whoever writes to them."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, delete

from backend.core.database import transaction
from backend.genai.models import ChainLink, CompletionRequest, FeatureConfig, RegisteredModel, ServiceConfig
from backend.genai.schemas import Feature
from tests.support.genai import make_section


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    yield


async def insert(*rows: SQLModel) -> None:
    for row in rows:
        async with transaction() as session:
            session.add(row)


async def refused_by(*rows: SQLModel) -> str:
    """The constraint that refuses the last row."""
    await insert(*rows[:-1])
    return await refusal_of(rows[-1])


async def refusal_of(row: SQLModel) -> str:
    with pytest.raises(IntegrityError) as refused:
        await insert(row)
    return constraint_of(refused.value)


def constraint_of(error: IntegrityError) -> str:
    name = error.orig.diag.constraint_name  # type: ignore[union-attr]
    assert isinstance(name, str)
    return name


def model(name: str = "a", **fields: Any) -> RegisteredModel:
    return RegisteredModel(**{"name": name, "provider": "openai", "model": "m-1", **fields})


async def chain_of(*names: str) -> tuple[UUID, list[UUID]]:
    """A service config with no chain yet, and models; their ids."""
    config, models = ServiceConfig(name="c"), [model(name) for name in names]
    ids = config.id, [each.id for each in models]
    await insert(config, *models)
    return ids


def link(config: UUID, position: int, role: str, model_id: UUID) -> ChainLink:
    return ChainLink(config_id=config, position=position, role=role, model_id=model_id)


TIMES_AND_CAPS = (
    "connect_timeout", "first_token_timeout", "stall_timeout", "total_timeout", "max_concurrent",
    "requests_per_minute", "tokens_per_minute", "context_window", "max_output_tokens", "breaker_min_samples",
    "breaker_window", "breaker_cooldown", "breaker_first_token_p95",
)  # fmt: skip
WRONG_MODELS = [
    *((field, 0, field) for field in TIMES_AND_CAPS),
    *((field, value, field) for field in ("breaker_error_rate", "breaker_rate_limit_rate") for value in (-0.1, 1.1)),
    *((field, -1, "prices") for field in ("price_input", "price_output", "price_cached")),
    ("provider", "gemini", "provider"),
    ("kind", "image", "kind"),
    ("url_template", "ftp://example.org", "url_template"),
    ("dimensions", 768, "dimensions"),
    ("kind", "embedding", "dimensions"),
]


async def test_a_model_that_breaks_a_rule_is_refused() -> None:
    refusals = [await refusal_of(model(**{field: value})) for field, value, _ in WRONG_MODELS]
    assert refusals == [f"ck_registered_models_{rule}" for _, _, rule in WRONG_MODELS]


async def test_a_model_with_a_key_and_a_variable_for_it_is_refused() -> None:
    assert await refusal_of(model(api_key=b"sealed", api_key_env="OPENAI_API_KEY")) == "ck_registered_models_one_key"


async def test_a_second_model_of_one_name_is_refused() -> None:
    assert await refused_by(model(), model()) == "uq_registered_models_name"


async def test_a_second_service_config_of_one_name_is_refused() -> None:
    assert await refused_by(ServiceConfig(name="c"), ServiceConfig(name="c")) == "uq_service_configs_name"


async def test_a_service_config_that_breaks_a_rule_is_refused() -> None:
    for field, value in (("temperature", 2.5), ("temperature", -1), ("max_output_tokens", 0), ("budget_usd", 0)):
        assert await refusal_of(ServiceConfig(**{"name": "c", field: value})) == f"ck_service_configs_{field}"


async def test_a_model_twice_in_a_chain_is_refused() -> None:
    config, (a,) = await chain_of("a")
    refusal = await refused_by(link(config, 0, "primary", a), link(config, 1, "fallback", a))
    assert refusal == "uq_service_config_models_config_id_model_id"


async def test_a_position_taken_twice_is_refused() -> None:
    config, (a, b, c) = await chain_of("a", "b", "c")
    await insert(link(config, 0, "primary", a))
    refusal = await refused_by(link(config, 1, "secondary", b), link(config, 1, "backup", c))
    assert refusal == "uq_service_config_models_config_id_position"


async def test_any_but_the_primary_at_the_head_of_a_chain_is_refused() -> None:
    config, (a,) = await chain_of("a")
    for position, role in ((1, "primary"), (0, "secondary"), (0, "fallback"), (0, "backup")):
        assert await refusal_of(link(config, position, role, a)) == "ck_service_config_models_primary_first"


async def test_a_model_in_use_cannot_be_deleted() -> None:
    config, (a, b) = await chain_of("a", "b")
    await insert(link(config, 0, "primary", a))
    with pytest.raises(IntegrityError) as refused:
        await delete_row(RegisteredModel, a)
    assert constraint_of(refused.value) == "fk_service_config_models_model_id_registered_models"
    await delete_row(RegisteredModel, b)


async def test_a_service_config_in_use_cannot_be_deleted_and_takes_its_chain_along_when_it_can() -> None:
    config, (a,) = await chain_of("a")
    row = FeatureConfig(feature=Feature.COURSE_OUTLINE, config_id=config)
    row_id = row.id
    await insert(link(config, 0, "primary", a), row)
    with pytest.raises(IntegrityError):
        await delete_row(ServiceConfig, config)
    await delete_row(FeatureConfig, row_id)
    await delete_row(ServiceConfig, config)
    await delete_row(RegisteredModel, a)


async def delete_row(table: Any, row_id: UUID) -> None:
    async with transaction() as session:
        await session.exec(delete(table).where(table.id == row_id))


async def test_a_second_default_for_a_feature_is_refused() -> None:
    config, _ = await chain_of()
    rows = [FeatureConfig(feature=Feature.COURSE_OUTLINE, config_id=config) for _ in range(2)]
    assert await refused_by(*rows) == "uq_feature_configs_default"


async def test_a_second_override_for_a_feature_and_section_is_refused() -> None:
    config, _ = await chain_of()
    section, other = await make_section(), await make_section("python-evening")
    await insert(
        FeatureConfig(feature=Feature.COURSE_OUTLINE, config_id=config),
        FeatureConfig(feature=Feature.COURSE_OUTLINE, config_id=config, section_id=section),
        FeatureConfig(feature=Feature.COURSE_OUTLINE, config_id=config, section_id=other),
        FeatureConfig(feature=Feature.STUDENT_DIALOGUE, config_id=config, section_id=section),
    )
    again = FeatureConfig(feature=Feature.COURSE_OUTLINE, config_id=config, section_id=section)
    assert await refusal_of(again) == "uq_feature_configs_override"


async def test_an_unknown_feature_is_refused() -> None:
    config, _ = await chain_of()
    assert await refusal_of(FeatureConfig(feature="horoscopes", config_id=config)) == "ck_feature_configs_feature"


def attempt(**fields: Any) -> CompletionRequest:
    usual = {
        "request_id": uuid4(), "attempt": 1, "feature": "student_dialogue", "provider": "openai",
        "requested_model": "m-1", "reason": "primary", "outcome": "succeeded", "duration_ms": 1.0, "cost_usd": 0,
    }  # fmt: skip
    return CompletionRequest(**{**usual, **fields})


async def test_a_ledger_row_that_breaks_a_rule_is_refused() -> None:
    wrong = {"outcome": {"outcome": "perhaps"}, "unpriced": {"cost_usd": None}}
    for rule, fields in wrong.items():
        assert await refusal_of(attempt(**fields)) == f"ck_completion_requests_{rule}"
    assert await refusal_of(attempt(cost_usd=1, unpriced=True)) == "ck_completion_requests_unpriced"


async def test_an_attempt_counted_twice_is_refused() -> None:
    request = uuid4()
    await insert(attempt(request_id=request), attempt(request_id=request, attempt=2))
    refusal = await refusal_of(attempt(request_id=request))
    assert refusal == "uq_completion_requests_request_id_attempt"
