"""The first start: what the environment names becomes models, chains and a default for every feature."""

from collections.abc import Collection, Sequence
from typing import Any

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import SYSTEM
from backend.core.database import transaction
from backend.core.embedded.local_model import local_model_installed
from backend.core.errors import Invalid
from backend.core.settings import Settings, get_settings
from backend.genai import defaults, queries
from backend.genai.catalogue import parse_catalogue
from backend.genai.registry import store
from backend.genai.routing import forget_resolved
from backend.genai.schemas import Feature, ModelKind, ProviderName

log = structlog.get_logger(__name__)

CLAUDE_FIRST = (Feature.COURSE_OUTLINE, Feature.ASSESSMENT_GENERATION, Feature.GRADING_FEEDBACK)
NAMES = {ProviderName.ANTHROPIC: "claude", ProviderName.OPENAI: "openai", ProviderName.OLLAMA: "ollama"}
NULL_NAME = "none"
NO_EMBEDDINGS_NAME = "no embeddings"
STAND_INS = frozenset({defaults.LOCAL_NAME, NULL_NAME, NO_EMBEDDINGS_NAME})
DEFAULT_CONFIG = "Default"
CLAUDE_CONFIG = "Authoring and grading"
EMBEDDING_CONFIG = "Embeddings"


async def seed_configuration() -> None:
    """Create the models, chains and defaults that are missing. What a person set up is never changed.

    The one thing it changes is its own stand-in: a chain that it made of the local or null model, and that nobody
    touched since, gives way once the environment names a real provider.
    """
    settings = get_settings()
    wanted = catalogue_from(settings, local=settings.local_model and local_model_installed())
    async with transaction() as session:
        await queries.lock_seeding(session)
        missing = {
            "models": [x for x in wanted["models"] if not await queries.model_by_name(session, x["name"])],
            "service_configs": [x for x in wanted["service_configs"] if await _may_seed(session, x)],
            "feature_configs": [
                x for x in wanted["feature_configs"] if not await queries.feature_row(session, x["feature"], None)
            ],
        }
        await store(session, SYSTEM, parse_catalogue(missing), verb="seeded")
    forget_resolved()


async def _may_seed(session: AsyncSession, config: dict[str, Any]) -> bool:
    if (held := await queries.config_by_name(session, config["name"])) is None:
        return True
    names = [model.name for _, model in await queries.chain(session, held.id)]
    wanted = [config["primary_model"], *config["fallbacks"]]
    return set(names) <= STAND_INS and names != wanted and not await queries.config_was_changed(session, held.name)


def catalogue_from(settings: Settings, *, local: bool) -> dict[str, list[dict[str, Any]]]:
    """What a first start with these settings registers. `local`: the local model is installed and wanted."""
    served = _served(settings)
    models = [_chat_model(settings, provider) for provider in served] or [_local_model() if local else _null_model()]
    embedding = _embedding_model(settings)
    chain = _named_chain(settings, served)
    first = _named_first(settings, served)
    usual = [*first, *(provider for provider in chain or served if provider not in first)]
    claude_first = usual if chain else served
    stand_in = [model["name"] for model in models[:1]]
    return {
        "models": [*models, embedding],
        "service_configs": [
            _config(DEFAULT_CONFIG, [NAMES[provider] for provider in usual] or stand_in),
            _config(CLAUDE_CONFIG, [NAMES[provider] for provider in claude_first] or stand_in),
            _config(EMBEDDING_CONFIG, [embedding["name"]]),
        ],
        "feature_configs": [{"feature": each.value, "service_config": _config_of(each)} for each in Feature],
    }


def _config_of(feature: Feature) -> str:
    if feature is Feature.SEMANTIC_SEARCH:
        return EMBEDDING_CONFIG
    return CLAUDE_CONFIG if feature in CLAUDE_FIRST else DEFAULT_CONFIG


def _served(settings: Settings) -> list[ProviderName]:
    """The providers that the environment names, in the usual order. What it names wrongly is no reason not to start."""
    served = []
    for provider in defaults.DEFAULT_ORDER:
        if defaults.available(settings, provider) and _keeps_the_rules(_chat_model(settings, provider)):
            served.append(provider)
    return served


def _keeps_the_rules(model: dict[str, Any]) -> bool:
    try:
        parse_catalogue({"models": [model]})
    except Invalid as error:
        _leave_out(model["provider"], error.message)
        return False
    return True


def _named_chain(settings: Settings, served: Collection[ProviderName]) -> list[ProviderName]:
    """`MIYABI_LLM_FALLBACK_CHAIN`, without what the environment can't serve."""
    named = [_provider(name) for name in settings.llm_fallback_chain]
    return [provider for provider in dict.fromkeys(x for x in named if x) if _is_served(provider, served)]


def _named_first(settings: Settings, served: Collection[ProviderName]) -> list[ProviderName]:
    """`MIYABI_LLM_PROVIDER`, if the environment can serve it."""
    named = [_provider(settings.llm_provider)] if settings.llm_provider else []
    return [provider for provider in named if provider and _is_served(provider, served)]


def _is_served(provider: ProviderName, served: Collection[ProviderName]) -> bool:
    if provider not in served:
        _leave_out(provider.value, "no usable key or URL in the environment")
    return provider in served


def _leave_out(provider: str, why: str) -> None:
    log.warning("provider_left_out", provider=provider, why=why)


def _provider(name: str) -> ProviderName | None:
    name = name.strip().lower()
    try:
        provider = defaults.PROVIDER_ALIASES.get(name) or ProviderName(name)
    except ValueError:
        log.warning("provider_unknown", provider=name)
        return None
    return None if provider is ProviderName.NULL else provider


def _config(name: str, models: Sequence[str]) -> dict[str, Any]:
    return {"name": name, "primary_model": models[0], "fallbacks": list(models[1:])}


def _chat_model(settings: Settings, provider: ProviderName) -> dict[str, Any]:
    made = {"name": NAMES[provider], "provider": provider.value}
    match provider:
        case ProviderName.ANTHROPIC:
            own = {"model": defaults.ANTHROPIC_MODEL, "url_template": settings.anthropic_base_url}
            key = settings.anthropic_api_key
        case ProviderName.OPENAI:
            own = {"model": defaults.OPENAI_MODEL, "url_template": settings.openai_base_url}
            key = settings.openai_api_key
        case _:
            own = {"model": settings.ollama_model or defaults.OLLAMA_MODEL, "url_template": settings.ollama_base_url}
            key = None
    return made | own | ({"api_key": key.get_secret_value()} if key else {})


def _local_model() -> dict[str, Any]:
    return {
        "name": defaults.LOCAL_NAME,
        "provider": ProviderName.OPENAI.value,
        "model": defaults.LOCAL_MODEL,
        "url_template": defaults.LOCAL_URL_TEMPLATE,
        "first_token_timeout": defaults.LOCAL_FIRST_TOKEN_TIMEOUT,
        "stall_timeout": defaults.LOCAL_FIRST_TOKEN_TIMEOUT,
        "context_window": defaults.LOCAL_CONTEXT_WINDOW,
        "max_output_tokens": defaults.LOCAL_MAX_OUTPUT_TOKENS,
        "supports_tools": False,
        "dev_only": True,
    }


def _null_model() -> dict[str, Any]:
    return {"name": NULL_NAME, "provider": ProviderName.NULL.value, "model": "null", "dev_only": True}


def _embedding_model(settings: Settings) -> dict[str, Any]:
    """Ollama's embeddings in development, OpenAI's in production, unless the environment says which."""
    usual = ProviderName.OLLAMA if settings.app_env == "development" else ProviderName.OPENAI
    named = _provider(settings.embedding_provider) if settings.embedding_provider else None
    provider = named or usual
    if provider is ProviderName.ANTHROPIC:
        _leave_out(provider.value, "it has no embeddings")
    elif defaults.available(settings, provider):
        if _keeps_the_rules(model := _embeddings_of(settings, provider)):
            return model
    elif named:
        _leave_out(provider.value, "no key or URL in the environment")
    return _embeddings_of(settings, ProviderName.NULL)


def _embeddings_of(settings: Settings, provider: ProviderName) -> dict[str, Any]:
    made: dict[str, Any] = {"kind": ModelKind.EMBEDDING.value, "provider": provider.value}
    if provider is ProviderName.OLLAMA:
        return made | {
            "name": "ollama embeddings",
            "model": defaults.OLLAMA_EMBEDDING_MODEL,
            "dimensions": defaults.OLLAMA_EMBEDDING_DIMENSIONS,
            "url_template": settings.ollama_base_url,
        }
    if provider is ProviderName.OPENAI:
        key = settings.openai_api_key
        return made | {
            "name": "openai embeddings",
            "model": defaults.OPENAI_EMBEDDING_MODEL,
            "dimensions": defaults.OPENAI_EMBEDDING_DIMENSIONS,
            "url_template": settings.openai_base_url,
            **({"api_key": key.get_secret_value()} if key else {}),
        }
    return made | {
        "name": NO_EMBEDDINGS_NAME,
        "model": "null",
        "dimensions": defaults.NULL_DIMENSIONS,
        "dev_only": True,
    }
