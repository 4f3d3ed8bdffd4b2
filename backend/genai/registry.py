"""Changing what is registered: models, chains, features. All or nothing, and on the record."""

from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, AuditEntry, record, require
from backend.core.crypto import decrypt, encrypt
from backend.core.database import transaction
from backend.core.errors import Conflict, Invalid, Unavailable
from backend.genai import queries
from backend.genai.catalogue import Catalogue, FeatureConfigEntry, ModelEntry, ServiceConfigEntry
from backend.genai.models import ChainLink, ChainRole, FeatureConfig, RegisteredModel, ServiceConfig
from backend.genai.routing import forget_resolved
from backend.genai.schemas import Feature, ModelKind

SECRETS = frozenset({"api_key", "organization"})
NOT_IN_FILES = frozenset({"id", "created_at", "version", *SECRETS})


async def import_catalogue(actor: Actor, catalogue: Catalogue) -> None:
    """Create or update by name everything in `catalogue`, all or nothing. What a file leaves out stays as it is.

    A chain is one thing: the models that an entry of `service_configs` names replace the chain there was. Raises
    `Invalid` for names that don't exist and chains of the wrong kind, `Conflict` when somebody else was faster.
    """
    require(actor, Action.GENAI_CONFIGURE)
    try:
        async with transaction() as session:
            await store(session, actor, catalogue)
    except IntegrityError as error:
        raise Conflict("Somebody else registered one of these names in the meantime. Import once more.") from error
    forget_resolved()


async def store(session: AsyncSession, actor: Actor, catalogue: Catalogue, *, verb: str = "changed") -> None:
    """As `import_catalogue`, in the caller's transaction. The audit log calls a change of a service config `verb`."""
    for model in catalogue.models:
        await _store_model(session, actor, model)
    for config in catalogue.service_configs:
        await _store_config(session, actor, config, verb)
    for feature in catalogue.feature_configs:
        await _store_feature(session, actor, feature)
    for name, config_name in await queries.misserved_features(session):
        kind = ModelKind.EMBEDDING if name == Feature.SEMANTIC_SEARCH else ModelKind.CHAT
        raise Invalid(f"feature_configs: {name} needs {kind.value} models, “{config_name}” has others.")


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
                await _config_out(session, config) for config in await queries.service_configs(session)
            ],
            "feature_configs": [
                _present({"feature": row.feature, "section": section, "service_config": config})
                for row, config, section in await queries.feature_rows(session)
            ],
        }


async def _store_model(session: AsyncSession, actor: Actor, entry: ModelEntry) -> None:
    held = await queries.model_by_name(session, entry.name)
    given = entry.model_dump(exclude=set(SECRETS), include=entry.model_fields_set if held else None)
    row = held or RegisteredModel(**given)
    before = _audited(held) if held else None
    replaced = []
    if held and held.kind != given.get("kind", held.kind):
        raise Invalid(f"models: “{entry.name}” is a {held.kind} model; its kind can't change.")
    for field, value in given.items():
        setattr(row, field, value)
    for field in sorted(SECRETS & entry.model_fields_set):
        secret, sealed = getattr(entry, field), getattr(row, field)
        if secret and sealed and not _holds(sealed, secret):
            replaced.append(field)
        setattr(row, field, encrypt(secret) if secret else None)
    if entry.api_key:
        row.api_key_env = None
    elif entry.api_key_env:
        row.api_key = None
    session.add(row)
    await session.flush()
    _note(session, actor, "model", entry.name, before, _audited(row) | dict.fromkeys(replaced, "replaced"))


async def _store_config(session: AsyncSession, actor: Actor, entry: ServiceConfigEntry, verb: str) -> None:
    held = await queries.config_by_name(session, entry.name)
    before = await _config_out(session, held) if held else None
    row = held or ServiceConfig(name=entry.name)
    for field in ("temperature", "max_output_tokens", "budget_usd"):
        if held is None or field in entry.model_fields_set:
            setattr(row, field, getattr(entry, field))
    session.add(row)
    await session.flush()
    await queries.replace_chain(session, row.id, await _links(session, entry, row.id))
    after = await _config_out(session, row)
    if before and before != after:
        row.version += 1  # the chain, which is part of it, isn't in its row
    _note(session, actor, "service_config", entry.name, before, after, verb)


async def _links(session: AsyncSession, entry: ServiceConfigEntry, config_id: UUID) -> list[ChainLink]:
    links, kinds = [], set()
    for position, (role, name) in enumerate(entry.chain()):
        if (model := await queries.model_by_name(session, name)) is None:
            raise Invalid(f"service_configs: “{entry.name}” names the model “{name}”, which isn't registered.")
        kinds.add(model.kind)
        links.append(ChainLink(config_id=config_id, position=position, role=role, model_id=model.id))
    if len(kinds) > 1:
        raise Invalid(f"service_configs: “{entry.name}” mixes chat and embedding models.")
    if ModelKind.EMBEDDING in kinds and len(links) > 1:
        raise Invalid(
            f"service_configs: “{entry.name}” has {len(links)} embedding models; vectors of one don't fit another's."
        )
    return links


async def _store_feature(session: AsyncSession, actor: Actor, entry: FeatureConfigEntry) -> None:
    section_id = None
    if entry.section is not None and (section_id := await queries.section_id_by_slug(session, entry.section)) is None:
        raise Invalid(f"feature_configs: there is no section “{entry.section}”.")
    if (config := await queries.config_by_name(session, entry.service_config)) is None:
        raise Invalid(f"feature_configs: there is no service config “{entry.service_config}”.")
    row = await queries.feature_row(session, entry.feature, section_id)
    before = {"service_config": (await queries.config_by_id(session, row.config_id)).name} if row else None
    row = row or FeatureConfig(feature=entry.feature, section_id=section_id, config_id=config.id)
    row.config_id = config.id
    session.add(row)
    await session.flush()
    subject = f"{entry.feature.value}{'@' + entry.section if entry.section else ''}"
    _note(session, actor, "feature_config", subject, before, {"service_config": config.name})


async def _config_out(session: AsyncSession, config: ServiceConfig) -> dict[str, Any]:
    links = [(link.role, model.name) for link, model in await queries.chain(session, config.id)]
    by_role = dict(links)
    budget = float(config.budget_usd) if config.budget_usd is not None else None
    return _present(
        {
            "name": config.name,
            "primary_model": by_role.get(ChainRole.PRIMARY),
            "secondary_model": by_role.get(ChainRole.SECONDARY),
            "backup_model": by_role.get(ChainRole.BACKUP),
            "fallbacks": [name for role, name in links if role == ChainRole.FALLBACK] or None,
            "temperature": config.temperature,
            "max_output_tokens": config.max_output_tokens,
            "budget_usd": budget,
        }
    )


def _present(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}


def _audited(model: RegisteredModel) -> dict[str, Any]:
    fields = model.model_dump(mode="json", exclude=set(NOT_IN_FILES))
    return fields | {secret: "set" if getattr(model, secret) else None for secret in sorted(SECRETS)}


def _holds(sealed: bytes, secret: str) -> bool:
    try:
        return decrypt(sealed) == secret
    except Unavailable:  # sealed with another SECRET_KEY
        return False


def _note(
    session: AsyncSession,
    actor: Actor,
    kind: str,
    name: str,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    verb: str = "changed",
) -> None:
    if before != after:
        action = f"{kind}.{verb if before else 'created'}"
        record(session, AuditEntry(actor_id=actor.person_id, action=action, subject=name, before=before, after=after))
