"""Storing a service config: the one way for the catalogue file, the first start and the form."""

from typing import Any

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor, note_change
from backend.core.errors import FieldErrors
from backend.genai import queries
from backend.genai.catalogue import ServiceConfigEntry
from backend.genai.models import ChainLink, ChainRole, RegisteredModel, ServiceConfig
from backend.genai.schemas import ModelKind

SETTINGS = ("temperature", "max_output_tokens", "budget_usd")


async def store_service_config(
    session: AsyncSession, actor: Actor, entry: ServiceConfigEntry, held: ServiceConfig | None, verb: str = "changed"
) -> ServiceConfig:
    """Make `held`, which the caller has locked, what `entry` says; or a new config when there is none.

    What `entry` leaves out stays; its chain replaces the one there was. Raises `FieldErrors` (`chain`) for models that
    aren't registered or don't go together.
    """
    links = await _links(session, entry)
    before = await service_config_entry(session, held) if held else None
    row = held or ServiceConfig(name=entry.name)
    version = row.version
    row.name = entry.name
    for field in SETTINGS:
        if held is None or field in entry.model_fields_set:
            setattr(row, field, getattr(entry, field))
    session.add(row)
    await session.flush()
    await queries.replace_chain(session, row.id, [_link(row, *place) for place in enumerate(links)])
    after = await service_config_entry(session, row)
    if before not in (None, after) and row.version == version:
        flag_modified(row, "name")  # the chain is part of it, but stands in another table
        await session.flush()
    note_change(session, actor, "service_config", row.name, before, after, verb)
    return row


async def service_config_entry(session: AsyncSession, config: ServiceConfig) -> dict[str, Any]:
    """A stored config as an entry of the catalogue file."""
    links = [(link.role, model.name) for link, model in await queries.chain(session, config.id)]
    by_role = dict(links)
    entry = {
        "name": config.name,
        "primary_model": by_role.get(ChainRole.PRIMARY),
        "secondary_model": by_role.get(ChainRole.SECONDARY),
        "backup_model": by_role.get(ChainRole.BACKUP),
        "fallbacks": [name for role, name in links if role == ChainRole.FALLBACK] or None,
        "temperature": config.temperature,
        "max_output_tokens": config.max_output_tokens,
        "budget_usd": float(config.budget_usd) if config.budget_usd is not None else None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _link(config: ServiceConfig, position: int, place: tuple[str, RegisteredModel]) -> ChainLink:
    role, model = place
    return ChainLink(config_id=config.id, position=position, role=role, model_id=model.id)


async def _links(session: AsyncSession, entry: ServiceConfigEntry) -> list[tuple[str, RegisteredModel]]:
    links = []
    for role, name in entry.chain():
        if (model := await queries.model_by_name(session, name)) is None:
            raise FieldErrors({"chain": f"“{name}” isn't a registered model."})
        links.append((role, model))
    kinds = {model.kind for _, model in links}
    if len(kinds) > 1:
        raise FieldErrors({"chain": "Chat and embedding models don't go together in one chain."})
    if ModelKind.EMBEDDING in kinds and len(links) > 1:
        raise FieldErrors({"chain": "A chain has one embedding model: the vectors of one don't fit another's."})
    return links
