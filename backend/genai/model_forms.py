"""Creating, changing, switching and deleting models by form."""

from collections.abc import Mapping
from uuid import UUID

from psycopg import Error
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, note_change, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, NotFound
from backend.genai import model_queries
from backend.genai.health import forget_health
from backend.genai.model_entry import entry_of
from backend.genai.model_views import ModelForm, ModelUse, form_of, uses_of
from backend.genai.models import RegisteredModel
from backend.genai.registered_models import audited, connection_of, store_model
from backend.genai.routing import forget_resolved

GONE = "This model was deleted in the meantime. What you typed is not saved."
CHANGED = "Somebody else changed this model since you opened it. Nothing of yours was saved."


async def save_model(actor: Actor, model_id: UUID | None, version: int | None, values: Mapping[str, str]) -> ModelForm:
    """Register a model, or change the one with `model_id`, which the form was filled with at `version`.

    `values` are the form's texts: `MODEL_FIELDS`, the secrets, and for each secret x what becomes of it (`x_change`).
    Raises `FieldErrors`, `Conflict` when it changed since, `NotFound` when it is gone.
    """
    require(actor, Action.GENAI_CONFIGURE)
    try:
        async with transaction() as session:
            held = await _held(session, model_id, version) if model_id else None
            before = connection_of(held) if held else None
            row = await store_model(session, actor, entry_of(values, held), held)
            form = form_of(row, (await uses_of(session, [row.id]))[row.id])
    except IntegrityError as error:
        raise _refusal(error, values.get("name", "")) from error
    forget_resolved()
    if held and connection_of(row) != before:
        await forget_health(row.id)
    return form


async def set_model_enabled(actor: Actor, model_id: UUID, version: int, enabled: bool) -> int:
    """Put a model into use or out of it; its new version. Raises what `save_model` does."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        model = await _held(session, model_id, version)
        before = audited(model)
        model.enabled = enabled
        session.add(model)
        await session.flush()
        note_change(session, actor, "model", model.name, before, audited(model))
    forget_resolved()
    return model.version


async def delete_model(actor: Actor, model_id: UUID) -> None:
    """Delete a model that no chain holds. Raises `Conflict` that says which do, `NotFound` when it is gone."""
    require(actor, Action.GENAI_CONFIGURE)
    try:
        async with transaction() as session:
            model = await model_queries.locked_model(session, model_id)
            if model is None:
                raise NotFound(GONE)
            _refuse_used((await uses_of(session, [model_id]))[model_id])
            note_change(session, actor, "model", model.name, audited(model), None)
            await session.delete(model)
    except IntegrityError as error:
        async with transaction() as session:
            _refuse_used((await uses_of(session, [model_id]))[model_id])
        raise Conflict("Somebody has just put this model into a chain. Disable it instead.") from error
    forget_resolved()


async def _held(session: AsyncSession, model_id: UUID, version: int | None) -> RegisteredModel:
    """The model, locked, as long as nobody changed it since `version`."""
    model = await model_queries.locked_model(session, model_id)
    if model is None:
        raise NotFound(GONE)
    if model.version != version:
        raise Conflict(CHANGED)
    return model


def _refuse_used(uses: tuple[ModelUse, ...]) -> None:
    if uses:
        configs = "1 service config" if len(uses) == 1 else f"{len(uses)} service configs"
        raise Conflict(f"Used by {configs}: {', '.join(use.name for use in uses)}. Disable it instead.")


def _refusal(error: IntegrityError, name: str) -> Conflict | FieldErrors:
    """What the database refused, as the form says it."""
    if isinstance(error.orig, Error) and error.orig.diag.constraint_name == "uq_registered_models_name":
        return FieldErrors({"name": f"There is another model named “{name.strip()}”."})
    return Conflict(CHANGED)
