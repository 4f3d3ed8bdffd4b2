"""Which service config serves which feature, by form: defaults, overrides, and what that comes to in a section."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from backend.access import ANONYMOUS, Actor, AuditEntry
from backend.access.models import Role
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Forbidden, Invalid, NotFound, NotSignedIn
from backend.core.ids import new_id
from backend.courses import find_sections
from backend.genai import Feature, feature_forms, resolve
from backend.genai.errors import MissingFeatureConfig
from backend.genai.feature_forms import Assignment, save_assignments
from backend.genai.feature_views import (
    OVERRIDES_SHOWN,
    FeatureView,
    list_config_choices,
    list_features,
    more_overrides,
    section_features,
)
from tests.support.genai import make_section, nothing_remembered, store
from tests.support.services import environment

PIA = Actor(person_id=new_id(), is_administrator=True)
TUTOR, GRADING, SEARCH = Feature.STUDENT_DIALOGUE, Feature.GRADING_FEEDBACK, Feature.SEMANTIC_SEARCH
MODELS: list[dict[str, Any]] = [
    *({"name": name, "provider": "null", "model": "null"} for name in ("a", "b")),
    {"name": "off", "provider": "null", "model": "null", "enabled": False},
    {"name": "small", "provider": "null", "model": "null", "dev_only": True},
    {"name": "vectors", "kind": "embedding", "provider": "openai", "model": "embed-1", "dimensions": 3},
]
CONFIGS: list[dict[str, Any]] = [
    {"name": "A", "primary_model": "a"},
    {"name": "B", "primary_model": "b", "fallbacks": ["small"]},
    {"name": "Off", "primary_model": "off"},
    {"name": "Small", "primary_model": "small"},
    {"name": "V", "primary_model": "vectors"},
]


@pytest.fixture(autouse=True)
async def _configs(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        await store(models=MODELS, service_configs=CONFIGS)
        yield


async def config(name: str) -> UUID:
    return next(choice.id for choice in await list_config_choices(PIA) if choice.name == name)


async def view_of(feature: Feature = TUTOR) -> FeatureView:
    return next(view for view in await list_features(PIA) if view.feature is feature)


async def assign(
    name: str | None, section: UUID | None = None, version: int | None = None, feature: Feature = TUTOR
) -> FeatureView:
    await save_assignments(PIA, [Assignment(feature, section, await config(name) if name else None, version)])
    return await view_of(feature)


def shown(view: FeatureView) -> tuple[str, dict[str, str]]:
    overrides = {each.section.slug: each.config for each in view.overrides if each.section}
    return view.default.config if view.default else "", overrides


async def served(section: UUID | None) -> str:
    """The primary that a request gets."""
    try:
        return (await resolve(TUTOR, section)).models[0].name
    except MissingFeatureConfig:
        return "missing"


async def lines() -> list[AuditEntry]:
    about = select(AuditEntry).where(col(AuditEntry.action).startswith("feature_config"))
    async with transaction() as session:
        return list((await session.exec(about.order_by(col(AuditEntry.id)))).all())


async def test_every_feature_is_listed_with_its_name_and_what_it_needs() -> None:
    views = await list_features(PIA)
    assert [view.feature for view in views] == list(Feature)
    assert all(view.name and view.description and view.default is None for view in views)
    assert {view.feature for view in views if view.kind == "embedding"} == {SEARCH}


async def test_an_override_stands_before_the_default_and_its_removal_brings_the_default_back() -> None:
    here, elsewhere = await make_section("python-autumn"), await make_section("python-spring")
    seen = [(await served(here), await served(elsewhere))]
    await assign("A")
    seen.append((await served(here), await served(elsewhere)))
    view = await assign("B", here)
    seen.append((await served(here), await served(elsewhere)))
    assert shown(view) == ("A", {"python-autumn": "B"})
    view = await assign(None, here, view.overrides[0].version)
    seen.append((await served(here), await served(elsewhere)))
    assert shown(view) == ("A", {})
    assert seen == [("missing", "missing"), ("a", "a"), ("b", "a"), ("a", "a")]


async def test_what_is_shown_of_a_section_is_what_its_requests_get() -> None:
    here = await make_section("python-autumn")
    await assign("A")
    await assign("B", here)
    await assign("A", None, None, Feature.COURSE_OUTLINE)
    await assign("V", None, None, SEARCH)
    section, views = await section_features(PIA, here)
    assert (section.id, section.slug, section.course_title) == (here, "python-autumn", "Python")
    for feature, view in zip(Feature, views, strict=True):
        try:
            gets = [spec.name for spec in (await resolve(feature, here)).models]
        except MissingFeatureConfig:
            gets = []
        assert view.feature is feature
        assert [place.model.name for place in (view.default.chain if view.default else ())] == gets
        assert bool(view.default and view.default.section) == (feature is TUTOR)
    with pytest.raises(NotFound):
        await section_features(PIA, new_id())


async def test_a_default_and_overrides_are_saved_together_or_not_at_all() -> None:
    here, elsewhere = await make_section("python-autumn"), await make_section("python-spring")
    a, b, vectors = await config("A"), await config("B"), await config("V")
    with pytest.raises(FieldErrors) as refused:
        await save_assignments(PIA, [Assignment(TUTOR, None, a, None), Assignment(TUTOR, here, vectors, None)])
    assert refused.value.fields == {f"student_dialogue@{here}": "This needs chat models; “V” has others."}
    assert shown(await view_of()) == ("", {})
    all_three = [
        Assignment(TUTOR, None, a, None),
        Assignment(TUTOR, here, b, None),
        Assignment(GRADING, elsewhere, a, None),
    ]
    await save_assignments(PIA, all_three)
    assert shown(await view_of()) == ("A", {"python-autumn": "B"})
    assert shown(await view_of(GRADING)) == ("", {"python-spring": "A"})


async def test_chains_of_the_wrong_kind_are_refused_either_way() -> None:
    for feature, name, needed in ((TUTOR, "V", "chat"), (SEARCH, "A", "embedding")):
        with pytest.raises(FieldErrors) as refused:
            await assign(name, feature=feature)
        assert refused.value.fields == {feature.value: f"This needs {needed} models; “{name}” has others."}


async def test_a_default_cannot_be_removed() -> None:
    view = await assign("A")
    assert view.default is not None
    with pytest.raises(Invalid, match="can be changed, but not removed"):
        await assign(None, None, view.default.version)
    assert shown(await view_of()) == ("A", {})


async def test_of_two_who_edit_the_second_is_told_and_nothing_is_overwritten() -> None:
    here = await make_section("python-autumn")
    await assign("A")
    seen = await assign("A", here)
    assert seen.default is not None
    await assign("B", None, seen.default.version)
    with pytest.raises(Conflict, match=r"Somebody else changed Tutor \(default\)"):
        await assign("Small", None, seen.default.version)
    await assign("B", here, seen.overrides[0].version)
    with pytest.raises(Conflict, match="Somebody else changed Tutor in python-autumn"):
        await assign(None, here, seen.overrides[0].version)
    with pytest.raises(Conflict, match="Tutor in python-autumn already"):
        await assign("Small", here)  # as if there were none yet
    assert shown(await view_of()) == ("B", {"python-autumn": "B"})


async def test_a_removed_override_is_not_brought_back_by_a_stale_form() -> None:
    here = await make_section("python-autumn")
    seen = await assign("A", here)
    await assign(None, here, seen.overrides[0].version)
    with pytest.raises(Conflict):
        await assign("B", here, seen.overrides[0].version)
    assert shown(await view_of()) == ("", {})


async def test_of_many_who_add_the_same_override_at_once_one_wins() -> None:
    here = await make_section("python-autumn")
    results = await asyncio.gather(*(assign("AB"[each % 2], here) for each in range(6)), return_exceptions=True)
    assert sum(isinstance(result, FeatureView) for result in results) == 1
    assert {type(result) for result in results} == {FeatureView, Conflict}


async def test_an_override_that_appears_after_the_look_at_its_place_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, store_it = await make_section("python-autumn"), feature_forms.assign_feature

    async def late(*given: Any) -> None:
        monkeypatch.setattr(feature_forms, "assign_feature", store_it)
        await assign("B", here)
        await store_it(*given)

    monkeypatch.setattr(feature_forms, "assign_feature", late)
    with pytest.raises(Conflict, match="just now"):
        await assign("A", here)
    assert shown(await view_of()) == ("", {"python-autumn": "B"})


async def test_what_is_gone_is_said_at_its_field() -> None:
    nowhere, here = new_id(), await make_section("python-autumn")
    for section, chosen, sentence in (
        (nowhere, await config("A"), "This section was deleted in the meantime."),
        (here, new_id(), "This service config was deleted in the meantime."),
    ):
        with pytest.raises(FieldErrors) as refused:
            await save_assignments(PIA, [Assignment(TUTOR, section, chosen, None)])
        assert refused.value.fields == {f"student_dialogue@{section}": sentence}


async def test_a_place_named_twice_is_refused() -> None:
    a = await config("A")
    with pytest.raises(Invalid, match="once"):
        await save_assignments(PIA, [Assignment(TUTOR, None, a, None), Assignment(TUTOR, None, a, None)])


async def test_the_record_says_who_changed_what_before_and_after() -> None:
    here = await make_section("python-autumn")
    view = await assign("A", here)
    view = await assign("B", here, view.overrides[0].version)
    await assign("B", here, view.overrides[0].version)  # nothing new, and no line
    await assign(None, here, view.overrides[0].version)
    assert [(line.action, line.subject, line.before, line.after, line.actor_id) for line in await lines()] == [
        (f"feature_config.{done}", "student_dialogue@python-autumn", before, after, PIA.person_id)
        for done, before, after in (
            ("created", None, {"service_config": "A"}),
            ("changed", {"service_config": "A"}, {"service_config": "B"}),
            ("deleted", {"service_config": "B"}, None),
        )
    ]


async def test_a_chain_that_cannot_answer_is_warned_of() -> None:
    assert (await assign("Off")).default.warning == (  # type: ignore[union-attr]
        "No model of this chain may answer: “off” is switched off."
    )
    with pytest.raises(MissingFeatureConfig):
        await resolve(TUTOR)


@pytest.mark.parametrize(("app_env", "refused"), [("development", False), ("production", True)])
async def test_a_development_model_is_shown_as_refused_for_grading_in_production(
    app_env: str, refused: bool, database: str
) -> None:
    await assign("B", feature=GRADING)
    await assign("B")
    with environment(APP_ENV=app_env):
        grading, tutor = await view_of(GRADING), await view_of(TUTOR)
        assert grading.default is not None
        assert tutor.default is not None
        why = "“small” is refused: a development model never grades in production."
        assert (grading.default.warning, tutor.default.warning) == (why if refused else "", "")
        answering = [spec.name for spec in (await resolve(GRADING)).models]
        assert answering == (["b"] if refused else ["b", "small"])


async def test_overrides_come_a_page_at_a_time() -> None:
    a = await config("A")
    sections = [await make_section(f"python-{each:03}") for each in range(OVERRIDES_SHOWN + 2)]
    await save_assignments(PIA, [Assignment(TUTOR, section, a, None) for section in sections])
    view = await view_of()
    assert (len(view.overrides), view.more) == (OVERRIDES_SHOWN, True)
    last = view.overrides[-1].section
    assert last is not None
    rest, more = await more_overrides(PIA, TUTOR, last.slug)
    assert [each.section.slug for each in rest if each.section] == ["python-050", "python-051"]
    assert not more


async def test_sections_are_found_by_slug_title_and_course() -> None:
    for slug in ("python-autumn", "python-spring", "50%-off"):
        await make_section(slug)
    for text, slugs in {
        "": ["50%-off", "python-autumn", "python-spring"],
        "AUTUMN": ["python-autumn"],
        "spring python": ["python-spring"],
        "%": ["50%-off"],
        "_": [],
    }.items():
        found, more = await find_sections(PIA, text)
        assert ([each.slug for each in found], more) == (slugs, False)
    found, more = await find_sections(PIA, "", limit=2)
    assert ([each.slug for each in found], more) == (["50%-off", "python-autumn"], True)


async def test_people_find_only_the_sections_that_they_are_in() -> None:
    here = await make_section("python-autumn")
    await make_section("python-spring")
    found, _ = await find_sections(Actor(person_id=new_id(), roles={here: Role.STUDENT}), "python")
    assert [each.slug for each in found] == ["python-autumn"]
    with pytest.raises(NotSignedIn):
        await find_sections(ANONYMOUS, "")


@pytest.mark.parametrize("role", list(Role))
async def test_only_administrators_see_and_change_them(role: Role) -> None:
    here, a = await make_section("python-autumn"), await config("A")
    member = Actor(person_id=new_id(), roles={here: role})
    for actor, error in ((member, Forbidden), (ANONYMOUS, NotSignedIn)):
        for attempt in (
            list_features(actor),
            list_config_choices(actor),
            more_overrides(actor, TUTOR, ""),
            section_features(actor, here),
            save_assignments(actor, [Assignment(TUTOR, here, a, None)]),
        ):
            with pytest.raises(error):
                await attempt
    assert shown(await view_of()) == ("", {})
