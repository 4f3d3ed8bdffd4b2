"""Registered models as administrators see them: without their secrets, and with where they are used."""

import os
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, require
from backend.core.crypto import decrypt
from backend.core.database import transaction
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.genai import model_queries, queries
from backend.genai.catalogue import ModelEntry
from backend.genai.model_entry import MODEL_FIELDS
from backend.genai.models import RegisteredModel
from backend.genai.schemas import ModelKind, ProviderName

TELLING = 12
"""Characters a key must have for its last `SHOWN` to tell nothing about the rest."""
SHOWN = 4
MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A service config in whose chain a model stands."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A registered model in the list."""

    id: UUID
    version: int
    name: str
    kind: str
    provider: str
    model: str
    enabled: bool
    dev_only: bool
    key: str
    """Whether there is a key, in words; empty when there is none."""
    used_by: tuple[ModelUse, ...]


@dataclass(frozen=True, slots=True)
class ModelForm:
    """What the form of a model is filled with: its fields as texts, of its secrets only whether they are set."""

    id: UUID
    version: int
    values: dict[str, str]
    key: str
    organization: str
    used_by: tuple[ModelUse, ...]


@dataclass(frozen=True, slots=True)
class ModelFilter:
    """Which models, in which order. Empty texts: any."""

    search: str = ""
    provider: str = ""
    state: str = ""
    """One of `model_queries.STATES`."""
    order: str = "name"
    """One of `model_queries.ORDERS`."""


def blank_model(actor: Actor) -> dict[str, str]:
    """What the form of a new model begins with: blank fields take their defaults."""
    require(actor, Action.GENAI_CONFIGURE)
    chosen = {"kind": ModelKind.CHAT.value}
    switches = {name: default for name, default in model_defaults().items() if default in {"true", "false"}}
    return dict.fromkeys(MODEL_FIELDS, "") | switches | chosen


def model_defaults() -> dict[str, str]:
    """What blank fields of a model's form mean, where that isn't nothing."""
    fields = {name: field for name, field in ModelEntry.model_fields.items() if name in MODEL_FIELDS}
    return {
        name: _text(field.default)
        for name, field in fields.items()
        if not (field.is_required() or field.default is None)
    }


async def list_models(
    actor: Actor, wanted: ModelFilter = ModelFilter(), limit: int = 50
) -> tuple[list[ModelRow], bool]:
    """The first `limit` models that fit, and whether there are more. Raises `Invalid` for an unknown filter."""
    require(actor, Action.GENAI_CONFIGURE)
    known = {"", *ProviderName}, {"", *model_queries.STATES}, set(model_queries.ORDERS)
    if not all(x in all_ for x, all_ in zip((wanted.provider, wanted.state, wanted.order), known, strict=True)):
        raise Invalid("There is no such filter.")
    limit = max(1, min(limit, MOST_LISTED))
    async with transaction() as session:
        found = await model_queries.models_matching(
            session, wanted.search.strip(), wanted.provider, wanted.state, wanted.order, limit + 1
        )
        uses = await uses_of(session, [model.id for model in found])
    return [_row(model, uses[model.id]) for model in found[:limit]], len(found) > limit


async def read_model(actor: Actor, model_id: UUID) -> ModelForm:
    """A model for its form. Raises `NotFound`."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        model = await queries.model_by_id(session, model_id)
        if model is None:
            raise NotFound("There is no such model; it may have been deleted.")
        return form_of(model, (await uses_of(session, [model.id]))[model.id])


def form_of(model: RegisteredModel, used_by: tuple[ModelUse, ...]) -> ModelForm:
    """A row as its form shows it."""
    return ModelForm(
        id=model.id,
        version=model.version,
        values={name: _text(getattr(model, name)) for name in MODEL_FIELDS},
        key="" if model.api_key_env else secret_state(model.api_key),
        organization=secret_state(model.organization),
        used_by=used_by,
    )


async def uses_of(session: AsyncSession, models: Collection[UUID]) -> dict[UUID, tuple[ModelUse, ...]]:
    """The service configs that each of these models is used by; of any other, none."""
    found: defaultdict[UUID, tuple[ModelUse, ...]] = defaultdict(tuple)
    for model_id, config_id, name in await model_queries.uses_of_models(session, models):
        found[model_id] += (ModelUse(config_id, name),)
    return found


def secret_state(sealed: bytes | None) -> str:
    """Whether a secret is stored, with as much of it as helps to know which; empty when none is."""
    if sealed is None:
        return ""
    try:
        secret = decrypt(sealed)
    except Unavailable:
        return "set, but unreadable: SECRET_KEY has changed since"
    return f"set, ends in …{secret[-SHOWN:]}" if len(secret) >= TELLING else "set"


def _row(model: RegisteredModel, used_by: tuple[ModelUse, ...]) -> ModelRow:
    return ModelRow(
        id=model.id,
        version=model.version,
        name=model.name,
        kind=model.kind,
        provider=model.provider,
        model=model.model,
        enabled=model.enabled,
        dev_only=model.dev_only,
        key=_variable_state(model.api_key_env) if model.api_key_env else secret_state(model.api_key),
        used_by=used_by,
    )


def _variable_state(name: str) -> str:
    held = "" if os.environ.get(name) else ", which isn't set"
    return f"from the environment variable {name}{held}"


def _text(value: object) -> str:
    """A value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) and abs(value) < 1e9 else str(value)
