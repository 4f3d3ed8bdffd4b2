"""What all models of one provider may take together: shown, and changed by form."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.exc import IntegrityError

from backend.access import Action, Actor, note_change, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, NotFound
from backend.core.rules import sentence_of
from backend.genai import model_queries, queries
from backend.genai.catalogue import Count
from backend.genai.models import ProviderLimits
from backend.genai.routing import forget_resolved
from backend.genai.schemas import ProviderName

CHANGED = "Somebody else changed these limits since you opened the page. Nothing of yours was saved."


class LimitsEntry(BaseModel):
    """The limits of a provider. None: no limit."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    max_concurrent: Count | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


FIELDS = tuple(LimitsEntry.model_fields)


@dataclass(frozen=True, slots=True)
class LimitsForm:
    """A provider's limits as texts, blank for none. Version 0: never limited."""

    provider: ProviderName
    version: int
    values: dict[str, str]


async def list_provider_limits(actor: Actor) -> list[LimitsForm]:
    """The limits of every provider, limited or not."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        rows = {row.provider: row for row in await queries.provider_limits(session)}
    return [_form(provider, rows.get(provider)) for provider in ProviderName if provider is not ProviderName.NULL]


async def save_provider_limits(actor: Actor, provider: str, version: int, values: Mapping[str, str]) -> LimitsForm:
    """Change a provider's limits, which the form was filled with at `version`. Raises `FieldErrors`, `Conflict`."""
    require(actor, Action.GENAI_CONFIGURE)
    if provider not in set(ProviderName) - {ProviderName.NULL}:
        raise NotFound("There is no such provider.")
    entry = _entry(values)
    try:
        async with transaction() as session:
            held = await model_queries.locked_limits(session, provider)
            if version != (held.version if held else 0):
                raise Conflict(CHANGED)
            before = _limits(held) if held else None
            row = held or ProviderLimits(provider=provider)
            for field in FIELDS:
                setattr(row, field, getattr(entry, field))
            session.add(row)
            await session.flush()
            note_change(session, actor, "provider_limits", provider, before, _limits(row))
    except IntegrityError as error:
        raise Conflict(CHANGED) from error
    forget_resolved()
    return _form(ProviderName(provider), row)


def _entry(values: Mapping[str, str]) -> LimitsEntry:
    try:
        return LimitsEntry.model_validate({name: values.get(name, "").strip() or None for name in FIELDS})
    except ValidationError as error:
        raise FieldErrors({str(fault["loc"][0]): sentence_of(fault) for fault in error.errors()}) from None


def _limits(row: ProviderLimits) -> dict[str, int | None]:
    return {name: getattr(row, name) for name in FIELDS}


def _form(provider: ProviderName, row: ProviderLimits | None) -> LimitsForm:
    held = _limits(row) if row else {}
    texts = {name: "" if held.get(name) is None else str(held[name]) for name in FIELDS}
    return LimitsForm(provider, row.version if row else 0, texts)
