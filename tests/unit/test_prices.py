"""What an attempt cost."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from backend.genai import defaults
from backend.genai.prices import cost_of, priced
from backend.genai.schemas import ModelSpec, ProviderName, Usage

MAY = datetime(2026, 5, 15, 12, tzinfo=UTC)
USAGE = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000)


def spec(provider: ProviderName = ProviderName.OPENAI, model: str = "gpt-4o", **fields: Any) -> ModelSpec:
    return ModelSpec(id=uuid4(), name="m", provider=provider, model=model, **fields)


def test_own_price_counts_fresh_cached_and_output_tokens() -> None:
    own = spec(model="mine", price_input=2, price_output=10, price_cached=0.5)
    cost = cost_of(own, USAGE, MAY)
    assert cost is not None
    assert cost.usd == Decimal("0.6") * 2 + Decimal("0.4") * Decimal("0.5") + Decimal("0.1") * 10
    assert cost.price == {"source": "model", "input": 2, "output": 10, "cached": 0.5}


def test_cached_tokens_cost_as_much_as_others_where_no_price_is_set() -> None:
    cost = cost_of(spec(model="mine", price_input=2, price_output=10), USAGE, MAY)
    assert cost is not None
    assert cost.usd == Decimal(3)


def test_an_own_price_of_zero_is_a_price() -> None:
    cost = cost_of(spec(model="mine", price_input=0, price_output=0), USAGE, MAY)
    assert cost is not None
    assert (cost.usd, cost.price["source"]) == (0, "model")


@pytest.mark.parametrize(
    ("starts", "source"),
    [(date(2026, 5, 16), "genai-prices"), (date(2026, 5, 15), "model"), (date(2026, 1, 1), "model"), (None, "model")],
)
def test_own_price_replaces_the_list_from_its_date_on(starts: date | None, source: str) -> None:
    cost = cost_of(spec(price_input=1, price_output=1, price_effective_from=starts), USAGE, MAY)
    assert cost is not None
    assert cost.price["source"] == source


def test_an_unknown_model_has_no_price_rather_than_none() -> None:
    unknown = spec(model="gpt-of-my-own")
    assert cost_of(unknown, USAGE, MAY) is None
    assert priced(unknown, USAGE).cost_usd is None


def test_an_unknown_server_has_no_price_even_for_a_known_model() -> None:
    assert cost_of(spec(base_url="http://127.0.0.1:8000/v1"), USAGE, MAY) is None


def test_a_known_server_has_the_list_price() -> None:
    assert cost_of(spec(base_url="https://api.openai.com/v1"), USAGE, MAY) == cost_of(spec(), USAGE, MAY)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (ProviderName.ANTHROPIC, defaults.ANTHROPIC_MODEL),
        (ProviderName.OPENAI, defaults.OPENAI_MODEL),
        (ProviderName.OPENAI, defaults.OPENAI_EMBEDDING_MODEL),
    ],
)
def test_the_models_of_the_first_start_are_priced(provider: ProviderName, model: str) -> None:
    cost = cost_of(spec(provider, model), Usage(input_tokens=1000, output_tokens=0), MAY)
    assert cost is not None
    assert cost.usd > 0


def test_reading_from_the_cache_is_cheaper_on_the_list_too() -> None:
    cached = cost_of(spec(), Usage(1000, 0, cached_tokens=1000), MAY)
    fresh = cost_of(spec(), Usage(1000, 0), MAY)
    assert cached is not None
    assert fresh is not None
    assert 0 < cached.usd < fresh.usd


def test_more_cached_tokens_than_tokens_cost_something_still() -> None:
    cost = cost_of(spec(), Usage(input_tokens=1000, output_tokens=0, cached_tokens=5000), MAY)
    assert cost is not None
    assert cost.usd > 0


@pytest.mark.parametrize("provider", [ProviderName.NULL, ProviderName.OLLAMA])
def test_what_runs_here_is_free_and_says_so(provider: ProviderName) -> None:
    cost = cost_of(spec(provider, "gpt-oss:20b"), USAGE, MAY)
    assert cost is not None
    assert (cost.usd, cost.price) == (0, {"source": "own machine"})


def test_the_local_model_is_free() -> None:
    cost = cost_of(spec(model="local", base_url=defaults.LOCAL_URL_TEMPLATE, dev_only=True), USAGE, MAY)
    assert cost is not None
    assert cost.usd == 0


@pytest.mark.parametrize("url", [None, "https://api.openai.com/v1"])
def test_a_hosted_model_for_development_is_not_free(url: str | None) -> None:
    cost = cost_of(spec(dev_only=True, base_url=url), USAGE, MAY)
    assert cost is not None
    assert cost.usd > 0
