"""Storing a model, the same way for the catalogue file and the form."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor, note_change
from backend.core.crypto import decrypt, encrypt
from backend.core.errors import FieldErrors, Unavailable
from backend.genai.catalogue import ModelEntry
from backend.genai.models import RegisteredModel
from backend.genai.routing import spec_of

SECRETS = frozenset({"api_key", "organization"})
NOT_IN_FILES = frozenset({"id", "created_at", "version", *SECRETS})


async def store_model(
    session: AsyncSession, actor: Actor, entry: ModelEntry, held: RegisteredModel | None
) -> RegisteredModel:
    """Register a model, or change `held`: what `entry` leaves out stays. Flushed, and on the record.

    Raises `FieldErrors` for another kind than it had; a name that is taken is left to the database.
    """
    before = audited(held) if held else None
    row, replaced = applied(entry, held)
    session.add(row)
    await session.flush()
    note_change(session, actor, "model", entry.name, before, audited(row) | dict.fromkeys(replaced, "replaced"))
    return row


def applied(entry: ModelEntry, held: RegisteredModel | None) -> tuple[RegisteredModel, list[str]]:
    """`held`, or a new row, with what `entry` sets; and the secrets that were replaced."""
    given = entry.model_dump(exclude=set(SECRETS), include=entry.model_fields_set if held else None)
    if held and held.kind != given.get("kind", held.kind):
        raise FieldErrors({"kind": f"“{held.name}” is a {held.kind} model; its kind can't change."})
    row = held or RegisteredModel(**given)
    for field, value in given.items():
        setattr(row, field, value)
    replaced = [field for field in sorted(SECRETS & entry.model_fields_set) if _seal(row, field, getattr(entry, field))]
    if entry.api_key:
        row.api_key_env = None
    elif entry.api_key_env:
        row.api_key = None
    return row, replaced


def audited(model: RegisteredModel) -> dict[str, Any]:
    """The model as the audit log shows it."""
    fields = model.model_dump(mode="json", exclude=set(NOT_IN_FILES))
    return fields | {secret: "set" if getattr(model, secret) else None for secret in sorted(SECRETS)}


def connection_of(model: RegisteredModel) -> tuple[str | None, ...] | None:
    """What decides whether its provider accepts a request: address, model and key. None when they can't be read."""
    try:
        spec = spec_of(model)
    except Unavailable:
        return None
    return spec.provider, spec.model, spec.base_url, spec.api_key, spec.organization


def _seal(row: RegisteredModel, field: str, secret: str | None) -> bool:
    """Set a secret; whether it took another one's place."""
    sealed: bytes | None = getattr(row, field)
    setattr(row, field, encrypt(secret) if secret else None)
    return bool(secret and sealed and not _holds(sealed, secret))


def _holds(sealed: bytes, secret: str) -> bool:
    try:
        return decrypt(sealed) == secret
    except Unavailable:  # sealed with another SECRET_KEY
        return False
