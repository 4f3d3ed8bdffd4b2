"""Which models serve a request: the section's chain for the feature, else the default one."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import structlog

from backend.core.clock import now
from backend.core.crypto import decrypt
from backend.core.database import transaction
from backend.core.errors import StoaError, Unavailable
from backend.core.settings import get_settings
from backend.genai import queries
from backend.genai.errors import BudgetExceeded, Fault, InvalidRequest, MissingFeatureConfig, ProviderUnavailable
from backend.genai.models import ProviderLimits, RegisteredModel, ServiceConfig
from backend.genai.schemas import BreakerPolicy, Feature, ModelKind, ModelSpec, ProviderName, RateLimits

log = structlog.get_logger(__name__)

SMALL_MODEL_NOTICE = "Small local model: check its answers"
NO_MODEL_NOTICE = "No language model is set up yet"


@dataclass(frozen=True, slots=True)
class Chain:
    """The models that may answer, in order, and what their service config says."""

    models: tuple[ModelSpec, ...]
    config_id: UUID | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    budget_usd: Decimal | None = None
    reason: str = "primary"
    """Why the first of `models` is asked: `primary`, `primary_<why it was passed over>`, or `requested` by name."""
    provider_limits: Mapping[ProviderName, RateLimits] = field(default_factory=dict)
    """What the models of each provider may take together."""
    primary_only: bool = False
    """The kill switch is on: no admission, no breaker, nobody else."""

    def together(self, spec: ModelSpec) -> RateLimits:
        """What the models of `spec`'s provider may take together."""
        return self.provider_limits.get(spec.provider, RateLimits())


_resolved: dict[tuple[str, UUID | None], tuple[float, Chain]] = {}
_resolving: dict[tuple[str, UUID | None], asyncio.Lock] = defaultdict(asyncio.Lock)


def forget_resolved() -> None:
    """Read the configuration anew at the next request, after it was changed."""
    _resolved.clear()
    _resolving.clear()


async def resolve(feature: Feature, section_id: UUID | None = None) -> Chain:
    """The chain that serves a feature: the section's override, else the default.

    Remembered for `genai_config_cache` seconds. Raises `MissingFeatureConfig` when there is neither, or when no
    model of the chain may serve it.
    """
    key = (feature.value, section_id)
    async with _resolving[key]:  # many ask at once when what was remembered is too old
        if (known := _resolved.get(key)) and known[0] > time.monotonic():
            return known[1]
        chain = await _resolve(feature, section_id)
        _resolved[key] = (time.monotonic() + get_settings().genai_config_cache, chain)
        return chain


async def _resolve(feature: Feature, section_id: UUID | None) -> Chain:
    async with transaction() as session:
        config = await queries.feature_config(session, feature, section_id)
        rows = await queries.chain(session, config.id) if config else []
        limits = await queries.provider_limits(session)
    if config is None:
        raise MissingFeatureConfig(detail=f"no service config for {feature.value}")
    chain = _chain(config, [model for _, model in rows], feature)
    return replace(chain, provider_limits={ProviderName(row.provider): _rate_limits(row) for row in limits})


async def single(name: str, feature: Feature) -> Chain:
    """A chain of just the registered chat model `name`, enabled or not.

    Raises `MissingFeatureConfig` when it isn't there or may not serve `feature`, `InvalidRequest` for an embedding
    model.
    """
    async with transaction() as session:
        model = await queries.model_by_name(session, name)
        limits = await queries.provider_limits(session)
    if model is None:
        raise MissingFeatureConfig(f"There is no registered model named “{name}”.")
    if model.kind != ModelKind.CHAT:
        raise InvalidRequest(f"“{name}” is an embedding model, which doesn't write answers.")
    if not _may_serve(model, feature):
        raise MissingFeatureConfig(f"“{name}” is for development: it never grades in production.")
    together = {ProviderName(row.provider): _rate_limits(row) for row in limits}
    primary_only = get_settings().routing_primary_only
    return Chain((spec_of(model),), reason="requested", provider_limits=together, primary_only=primary_only)


async def refuse_over_budget(chain: Chain) -> None:
    """Raises `BudgetExceeded` when the config's budget for this month (UTC) is spent."""
    if chain.budget_usd is None or chain.config_id is None:
        return
    moment = now()
    async with transaction() as session:
        spent = await queries.spent_since(session, chain.config_id, datetime(moment.year, moment.month, 1, tzinfo=UTC))
    if spent >= chain.budget_usd:
        raise BudgetExceeded


async def model_notice(section_id: UUID | None = None, feature: Feature = Feature.STUDENT_DIALOGUE) -> str:
    """What people should know about the model that is asked first; empty when nothing."""
    try:
        first = (await resolve(feature, section_id)).models[0]
    except StoaError:
        return NO_MODEL_NOTICE
    if first.provider is ProviderName.NULL:
        return NO_MODEL_NOTICE
    return SMALL_MODEL_NOTICE if first.dev_only else ""


async def context_window(section_id: UUID | None = None) -> int | None:
    """Tokens that the model which the tutor asks first takes in; None when that isn't known."""
    try:
        return (await resolve(Feature.STUDENT_DIALOGUE, section_id)).models[0].context_window
    except StoaError:
        return None


async def output_limit(feature: Feature, section_id: UUID | None = None) -> int | None:
    """Tokens that an answer of the model asked first may have; None when it has no limit, or there is no model."""
    try:
        chain = await resolve(feature, section_id)
    except StoaError:
        return None
    return min((x for x in (chain.max_output_tokens, chain.models[0].max_output_tokens) if x is not None), default=None)


def _chain(config: ServiceConfig, models: Sequence[RegisteredModel], feature: Feature) -> Chain:
    tried = [(model, _spec_for(model, feature)) for model in models]
    usable = [spec for _, spec in tried if isinstance(spec, ModelSpec)]
    if not usable:
        why = ", ".join(f"{model.name} is {refusal}" for model, refusal in tried) or "it is empty"
        raise MissingFeatureConfig(detail=f"no usable model in the chain “{config.name}”: {why}")
    first = tried[0][1]
    primary_only = get_settings().routing_primary_only
    return Chain(
        models=tuple(usable[:1] if primary_only else usable),
        primary_only=primary_only,
        reason="primary" if isinstance(first, ModelSpec) else f"primary_{first}",
        config_id=config.id,
        temperature=config.temperature,
        max_output_tokens=config.max_output_tokens,
        budget_usd=config.budget_usd,
    )


def _spec_for(model: RegisteredModel, feature: Feature) -> ModelSpec | str:
    """The model as a provider needs it, or in a word why it is passed over."""
    if not model.enabled:
        return "disabled"
    if not _may_serve(model, feature):
        return "dev_only"
    try:
        return spec_of(model)
    except Unavailable as error:
        log.error("model_passed_over", model=model.name, why=error.message)
        return "misconfigured"


def _may_serve(model: RegisteredModel, feature: Feature) -> bool:
    """A `dev_only` model never grades in production."""
    graded_for_real = feature is Feature.GRADING_FEEDBACK and get_settings().app_env == "production"
    return not (model.dev_only and graded_for_real)


def spec_of(model: RegisteredModel) -> ModelSpec:
    """The registered model as a provider needs it, its secrets readable."""
    return ModelSpec(
        id=model.id,
        name=model.name,
        provider=ProviderName(model.provider),
        model=model.model,
        base_url=model.url_template,
        api_key=_key_of(model),
        organization=decrypt(model.organization) if model.organization else None,
        connect_timeout=model.connect_timeout,
        first_token_timeout=model.first_token_timeout,
        stall_timeout=model.stall_timeout,
        total_timeout=model.total_timeout,
        supports_tools=model.supports_tools,
        supports_json_schema=model.supports_json_schema,
        supports_assistant_prefill=model.supports_assistant_prefill,
        context_window=model.context_window,
        max_output_tokens=model.max_output_tokens,
        price_input=model.price_input,
        price_output=model.price_output,
        price_cached=model.price_cached,
        price_effective_from=model.price_effective_from,
        dev_only=model.dev_only,
        limits=_rate_limits(model),
        breaker=BreakerPolicy(
            min_samples=model.breaker_min_samples,
            window=model.breaker_window,
            error_rate=model.breaker_error_rate,
            rate_limit_rate=model.breaker_rate_limit_rate,
            first_token_p95=model.breaker_first_token_p95,
            cooldown=model.breaker_cooldown,
        ),
    )


def _rate_limits(row: RegisteredModel | ProviderLimits) -> RateLimits:
    return RateLimits(row.max_concurrent, row.requests_per_minute, row.tokens_per_minute)


def _key_of(model: RegisteredModel) -> str | None:
    if model.api_key_env:
        if (key := os.environ.get(model.api_key_env)) is None:
            log.warning("key_variable_unset", model=model.name, variable=model.api_key_env)
        return key
    return decrypt(model.api_key) if model.api_key else None


def unreachable(spec: ModelSpec, detail: str) -> ProviderUnavailable:
    """The error for a model whose server couldn't even be started."""
    return ProviderUnavailable.by(Fault.UNFIT, f"{spec.name}: {detail}")
