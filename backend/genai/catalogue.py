"""The catalogue file: models, service configs and feature configs as YAML, in and out."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from backend.core.errors import Invalid
from backend.genai.defaults import LOCAL_PORT_FIELD, PROVIDER_ALIASES
from backend.genai.schemas import Feature, ModelKind, ProviderName

KEY_VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]*(KEY|TOKEN)$")
OWN_SECRETS = frozenset({"SECRET_KEY", "STOA_METRICS_TOKEN"})

ONE_KEY = "give api_key or api_key_env, not both"
DIMENSIONS = "an embedding model has dimensions, a chat model has none"
BOTH_PRICES = "price_input and price_output go together"


CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _one_line(text: str) -> str:
    """Postgres stores no NUL, and a name with a line break would forge lines of lists and logs."""
    if CONTROL_CHARACTERS.search(text):
        raise ValueError("must not hold line breaks or other control characters")
    return text


def _web_address(url: str) -> str:
    filled = url.replace(LOCAL_PORT_FIELD, "1")
    if "{" in filled:
        raise ValueError(f"knows no placeholder but {LOCAL_PORT_FIELD}")
    if not re.match(r"https?://[^/\s?#]+[^\s]*$", filled) or not _names_a_host(filled):
        raise ValueError("must start with http:// or https:// and name a host")
    if "@" in urlsplit(filled).netloc:
        raise ValueError("must not hold a user name or password; give api_key instead")
    return url.rstrip("/")


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False


def _key_variable(name: str) -> str:
    """Only variables that hold provider keys: a model's server must never be sent our own secrets."""
    if not KEY_VARIABLE.match(name) or name in OWN_SECRETS:
        raise ValueError("must name an environment variable of a provider, ending in KEY or TOKEN")
    return name


def _known_provider(name: object) -> object:
    return PROVIDER_ALIASES.get(name, name) if isinstance(name, str) else name


Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_one_line)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1, le=2_000_000_000)]
Rate = Annotated[float, Field(ge=0, le=1)]
Price = Annotated[float, Field(ge=0, le=100_000)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class ModelEntry(_Entry):
    """One registered model. Its rules mirror the database's CHECKs."""

    name: Name
    kind: ModelKind = ModelKind.CHAT
    provider: Annotated[ProviderName, BeforeValidator(_known_provider)]
    model: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
    url_template: Annotated[str, AfterValidator(_web_address)] | None = None
    api_key: Annotated[str, Field(min_length=1), AfterValidator(_one_line)] | None = Field(default=None, repr=False)
    api_key_env: Annotated[str, Field(max_length=120), AfterValidator(_key_variable)] | None = None
    organization: Annotated[str, AfterValidator(_one_line)] | None = Field(default=None, repr=False)
    max_concurrent: Count | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    connect_timeout: Seconds = 5
    first_token_timeout: Seconds = 12
    stall_timeout: Seconds = 15
    total_timeout: Seconds = 180
    breaker_min_samples: Count = 5
    breaker_window: Seconds = 60
    breaker_error_rate: Rate = 0.2
    breaker_rate_limit_rate: Rate = 0.1
    breaker_first_token_p95: Seconds | None = None
    breaker_cooldown: Seconds = 30
    supports_tools: bool = True
    supports_json_schema: bool = True
    supports_assistant_prefill: bool = False
    context_window: Count | None = None
    max_output_tokens: Count | None = None
    dimensions: Count | None = None
    price_input: Price | None = None
    price_output: Price | None = None
    price_cached: Price | None = None
    price_effective_from: date | None = None
    enabled: bool = True
    dev_only: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.api_key and self.api_key_env:
            raise ValueError(ONE_KEY)
        if (self.kind is ModelKind.EMBEDDING) != (self.dimensions is not None):
            raise ValueError(DIMENSIONS)
        if (self.price_input is None) != (self.price_output is None):
            raise ValueError(BOTH_PRICES)
        return self


class ServiceConfigEntry(_Entry):
    """One chain, its models by name."""

    name: Name
    primary_model: Name
    secondary_model: Name | None = None
    backup_model: Name | None = None
    fallbacks: tuple[Name, ...] = ()
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: Count | None = None
    budget_usd: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)] | None = None

    @model_validator(mode="after")
    def _no_model_twice(self) -> Self:
        names = [name for _, name in self.chain()]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"“{min(twice)}” stands in the chain twice")
        return self

    def chain(self) -> list[tuple[str, str]]:
        """(role, model name) in the order they are tried: primary, secondary, fallbacks, backup."""
        links = [("primary", self.primary_model)]
        if self.secondary_model:
            links.append(("secondary", self.secondary_model))
        links += [("fallback", name) for name in self.fallbacks]
        if self.backup_model:
            links.append(("backup", self.backup_model))
        return links


class FeatureConfigEntry(_Entry):
    """Which service config serves a feature; `section` (a slug) makes it that section's override."""

    feature: Feature
    section: Annotated[str, AfterValidator(_one_line)] | None = None
    service_config: Name


class Catalogue(_Entry):
    """The whole file."""

    models: tuple[ModelEntry, ...] = ()
    service_configs: tuple[ServiceConfigEntry, ...] = ()
    feature_configs: tuple[FeatureConfigEntry, ...] = ()

    @model_validator(mode="after")
    def _no_name_twice(self) -> Self:
        for kind, names in (
            ("models", [entry.name for entry in self.models]),
            ("service_configs", [entry.name for entry in self.service_configs]),
            ("feature_configs", [f"{x.feature.value} in {x.section or 'all sections'}" for x in self.feature_configs]),
        ):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"{kind}: “{min(twice)}” is listed twice")
        return self


def parse_catalogue(data: object) -> Catalogue:
    """Check what a file holds. Raises `Invalid` with one line per fault, naming the field and the rule."""
    if not isinstance(data, Mapping):
        raise Invalid("The file must hold the lists models, service_configs and feature_configs.")
    lists = {key: value if value is not None else () for key, value in data.items()}
    try:
        return Catalogue.model_validate(lists)
    except ValidationError as error:
        raise Invalid("\n".join(_explain(error.errors(include_url=False, include_input=False)))) from None


def _explain(faults: Iterable[Any]) -> Iterable[str]:
    for fault in faults:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
        rule = fault["msg"].removeprefix("Value error, ")
        yield f"{place}: {rule}" if place else rule
