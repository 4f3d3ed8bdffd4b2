"""What an attempt cost: the model's own price where one is set, else the list bundled with `genai-prices`."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from genai_prices import Usage as ListUsage
from genai_prices import calc_price

from backend.core.clock import now
from backend.genai.schemas import ModelSpec, ProviderName, Usage

MILLION = Decimal(1_000_000)
FREE_PROVIDERS = frozenset({ProviderName.NULL, ProviderName.OLLAMA})
"""They run on the operator's own machine, so no provider bills for them."""
THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Cost:
    """USD, and the price it was computed with (USD per million tokens and where it is from)."""

    usd: Decimal
    price: dict[str, Any]


def priced(spec: ModelSpec, usage: Usage) -> Usage:
    """`usage` with what it cost just now."""
    cost = cost_of(spec, usage, now())
    return replace(usage, cost_usd=cost.usd if cost else None)


def cost_of(spec: ModelSpec, usage: Usage, moment: datetime) -> Cost | None:
    """What `usage` cost, or None when no price is known: unknown is never zero."""
    if spec.price_input is not None and spec.price_output is not None and _in_effect(spec, moment):
        return _own_price(spec, usage)
    if spec.provider in FREE_PROVIDERS or _is_local(spec):
        return Cost(Decimal(0), {"source": "own machine"})
    return _list_price(spec, usage, moment)


def _is_local(spec: ModelSpec) -> bool:
    """A model for development that runs here, as the local model does; a hosted one is billed whatever it is for."""
    return spec.dev_only and spec.base_url is not None and urlsplit(spec.base_url).hostname in THIS_MACHINE


def _in_effect(spec: ModelSpec, moment: datetime) -> bool:
    return spec.price_effective_from is None or spec.price_effective_from <= moment.date()


def _own_price(spec: ModelSpec, usage: Usage) -> Cost:
    price_input, price_output = Decimal(str(spec.price_input)), Decimal(str(spec.price_output))
    price_cached = price_input if spec.price_cached is None else Decimal(str(spec.price_cached))
    fresh = max(usage.input_tokens - usage.cached_tokens, 0)
    usd = (fresh * price_input + usage.cached_tokens * price_cached + usage.output_tokens * price_output) / MILLION
    price = {
        "source": "model",
        "input": float(price_input),
        "output": float(price_output),
        "cached": float(price_cached),
    }
    return Cost(usd, price)


def _list_price(spec: ModelSpec, usage: Usage, moment: datetime) -> Cost | None:
    counted = ListUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=min(usage.cached_tokens, usage.input_tokens) or None,
    )
    hosted_elsewhere = spec.provider is ProviderName.OPENAI and spec.base_url is not None
    where: dict[str, Any] = (
        {"provider_api_url": spec.base_url} if hosted_elsewhere else {"provider_id": spec.provider.value}
    )
    try:
        found = calc_price(counted, model_ref=spec.model, genai_request_timestamp=moment, **where)
    except LookupError:
        return None
    return Cost(found.total_price, {"source": "genai-prices", "model": found.model.id, "price": str(found.model_price)})
