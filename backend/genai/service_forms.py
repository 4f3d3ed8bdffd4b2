"""Creating, changing and deleting service configs by form."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, note_change, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, NotFound
from backend.genai import queries, service_queries
from backend.genai.catalogue import ServiceConfigEntry
from backend.genai.feature_configs import misserved
from backend.genai.feature_names import FEATURE_NAMES, name_of
from backend.genai.models import ServiceConfig
from backend.genai.routing import forget_resolved
from backend.genai.service_configs import service_config_entry, store_service_config
from backend.genai.service_entry import CHAIN, ServiceDraft, entry_of
from backend.genai.service_views import ServiceView, views_of

GONE = "This service config was deleted in the meantime. What you typed is not saved."
CHANGED = "Somebody else changed this service config since you opened it. Nothing was saved."
JUST_CHANGED = "Somebody else changed a name or a model of this just now. Nothing was saved; please try again."
MOST_NAMED = 5
"""How many places a refusal names before it counts the rest."""


async def save_service(
    actor: Actor, draft: ServiceDraft, *, service_id: UUID | None = None, version: int | None = None
) -> ServiceView:
    """Create a service config, or change the one with `service_id`, which the form was filled with at `version`.

    Raises `FieldErrors` (fields of `ServiceDraft`), `Conflict` when it changed since, `NotFound` when it is gone.
    """
    require(actor, Action.GENAI_CONFIGURE)
    entry = entry_of(draft)
    try:
        async with transaction() as session:
            held = await _held(session, service_id, version) if service_id else None
            await _refuse_taken_name(session, entry, held)
            row = await store_service_config(session, actor, entry, held)
            await _refuse_wrong_kind(session, row)
            (view,) = await views_of(session, [row])
    except IntegrityError as error:
        raise Conflict(JUST_CHANGED) from error
    forget_resolved()
    return view


async def delete_service(actor: Actor, service_id: UUID, version: int | None) -> None:
    """Delete a service config that serves nothing. Raises `Conflict` that says where it is used, or that it changed."""
    require(actor, Action.GENAI_CONFIGURE)
    try:
        async with transaction() as session:
            row = await _held(session, service_id, version)
            if uses := await service_queries.uses_of(session, [row.id]):
                raise Conflict(f"Used by: {_listed([name_of(feature, section) for _, feature, section in uses])}.")
            note_change(session, actor, "service_config", row.name, await service_config_entry(session, row), None)
            await session.delete(row)
    except IntegrityError as error:
        raise Conflict("Somebody has just chosen this service config for a feature.") from error
    forget_resolved()


async def _held(session: AsyncSession, service_id: UUID, version: int | None) -> ServiceConfig:
    """The config, locked, as long as nobody changed it since `version`."""
    row = await queries.config_by_id(session, service_id, lock=True)
    if row is None:
        raise NotFound(GONE)
    if row.version != version:
        raise Conflict(CHANGED)
    return row


async def _refuse_taken_name(session: AsyncSession, entry: ServiceConfigEntry, held: ServiceConfig | None) -> None:
    other = await queries.config_by_name(session, entry.name)
    if other is not None and other is not held:
        raise FieldErrors({"name": f"There is another service config named “{entry.name}”."})


async def _refuse_wrong_kind(session: AsyncSession, row: ServiceConfig) -> None:
    for feature, kind, config in await misserved(session):
        if config == row.name:
            name = FEATURE_NAMES[feature][0]
            raise FieldErrors({CHAIN: f"This serves “{name}”, which needs {kind.value} models."})


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence: the first few of them, and how many more."""
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
