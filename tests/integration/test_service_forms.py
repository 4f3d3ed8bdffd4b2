"""Service configs by form: what is shown, saved, refused and written down."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, select

from backend.access import ANONYMOUS, Actor, AuditEntry
from backend.access.models import Role
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Forbidden, NotFound, NotSignedIn
from backend.core.ids import new_id
from backend.genai import Feature, resolve
from backend.genai.budgets import BudgetState, month_start
from backend.genai.models import CompletionRequest
from backend.genai.service_entry import ServiceDraft
from backend.genai.service_forms import delete_service, save_service
from backend.genai.service_views import ServiceView, list_model_choices, list_services, open_service
from tests.support.genai import make_section, nothing_remembered, store

PIA = Actor(person_id=new_id(), is_administrator=True)
DRAFT = ServiceDraft("Tutor", (("primary", "a"), ("fallback", "b")), "0.5", "900", "10")
MODELS: list[dict[str, Any]] = [
    *({"name": name, "provider": "null", "model": "null"} for name in ("a", "b", "c")),
    {"name": "vectors", "kind": "embedding", "provider": "openai", "model": "embed-1", "dimensions": 3},
    {"name": "more vectors", "kind": "embedding", "provider": "openai", "model": "embed-2", "dimensions": 3},
]


@pytest.fixture(autouse=True)
async def _models(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        await store(models=MODELS)
        yield


async def lines() -> list[AuditEntry]:
    """The audit log about service configs."""
    about = select(AuditEntry).where(col(AuditEntry.action).startswith("service_config"))
    async with transaction() as session:
        return list((await session.exec(about.order_by(col(AuditEntry.id)))).all())


def chain_of(view: ServiceView) -> list[tuple[str, str]]:
    return [(place.role, place.model.name) for place in view.chain]


async def save_again(view: ServiceView, **changes: Any) -> ServiceView:
    return await save_service(PIA, replace(DRAFT, **changes), service_id=view.id, version=view.version)


async def faults_of(draft: ServiceDraft, view: ServiceView | None = None) -> dict[str, str]:
    with pytest.raises(FieldErrors) as refused:
        await save_service(PIA, draft, service_id=view.id if view else None, version=view.version if view else None)
    return refused.value.fields


async def serve(name: str = "Tutor", feature: str = "student_dialogue", **section: str) -> None:
    await store(feature_configs=[{"feature": feature, "service_config": name, **section}])


async def test_what_is_saved_is_what_is_opened() -> None:
    saved = await save_service(PIA, DRAFT)
    opened = await open_service(PIA, saved.id)
    assert opened == saved
    assert chain_of(opened) == list(DRAFT.chain)
    assert (opened.temperature, opened.max_output_tokens, opened.budget_usd) == (0.5, 900, Decimal(10))
    assert (opened.version, opened.uses, opened.kind) == (1, (), "chat")


async def test_saving_again_renames_reorders_clears_and_counts_one_version() -> None:
    before = await save_service(PIA, DRAFT)
    chain = (("primary", "b"), ("secondary", "a"), ("backup", "c"))
    after = await save_again(before, name="Dialogue", chain=chain, temperature="", budget_usd="")
    assert (after.id, after.name, chain_of(after)) == (before.id, "Dialogue", list(chain))
    assert (after.temperature, after.max_output_tokens, after.budget_usd) == (None, 900, None)
    assert after.version == before.version + 1


async def test_a_new_chain_alone_counts_one_version_too() -> None:
    before = await save_service(PIA, DRAFT)
    after = await save_again(before, chain=(("primary", "b"), ("fallback", "a")))
    assert after.version == before.version + 1


async def test_saving_what_is_there_already_changes_nothing() -> None:
    before = await save_service(PIA, DRAFT)
    assert await save_again(before) == before
    assert [line.action for line in await lines()] == ["service_config.created"]


async def test_of_two_who_edit_the_second_is_told_and_nothing_is_overwritten() -> None:
    seen_by_both = await save_service(PIA, DRAFT)
    first = await save_again(seen_by_both, chain=(("primary", "c"),))
    with pytest.raises(Conflict, match="Somebody else changed this service config"):
        await save_again(seen_by_both, temperature="1")
    with pytest.raises(Conflict, match="Somebody else changed this service config"):
        await delete_service(PIA, seen_by_both.id, seen_by_both.version)
    assert await open_service(PIA, first.id) == first


async def test_an_imported_file_makes_an_open_form_stale() -> None:
    opened = await save_service(PIA, DRAFT)
    await store(service_configs=[{"name": "Tutor", "primary_model": "c"}])
    with pytest.raises(Conflict):
        await save_again(opened)
    assert chain_of(await open_service(PIA, opened.id)) == [("primary", "c")]


async def test_of_ten_who_save_at_once_one_wins() -> None:
    opened = await save_service(PIA, DRAFT)
    saves = [save_again(opened, temperature=f"0.{each}", chain=(("primary", "abc"[each % 3]),)) for each in range(10)]
    results = await asyncio.gather(*saves, return_exceptions=True)
    won = [result for result in results if isinstance(result, ServiceView)]
    assert len(won) == 1
    assert {type(result) for result in results} == {ServiceView, Conflict}
    assert await open_service(PIA, opened.id) == won[0]
    assert won[0].version == opened.version + 1


async def test_of_two_who_create_the_same_name_at_once_one_wins() -> None:
    results = await asyncio.gather(*(save_service(PIA, DRAFT) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, ServiceView) for result in results) == 1
    assert {type(result) for result in results} <= {ServiceView, Conflict, FieldErrors}


async def test_a_name_that_is_taken_is_refused_at_its_field() -> None:
    await save_service(PIA, DRAFT)
    other = await save_service(PIA, replace(DRAFT, name="Other"))
    taken = {"name": "There is another service config named “Tutor”."}
    assert await faults_of(DRAFT) == taken
    assert await faults_of(replace(DRAFT, name=" Tutor "), other) == taken


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        ((("primary", "nobody"),), "“nobody” isn't a registered model."),
        ((("primary", "a"), ("fallback", "a")), "“a” stands in the chain twice."),
        ((("primary", "a"), ("fallback", "vectors")), "Chat and embedding models don't go together in one chain."),
        (
            (("primary", "vectors"), ("fallback", "more vectors")),
            "A chain has one embedding model: the vectors of one don't fit another's.",
        ),
        ((("fallback", "a"), ("primary", "b")), "The first model is the primary, and no other is."),
        ((), "Add at least one model: the primary."),
    ],
)
async def test_a_wrong_chain_is_refused_and_nothing_is_stored(
    chain: tuple[tuple[str, str], ...], sentence: str
) -> None:
    before = await save_service(PIA, DRAFT)
    assert await faults_of(replace(DRAFT, name="Other", chain=chain)) == {"chain": sentence}
    assert await faults_of(replace(DRAFT, chain=chain), before) == {"chain": sentence}
    assert await list_services(PIA) == [before]


async def test_a_chain_in_use_cannot_become_one_of_the_wrong_kind() -> None:
    before = await save_service(PIA, DRAFT)
    await serve()
    fault = await faults_of(replace(DRAFT, chain=(("primary", "vectors"),)), before)
    assert fault == {"chain": "This serves “Tutor”, which needs chat models."}
    assert chain_of(await open_service(PIA, before.id)) == list(DRAFT.chain)


async def test_what_is_in_use_cannot_be_deleted_and_the_refusal_says_by_whom() -> None:
    view = await save_service(PIA, DRAFT)
    await make_section("python-autumn")
    await serve()
    await serve(feature="course_outline", section="python-autumn")
    with pytest.raises(Conflict) as refused:
        await delete_service(PIA, view.id, view.version)
    assert refused.value.message == "Used by: Tutor (default), Course outlines in python-autumn."
    opened = await open_service(PIA, view.id)
    assert [str(use) for use in opened.uses] == ["Tutor (default)", "Course outlines in python-autumn"]


async def test_a_long_list_of_users_is_counted() -> None:
    view = await save_service(PIA, DRAFT)
    for feature in list(Feature)[:6]:
        await serve(feature=feature.value)
    with pytest.raises(Conflict, match=r"and 1 more\.$"):
        await delete_service(PIA, view.id, view.version)


async def test_what_is_deleted_is_gone_and_on_the_record() -> None:
    view = await save_service(PIA, DRAFT)
    await delete_service(PIA, view.id, view.version)
    assert await list_services(PIA) == []
    with pytest.raises(NotFound):
        await open_service(PIA, view.id)
    with pytest.raises(NotFound, match="deleted in the meantime"):
        await save_again(view)
    line = (await lines())[-1]
    assert (line.action, line.subject, line.actor_id, line.after) == (
        "service_config.deleted", "Tutor", PIA.person_id, None,
    )  # fmt: skip
    assert line.before is not None
    assert line.before["fallbacks"] == ["b"]


async def test_the_record_says_who_changed_what() -> None:
    view = await save_service(PIA, DRAFT)
    await save_again(view, name="Dialogue", budget_usd="20")
    created, changed = await lines()
    assert (created.action, created.subject, created.before) == ("service_config.created", "Tutor", None)
    assert (changed.action, changed.subject, changed.actor_id) == (
        "service_config.changed", "Dialogue", PIA.person_id,
    )  # fmt: skip
    assert changed.before is not None
    assert changed.after is not None
    differing = {key for key in changed.after if changed.after[key] != changed.before[key]}
    assert differing == {"name", "budget_usd"}


async def test_the_next_request_follows_the_new_chain() -> None:
    view = await save_service(PIA, DRAFT)
    await serve()
    assert [spec.name for spec in (await resolve(Feature.STUDENT_DIALOGUE)).models] == ["a", "b"]
    await save_again(view, chain=(("primary", "c"),))
    assert [spec.name for spec in (await resolve(Feature.STUDENT_DIALOGUE)).models] == ["c"]


async def test_search_finds_by_name_and_by_model() -> None:
    await save_service(PIA, DRAFT)
    await save_service(PIA, replace(DRAFT, name="grading 100%", chain=(("primary", "c"),)))
    await save_service(PIA, replace(DRAFT, name="Search", chain=(("primary", "vectors"),)))
    found = {text: [view.name for view in await list_services(PIA, text)] for text in ("", "TUT", "vect", "%", " c ")}
    assert found == {
        "": ["grading 100%", "Search", "Tutor"],
        "TUT": ["Tutor"],
        "vect": ["Search"],
        "%": ["grading 100%"],
        " c ": ["grading 100%", "Search", "Tutor"][:2],
    }


async def spend(config: UUID, usd: str | None, *, at: datetime | None = None) -> None:
    row = CompletionRequest(
        request_id=uuid4(), attempt=1, feature="student_dialogue", config_id=config, provider="null",
        requested_model="null", reason="primary", outcome="succeeded", duration_ms=1,
        cost_usd=Decimal(usd) if usd else None, unpriced=usd is None, created_at=at or now(),
    )  # fmt: skip
    async with transaction() as session:
        session.add(row)


async def test_this_months_spending_is_shown_against_the_budget() -> None:
    view, free = await save_service(PIA, DRAFT), await save_service(PIA, replace(DRAFT, name="Free", budget_usd=""))
    await spend(view.id, "100", at=month_start(now()) - timedelta(seconds=1))
    await spend(free.id, "3")
    states = []
    for usd in ("0", "7.99", "0.01", "2"):
        await spend(view.id, usd)
        states.append((await open_service(PIA, view.id)).spending.state)
    assert states == [BudgetState.OK, BudgetState.OK, BudgetState.WARNING, BudgetState.SPENT]
    await spend(view.id, None)
    shown = {each.name: each.spending for each in await list_services(PIA)}
    assert (shown["Tutor"].usd, shown["Tutor"].share, shown["Tutor"].unpriced) == (Decimal(10), 1, 1)
    assert (shown["Free"].usd, shown["Free"].state) == (Decimal(3), BudgetState.UNLIMITED)
    assert month_start(now()) == datetime(now().year, now().month, 1, tzinfo=UTC)


async def test_the_models_to_choose_from_say_what_they_are() -> None:
    await store(models=[{**MODELS[0], "enabled": False, "dev_only": True}])
    choices = {choice.name: choice for choice in await list_model_choices(PIA)}
    assert sorted(choices) == ["a", "b", "c", "more vectors", "vectors"]
    assert (choices["a"].enabled, choices["a"].dev_only, choices["vectors"].kind) == (False, True, "embedding")


@pytest.mark.parametrize("role", list(Role))
async def test_only_administrators_see_and_change_them(role: Role) -> None:
    section = await make_section()
    view = await save_service(PIA, DRAFT)
    member = Actor(person_id=new_id(), roles={section: role})
    for actor, error in ((member, Forbidden), (ANONYMOUS, NotSignedIn)):
        for attempt in (
            list_services(actor),
            open_service(actor, view.id),
            list_model_choices(actor),
            save_service(actor, DRAFT),
            save_service(actor, replace(DRAFT, name="x"), service_id=view.id, version=view.version),
            delete_service(actor, view.id, view.version),
        ):
            with pytest.raises(error):
                await attempt
    assert await list_services(PIA) == [view]
