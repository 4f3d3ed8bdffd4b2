"""Which service config serves which feature."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypedDict
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of
from app.state.session import Session, acting
from backend.core.errors import FieldErrors, Invalid, NotFound, StoaError
from backend.core.ids import parse_id
from backend.courses import SectionName, find_sections
from backend.genai import (
    Assigned,
    Assignment,
    ChainPlace,
    ConfigChoice,
    Feature,
    FeatureView,
    list_config_choices,
    list_features,
    more_overrides,
    save_assignments,
    section_features,
    warning_of,
)

LONGEST_SEARCH = 100
MOST_FIELDS = 10_000
VERSION = re.compile(r"[0-9]{0,9}")
REMOVE, NOT_CHOSEN, EDITED = "remove", "choose", "edited"
"""Words in a field's text `<config>:<version>:edited`, as app/components/features.jsx writes them."""


class ChoiceItem(TypedDict):
    """A service config that fits a feature, and what is wrong with it there."""

    id: str
    name: str
    chain: str
    warning: str


class SectionItem(TypedDict):
    """A section as one picks it."""

    id: str
    slug: str
    title: str
    course: str


class OverrideItem(SectionItem):
    """A section with an override; `value` is the text of its field."""

    value: str


class FeatureItem(TypedDict):
    """A feature with the fields that are about it; `stored` is the text of its default's."""

    feature: str
    name: str
    description: str
    stored: str
    choices: list[ChoiceItem]
    overrides: list[OverrideItem]
    more: bool


class FoundItem(TypedDict):
    """The sections that were found for a text."""

    text: str
    sections: list[SectionItem]
    more: bool


class ServedItem(TypedDict):
    """What serves a feature in the section that was looked up."""

    name: str
    config: str
    href: str
    overridden: bool
    chain: str
    warning: str


class FeaturesState(Session):
    """Every feature with its default and its overrides, as one form."""

    features: list[FeatureItem] = []
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    saving: bool = False
    stored: str = ""
    found: FoundItem = {"text": "", "sections": [], "more": False}
    section: str = ""
    """The name of the section that was looked up; empty when none was."""
    served: list[ServedItem] = []
    loading: bool = True

    _section_id: str = ""

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        try:
            await self._refresh()
        except StoaError as error:
            return self._refusal(error)
        self.loading, self.saving = False, False
        return None

    @rx.event
    async def save(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Store every change of the form, or none."""
        actor = acting()
        self.saving = True
        yield
        try:
            await save_assignments(actor, _assignments(values))
            await self._refresh()
        except StoaError as error:
            self.errors = errors_of(error)
            return
        finally:
            self.saving = False
        self.errors, self.stored = {}, uuid4().hex
        self._tell("Saved. It holds from the next request on.")

    @rx.event
    async def reload(self) -> None:
        """Drop what was chosen, and show the newest."""
        await self._refresh()
        self.errors, self.stored = {}, uuid4().hex

    @rx.event
    async def search(self, text: str) -> None:
        """Find sections by their slug, title or course."""
        wanted = str(text)[:LONGEST_SEARCH]
        sections, more = await find_sections(acting(), wanted)
        self.found = FoundItem(text=wanted, sections=[_section(each) for each in sections], more=more)

    @rx.event
    async def show_more(self, feature: str) -> None:
        """Show further overrides of a feature."""
        item = next((item for item in self.features if item["feature"] == feature), None)
        after = item["overrides"][-1]["slug"] if item and item["overrides"] else ""
        overrides, more = await more_overrides(acting(), _known_feature(feature), after)
        if item is None:
            return
        item["overrides"] += [_override(each) for each in overrides]
        item["more"] = more
        self.values |= _override_values(item)

    @rx.event
    async def look_up(self, section_id: str) -> None:
        """Show what serves each feature in a section."""
        target = parse_id(section_id)
        if target is None:
            raise NotFound
        self._section_id = str(target)
        await self._look()

    async def _refresh(self) -> None:
        actor = acting()
        choices = await list_config_choices(actor)
        self.features = [_feature(view, choices) for view in await list_features(actor)]
        self.values = {item["feature"]: item["stored"] for item in self.features}
        for item in self.features:
            self.values |= _override_values(item)
        if self._section_id:
            await self._look()

    async def _look(self) -> None:
        if target := parse_id(self._section_id):
            section, views = await section_features(acting(), target)
            self.section = f"{section.course_title}, {section.title}"
            self.served = [_served(view) for view in views]


def _feature(view: FeatureView, choices: Sequence[ConfigChoice]) -> FeatureItem:
    return FeatureItem(
        feature=view.feature.value,
        name=view.name,
        description=view.description,
        stored=_field_text(view.default) if view.default else "",
        choices=[_choice(view.feature, each) for each in choices if each.kind == view.kind],
        overrides=[_override(each) for each in view.overrides],
        more=view.more,
    )


def _choice(feature: Feature, choice: ConfigChoice) -> ChoiceItem:
    warning = warning_of(feature, choice.chain)
    return ChoiceItem(id=str(choice.id), name=choice.name, chain=_chain(choice.chain), warning=warning)


def _chain(chain: Sequence[ChainPlace]) -> str:
    return " → ".join(place.model.name for place in chain)


def _section(section: SectionName) -> SectionItem:
    return SectionItem(id=str(section.id), slug=section.slug, title=section.title, course=section.course_title)


def _override(assigned: Assigned) -> OverrideItem:
    if assigned.section is None:
        raise ValueError("a default is no override")
    return OverrideItem(**_section(assigned.section), value=_field_text(assigned))


def _override_values(item: FeatureItem) -> dict[str, str]:
    return {f"{item['feature']}@{override['id']}": override["value"] for override in item["overrides"]}


def _served(view: FeatureView) -> ServedItem:
    default = view.default
    return ServedItem(
        name=view.name,
        config=default.config if default else "",
        href=f"/admin/services/{default.config_id}" if default else "",
        overridden=bool(default and default.section),
        chain=_chain(default.chain) if default else "",
        warning=default.warning if default else "Nothing serves this here: choose a default below.",
    )


def _field_text(assigned: Assigned) -> str:
    return f"{assigned.config_id}:{assigned.version}"


def _assignments(values: object) -> list[Assignment]:
    """What was changed in the form."""
    if not isinstance(values, dict) or len(values) > MOST_FIELDS:
        raise Invalid("A form sends its fields by name.")
    edited = {
        field: text
        for field, text in values.items()
        if isinstance(field, str) and isinstance(text, str) and text.endswith(f":{EDITED}")
    }
    if unchosen := [field for field, text in edited.items() if text.startswith(f"{NOT_CHOSEN}:")]:
        raise FieldErrors(dict.fromkeys(unchosen, "Choose a service config, or remove this override."))
    return [_assignment(field, text) for field, text in edited.items()]


def _assignment(field: str, text: str) -> Assignment:
    feature, _, section = field.partition("@")
    config, _, rest = text.partition(":")
    version = rest.removesuffix(EDITED).rstrip(":")
    section_id, config_id = parse_id(section), parse_id(config)
    known = (section_id or not section) and (config_id or config == REMOVE) and VERSION.fullmatch(version)
    if not known:
        raise Invalid("That is no field of this form.")
    return Assignment(_known_feature(feature), section_id, config_id, int(version) if version else None)


def _known_feature(name: str) -> Feature:
    if name not in set(Feature):
        raise NotFound("There is no such feature.")
    return Feature(name)
