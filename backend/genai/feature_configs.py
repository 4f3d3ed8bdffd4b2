"""Storing which service config serves a feature: the one way for the catalogue file, the first start and the form."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Actor, note_change
from backend.genai import queries
from backend.genai.models import FeatureConfig, ServiceConfig
from backend.genai.schemas import Feature, ModelKind


async def assign_feature(
    session: AsyncSession,
    actor: Actor,
    feature: Feature,
    place: tuple[UUID, str] | None,
    config: ServiceConfig,
    row: FeatureConfig | None,
) -> None:
    """Let `config` serve `feature` everywhere, or in the section whose id and slug are `place`.

    `row` is what stands there, locked by the caller, who has decided that it may be changed: it isn't read again here,
    so that one which appeared since isn't overwritten but violates the table's uniqueness.
    Whether `config` has models of the right kind is for `misserved` to say, once everything is stored.
    """
    before = await _entry(session, row) if row else None
    row = row or FeatureConfig(feature=feature, section_id=place[0] if place else None, config_id=config.id)
    row.config_id = config.id
    session.add(row)
    await session.flush()
    _note(session, actor, feature, place, before, {"service_config": config.name})


async def remove_override(
    session: AsyncSession, actor: Actor, feature: Feature, place: tuple[UUID, str], row: FeatureConfig
) -> None:
    """Let the default serve `feature` in a section again."""
    before = await _entry(session, row)
    await session.delete(row)
    await session.flush()
    _note(session, actor, feature, place, before, None)


async def misserved(session: AsyncSession) -> Sequence[tuple[Feature, ModelKind, str]]:
    """(feature, the kind of models it needs, service config) wherever the config has models of another kind."""
    found = await queries.misserved_features(session)
    return [(Feature(name), kind_for(Feature(name)), config) for name, config in found]


def kind_for(feature: Feature) -> ModelKind:
    """The kind of models that a feature needs."""
    return ModelKind.EMBEDDING if feature is Feature.SEMANTIC_SEARCH else ModelKind.CHAT


async def _entry(session: AsyncSession, row: FeatureConfig) -> dict[str, str]:
    config = await queries.config_by_id(session, row.config_id)
    return {"service_config": config.name} if config else {}


def _note(
    session: AsyncSession,
    actor: Actor,
    feature: Feature,
    place: tuple[UUID, str] | None,
    before: dict[str, str] | None,
    after: dict[str, str] | None,
) -> None:
    subject = f"{feature.value}@{place[1]}" if place else feature.value
    note_change(session, actor, "feature_config", subject, before, after)
