"""What serves each feature, as administrators see it: the default, sections' overrides, and what that means."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, require
from backend.core.database import transaction
from backend.core.errors import NotFound
from backend.core.settings import get_settings
from backend.courses import SectionName, open_section
from backend.courses.models import Course, Section
from backend.genai import queries, service_queries
from backend.genai.feature_configs import kind_for
from backend.genai.feature_names import FEATURE_NAMES
from backend.genai.models import FeatureConfig, ServiceConfig
from backend.genai.schemas import Feature
from backend.genai.service_views import ChainPlace, ModelChoice, kind_of, places_of

OVERRIDES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class ConfigChoice:
    """A service config that a feature may be given."""

    id: UUID
    name: str
    chain: tuple[ChainPlace, ...]

    @property
    def kind(self) -> str:
        """The kind of its models."""
        return kind_of(self.chain)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What serves a feature by default, or in one section."""

    version: int
    config_id: UUID
    config: str
    chain: tuple[ChainPlace, ...]
    warning: str
    """Why some or all models of the chain won't answer; empty when all may."""
    section: SectionName | None = None


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A feature with what serves it. `more`: there are overrides after the last of these."""

    feature: Feature
    name: str
    description: str
    kind: str
    default: Assigned | None
    overrides: tuple[Assigned, ...] = ()
    more: bool = False


async def list_features(actor: Actor) -> list[FeatureView]:
    """Every feature with its default and its first overrides, by the slug of their section."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        return [await _with_overrides(session, feature) for feature in Feature]


async def more_overrides(actor: Actor, feature: Feature, after: str) -> tuple[tuple[Assigned, ...], bool]:
    """A feature's overrides in sections whose slug comes after `after`, and whether there are still more."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        return await _overrides(session, feature, after)


async def list_config_choices(actor: Actor) -> list[ConfigChoice]:
    """Every service config, by name."""
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        configs = await queries.service_configs(session)
        chains = await places_of(session, [config.id for config in configs])
    return [ConfigChoice(config.id, config.name, chains[config.id]) for config in configs]


async def section_features(actor: Actor, section_id: UUID) -> tuple[SectionName, list[FeatureView]]:
    """A section, and what serves each feature there: its override where it has one, else the default.

    Raises `NotFound`.
    """
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        if (place := await service_queries.section_with_course(session, section_id)) is None:
            raise NotFound("There is no such section.")
        return _named(*place), [await _served(session, feature, place) for feature in Feature]


async def serving(actor: Actor, slug: str, feature: Feature) -> Assigned | None:
    """What serves a feature in a section, for those who teach there; None where nothing does."""
    section = await open_section(actor, slug)
    require(actor, Action.SECTION_SETTINGS_READ, section.scope)
    async with transaction() as session:
        place = await service_queries.section_with_course(session, section.id)
        return (await _served(session, feature, place)).default


def refusal_of(feature: Feature, model: ModelChoice) -> str:
    """In a word why a model of a chain is passed over for `feature`; empty when it isn't."""
    if not model.enabled:
        return "switched off"
    if model.dev_only and feature is Feature.GRADING_FEEDBACK and get_settings().app_env == "production":
        return "refused: a development model never grades in production"
    return ""


def warning_of(feature: Feature, chain: Sequence[ChainPlace]) -> str:
    """What is wrong with a chain for `feature`, in a sentence; empty when all its models may answer."""
    refused = [(place.model.name, why) for place in chain if (why := refusal_of(feature, place.model))]
    if not refused:
        return ""
    said = "; ".join(f"“{name}” is {why}" for name, why in refused)
    return f"No model of this chain may answer: {said}." if len(refused) == len(chain) else f"{said}."


async def _served(session: AsyncSession, feature: Feature, place: tuple[Section, Course] | None = None) -> FeatureView:
    """What serves a feature: in a section its override, else the default."""
    name, description = FEATURE_NAMES[feature]
    row = await queries.feature_row(session, feature, place[0].id) if place else None
    if row is None:
        row, place = await queries.feature_row(session, feature, None), None
    config = await queries.config_by_id(session, row.config_id) if row else None
    default = (await _assigned(session, feature, [(row, config, place)]))[0] if row and config else None
    return FeatureView(feature, name, description, kind_for(feature), default)


async def _with_overrides(session: AsyncSession, feature: Feature) -> FeatureView:
    overrides, more = await _overrides(session, feature)
    return replace(await _served(session, feature), overrides=overrides, more=more)


async def _overrides(session: AsyncSession, feature: Feature, after: str = "") -> tuple[tuple[Assigned, ...], bool]:
    rows = await service_queries.overrides_of(session, feature, after, OVERRIDES_SHOWN + 1)
    shown = [(row, config, (section, course)) for row, config, section, course in rows[:OVERRIDES_SHOWN]]
    return tuple(await _assigned(session, feature, shown)), len(rows) > OVERRIDES_SHOWN


async def _assigned(
    session: AsyncSession,
    feature: Feature,
    rows: Sequence[tuple[FeatureConfig, ServiceConfig, tuple[Section, Course] | None]],
) -> list[Assigned]:
    chains = await places_of(session, {config.id for _, config, _ in rows})
    return [
        Assigned(
            version=row.version,
            config_id=config.id,
            config=config.name,
            chain=chains[config.id],
            warning=warning_of(feature, chains[config.id]),
            section=_named(*place) if place else None,
        )
        for row, config, place in rows
    ]


def _named(section: Section, course: Course) -> SectionName:
    return SectionName(section.id, section.slug, section.title, course.title)
