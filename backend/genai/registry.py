"""Changing what is registered: models, chains, features. All or nothing, and on the record."""

from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Invalid
from backend.genai import queries
from backend.genai.catalogue import Catalogue, FeatureConfigEntry, ModelEntry, ServiceConfigEntry
from backend.genai.feature_configs import assign_feature, misserved
from backend.genai.health import forget_health
from backend.genai.registered_models import NOT_IN_FILES, connection_of, store_model
from backend.genai.routing import forget_resolved
from backend.genai.service_configs import service_config_entry, store_service_config


async def import_catalogue(actor: Actor, catalogue: Catalogue) -> None:
    """Create or update by name everything in `catalogue`, all or nothing. What a file leaves out stays as it is.

    A chain is one thing: the models that an entry of `service_configs` names replace the chain there was. Raises
    `Invalid` for names that don't exist and chains of the wrong kind, `Conflict` when somebody else was faster.
    """
    require(actor, Action.GENAI_CONFIGURE)
    try:
        async with transaction() as session:
            before = await _connections(session, catalogue)
            await store(session, actor, catalogue)
            after = await _connections(session, catalogue)
    except IntegrityError as error:
        raise Conflict("Somebody else registered one of these names in the meantime. Import once more.") from error
    forget_resolved()
    for model_id in before.keys() & after.keys():
        if before[model_id] != after[model_id]:
            await forget_health(model_id)


async def store(session: AsyncSession, actor: Actor, catalogue: Catalogue, *, verb: str = "changed") -> None:
    """As `import_catalogue`, in the caller's transaction. The audit log calls a change of a service config `verb`."""
    for model in catalogue.models:
        await _store_model(session, actor, model)
    for config in catalogue.service_configs:
        await _store_config(session, actor, config, verb)
    for assignment in catalogue.feature_configs:
        await _store_feature(session, actor, assignment)
    for feature, kind, name in await misserved(session):
        raise Invalid(f"feature_configs: {feature.value} needs {kind.value} models, “{name}” has others.")


async def export_catalogue(actor: Actor) -> dict[str, list[dict[str, Any]]]:
    """Everything registered, as `import_catalogue` takes it, without secrets."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        return {
            "models": [
                _present(model.model_dump(mode="json", exclude=set(NOT_IN_FILES)))
                for model in await queries.models(session)
            ],
            "service_configs": [
                await service_config_entry(session, config) for config in await queries.service_configs(session)
            ],
            "feature_configs": [
                _present({"feature": row.feature, "section": section, "service_config": config})
                for row, config, section in await queries.feature_rows(session)
            ],
        }


async def _connections(session: AsyncSession, catalogue: Catalogue) -> dict[UUID, object]:
    """How the models of the file that are registered are reached."""
    names = {entry.name for entry in catalogue.models}
    return {model.id: connection_of(model) for model in await queries.models(session) if model.name in names}


async def _store_model(session: AsyncSession, actor: Actor, entry: ModelEntry) -> None:
    try:
        await store_model(session, actor, entry, await queries.model_by_name(session, entry.name))
    except FieldErrors as error:
        raise Invalid(f"models: {' '.join(error.fields.values())}") from error


async def _store_config(session: AsyncSession, actor: Actor, entry: ServiceConfigEntry, verb: str) -> None:
    held = await queries.config_by_name(session, entry.name, lock=True)
    try:
        await store_service_config(session, actor, entry, held, verb)
    except FieldErrors as error:
        raise Invalid(f"service_configs: “{entry.name}”: {' '.join(error.fields.values())}") from error


async def _store_feature(session: AsyncSession, actor: Actor, entry: FeatureConfigEntry) -> None:
    place = None
    if entry.section is not None:
        if (section_id := await queries.section_id_by_slug(session, entry.section)) is None:
            raise Invalid(f"feature_configs: there is no section “{entry.section}”.")
        place = (section_id, entry.section)
    if (config := await queries.config_by_name(session, entry.service_config, lock=True)) is None:
        raise Invalid(f"feature_configs: there is no service config “{entry.service_config}”.")
    row = await queries.feature_row(session, entry.feature, place[0] if place else None, lock=True)
    await assign_feature(session, actor, entry.feature, place, config, row)


def _present(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}
