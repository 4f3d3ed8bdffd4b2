"""Changing which service config serves a feature: the default, and sections' overrides."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, require
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Invalid
from backend.genai import queries, service_queries
from backend.genai.feature_configs import assign_feature, kind_for, misserved, remove_override
from backend.genai.feature_names import name_of
from backend.genai.models import FeatureConfig, ServiceConfig
from backend.genai.routing import forget_resolved
from backend.genai.schemas import Feature

JUST_CHANGED = "Somebody else changed what serves a feature just now. Nothing was saved; please try again."


@dataclass(frozen=True, slots=True)
class Assignment:
    """A change: `config_id` shall serve a feature in a section (None: by default), or its override go (None).

    `version` is the one that the form was filled with, None where nothing was assigned.
    """

    feature: Feature
    section_id: UUID | None
    config_id: UUID | None
    version: int | None

    @property
    def field(self) -> str:
        """The field of the form that this is about: the feature, or feature@id of the section."""
        return f"{self.feature.value}@{self.section_id}" if self.section_id else self.feature.value


async def save_assignments(actor: Actor, wanted: Sequence[Assignment]) -> None:
    """Change what serves features, all or nothing.

    Raises `FieldErrors` (fields as `Assignment.field`), `Conflict` when one of the places changed since its version,
    `Invalid` for removing a default or naming a place twice.
    """
    require(actor, Action.GENAI_CONFIGURE)
    if len({each.field for each in wanted}) < len(wanted):
        raise Invalid("Each feature and section can be named once.")
    try:
        async with transaction() as session:
            configs = await _locked_configs(session, {each.config_id for each in wanted if each.config_id})
            for each in sorted(wanted, key=lambda one: one.field):
                await _apply(session, actor, each, configs)
            await _refuse_wrong_kind(session, wanted, configs)
    except IntegrityError as error:
        raise Conflict(JUST_CHANGED) from error
    forget_resolved()


async def _apply(
    session: AsyncSession, actor: Actor, wanted: Assignment, configs: Mapping[UUID, ServiceConfig]
) -> None:
    place = await _place(session, wanted)
    row = await queries.feature_row(session, wanted.feature, wanted.section_id, lock=True)
    if (row.version if row else None) != wanted.version:
        where = name_of(wanted.feature, place[1] if place else None)
        since = "since you opened this page" if wanted.version else "already"
        raise Conflict(f"Somebody else changed {where} {since}. Nothing was saved.")
    if wanted.config_id is None:
        await _remove(session, actor, wanted.feature, place, row)
    elif wanted.config_id in configs:
        await assign_feature(session, actor, wanted.feature, place, configs[wanted.config_id], row)
    else:
        raise FieldErrors({wanted.field: "This service config was deleted in the meantime."})


async def _place(session: AsyncSession, wanted: Assignment) -> tuple[UUID, str] | None:
    if wanted.section_id is None:
        return None
    if (found := await service_queries.section_with_course(session, wanted.section_id)) is None:
        raise FieldErrors({wanted.field: "This section was deleted in the meantime."})
    return found[0].id, found[0].slug


async def _remove(
    session: AsyncSession, actor: Actor, feature: Feature, place: tuple[UUID, str] | None, row: FeatureConfig | None
) -> None:
    if place is None:
        raise Invalid("A default can be changed, but not removed.")
    if row is not None:
        await remove_override(session, actor, feature, place, row)


async def _locked_configs(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, ServiceConfig]:
    """Those of the configs that exist: until the transaction ends nobody changes their chains."""
    found = [await queries.config_by_id(session, each, lock=True) for each in sorted(ids)]
    return {config.id: config for config in found if config}


async def _refuse_wrong_kind(
    session: AsyncSession, wanted: Sequence[Assignment], configs: Mapping[UUID, ServiceConfig]
) -> None:
    wrong = {(feature, config) for feature, _, config in await misserved(session)}
    faults = {
        each.field: f"This needs {kind_for(each.feature).value} models; “{configs[each.config_id].name}” has others."
        for each in wanted
        if each.config_id and (each.feature, configs[each.config_id].name) in wrong
    }
    if faults:
        raise FieldErrors(faults)
