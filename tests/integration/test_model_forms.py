"""Models by form: what is shown, saved, refused and written down. Keys go in and never come out."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from sqlmodel import col, select

from backend import genai
from backend.access import ANONYMOUS, Actor, AuditEntry
from backend.access.models import Role
from backend.core.crypto import decrypt
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Forbidden, Invalid, NotFound, NotSignedIn
from backend.core.ids import new_id
from backend.genai import Feature, ModelFilter, ModelForm, ModelRow
from backend.genai.models import RegisteredModel
from backend.genai.queries import model_by_id
from tests.support.genai import nothing_remembered, store
from tests.support.services import environment

PIA = Actor(person_id=new_id(), is_administrator=True)
KEY = "sk-very-secret-1234"
ORGANIZATION = "org-also-secret-5678"
FORM = {
    "name": "Tutor", "provider": "openai", "model": "gpt-1", "url_template": "https://example.org/v1/",
    "api_key": KEY, "api_key_change": "replace", "organization": ORGANIZATION, "organization_change": "replace",
    "total_timeout": "90", "max_concurrent": "8", "price_input": "2.5", "price_output": "10", "dev_only": "true",
}  # fmt: skip


@pytest.fixture(autouse=True)
async def _own_database(services: None) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


async def register(**changes: str) -> ModelForm:
    return await genai.save_model(PIA, None, None, FORM | changes)


async def save(form: ModelForm, **changes: str) -> ModelForm:
    """Save the form as it was read, with changes."""
    return await genai.save_model(PIA, form.id, form.version, form.values | changes)


async def row(model_id: UUID) -> RegisteredModel:
    async with transaction() as session:
        found = await model_by_id(session, model_id)
    assert found is not None
    return found


async def lines() -> list[AuditEntry]:
    async with transaction() as session:
        return list((await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))).all())


async def listed(limit: int = 50, **wanted: str) -> list[str]:
    models, _ = await genai.list_models(PIA, ModelFilter(**wanted), limit)
    return [model.name for model in models]


async def only_row() -> ModelRow:
    (found,), _ = await genai.list_models(PIA)
    return found


async def use(*models: str, config: str = "Chain") -> None:
    await store(service_configs=[{"name": config, "primary_model": models[0], "fallbacks": models[1:]}])


async def test_a_form_that_was_saved_reads_as_it_was_written() -> None:
    form = await register()
    assert form == await genai.read_model(PIA, form.id)
    written = {name: text for name, text in FORM.items() if not name.startswith(("api_key", "organization"))}
    assert form.values | written == form.values | {"url_template": "https://example.org/v1/"}
    assert form.values["url_template"] == "https://example.org/v1"
    assert form.values["stall_timeout"] == "15"
    assert form.values["enabled"] == "true"
    assert form.values["context_window"] == ""
    assert form.version == 1


async def test_saving_what_was_read_changes_nothing() -> None:
    form = await register()
    count = len(await lines())
    assert await save(form) == form
    assert len(await lines()) == count


async def test_no_secret_is_in_anything_that_is_read() -> None:
    form = await register()
    seen = f"{form} {await only_row()} {[line.model_dump() for line in await lines()]}"
    for secret in (KEY, ORGANIZATION, KEY[:-4], ORGANIZATION[:-4]):
        assert secret not in seen
    assert form.key == "set, ends in …1234"
    assert form.organization == "set, ends in …5678"


@pytest.mark.parametrize(
    ("key", "said"),
    [("sk-eleven-c", "set"), ("sk-twelve-ch", "set, ends in …e-ch"), ("k", "set")],
)
async def test_a_short_key_shows_nothing_of_itself(key: str, said: str) -> None:
    await register(api_key=key)
    assert (await only_row()).key == said


async def test_a_key_of_the_environment_is_named_and_not_shown() -> None:
    await register(api_key="", api_key_change="keep", api_key_env="OPENAI_API_KEY")
    assert (await only_row()).key == "from the environment variable OPENAI_API_KEY, which isn't set"
    with environment(OPENAI_API_KEY=KEY):
        assert (await only_row()).key == "from the environment variable OPENAI_API_KEY"


async def test_no_key_is_no_words() -> None:
    await register(api_key="")
    assert (await only_row()).key == ""


async def test_a_key_sealed_with_another_secret_key_says_so() -> None:
    await register()
    with environment(SECRET_KEY="another-secret-key-of-thirty-two-chars"):
        assert (await only_row()).key == "set, but unreadable: SECRET_KEY has changed since"


async def test_secrets_are_kept_replaced_and_cleared() -> None:
    form = await register()
    form = await save(form, name="Tutor 2")
    model = await row(form.id)
    assert (decrypt(model.api_key or b""), decrypt(model.organization or b"")) == (KEY, ORGANIZATION)
    form = await save(form, api_key="sk-a-new-key-9876", organization_change="clear")
    model = await row(form.id)
    assert (decrypt(model.api_key or b""), model.organization) == ("sk-a-new-key-9876", None)
    assert (form.key, form.organization) == ("set, ends in …9876", "")
    created, renamed, changed = await lines()
    assert (created.action, renamed.action, changed.action) == ("model.created", "model.changed", "model.changed")
    assert created.actor_id == PIA.person_id
    assert (created.before, changed.subject) == (None, "Tutor 2")
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["api_key"], changed.after["api_key"]) == ("set", "replaced")
    assert (changed.before["organization"], changed.after["organization"]) == ("set", None)


async def test_a_variable_takes_the_place_of_a_cleared_key() -> None:
    form = await register()
    form = await save(form, api_key_change="clear", api_key_env="A_KEY")
    assert ((await row(form.id)).api_key, form.key) == (None, "")
    form = await save(form, api_key=KEY, api_key_env="")
    assert ((await row(form.id)).api_key_env, form.key) == (None, "set, ends in …1234")


async def test_a_renamed_model_keeps_its_id_and_its_chains() -> None:
    form = await register()
    await use("Tutor")
    renamed = await save(form, name="Better tutor")
    assert (renamed.id, renamed.version) == (form.id, 2)
    assert [place.name for place in renamed.used_by] == ["Chain"]


async def test_a_taken_name_is_refused_at_its_field() -> None:
    await register(name="Taken")
    form = await register()
    for attempt in (register(name=" Taken "), save(form, name="Taken")):
        with pytest.raises(FieldErrors) as refused:
            await attempt
        assert refused.value.fields == {"name": "There is another model named “Taken”."}
    assert await listed() == ["Taken", "Tutor"]


async def test_a_kind_does_not_change() -> None:
    form = await register()
    with pytest.raises(FieldErrors) as refused:
        await save(form, kind="embedding", dimensions="3")
    assert refused.value.fields == {"kind": "“Tutor” is a chat model; its kind can't change."}


async def test_the_second_of_two_editors_is_told_and_overwrites_nothing() -> None:
    theirs = mine = await register()
    await save(theirs, model="gpt-2", max_concurrent="2")
    with pytest.raises(Conflict, match="Somebody else changed this model since you opened it"):
        await save(mine, model="gpt-3")
    model = await row(mine.id)
    assert (model.model, model.max_concurrent, model.version) == ("gpt-2", 2, 2)


async def test_of_two_saves_at_once_one_wins() -> None:
    form = await register()
    saves = (save(form, model=f"gpt-{number}") for number in range(2, 6))
    results = await asyncio.gather(*saves, return_exceptions=True)
    assert [type(result) for result in results].count(ModelForm) == 1
    assert [type(result) for result in results].count(Conflict) == 3
    assert (await row(form.id)).version == 2


async def test_a_changed_address_needs_the_key_again() -> None:
    form = await register()
    again = {
        "api_key": "Enter the key again: it would be sent to another address.",
        "organization": "Enter the organization again: it would be sent to another address.",
    }
    with pytest.raises(FieldErrors) as refused:
        await save(form, url_template="https://evil.example/v1")
    assert refused.value.fields == again
    with pytest.raises(FieldErrors) as refused:
        await genai.test_model(PIA, form.id, form.values | {"url_template": "http://127.0.0.1:9/v1"})
    assert refused.value.fields == again
    assert (await row(form.id)).url_template == "https://example.org/v1"
    moved = await save(
        form, url_template="https://elsewhere.example", api_key="sk-for-elsewhere-1", organization_change="clear"
    )
    assert moved.values["url_template"] == "https://elsewhere.example"


async def test_a_saved_model_serves_at_once() -> None:
    form = await register(enabled="true")
    await use("Tutor")
    await store(feature_configs=[{"feature": "student_dialogue", "service_config": "Chain"}])
    assert (await genai.resolve(Feature.STUDENT_DIALOGUE)).models[0].model == "gpt-1"
    await save(form, model="gpt-2")
    assert (await genai.resolve(Feature.STUDENT_DIALOGUE)).models[0].model == "gpt-2"


async def test_a_model_is_switched_off_and_on() -> None:
    form = await register()
    version = await genai.set_model_enabled(PIA, form.id, form.version, False)
    assert not (await only_row()).enabled
    with pytest.raises(Conflict):
        await genai.set_model_enabled(PIA, form.id, form.version, True)
    assert not (await only_row()).enabled
    await genai.set_model_enabled(PIA, form.id, version, True)
    assert (await only_row()).enabled
    assert [line.after["enabled"] for line in await lines() if line.after] == [True, False, True]


async def test_a_model_in_use_is_not_deleted() -> None:
    form = await register()
    await use("Tutor", config="Lessons")
    with pytest.raises(Conflict, match=r"^Used by 1 service config: Lessons\. Disable it instead\.$"):
        await genai.delete_model(PIA, form.id)
    await use("Tutor", config="grading")
    with pytest.raises(Conflict, match=r"^Used by 2 service configs: grading, Lessons\. Disable it instead\.$"):
        await genai.delete_model(PIA, form.id)
    assert await listed() == ["Tutor"]


async def test_a_model_that_comes_into_use_while_it_is_deleted_stays() -> None:
    form = await register()
    await use("Tutor", config="Lessons")
    with (
        patch("backend.genai.model_forms._refuse_used", side_effect=[None, Conflict("Used by 1 service config: it.")]),
        pytest.raises(Conflict, match="Used by 1 service config"),
    ):
        await genai.delete_model(PIA, form.id)
    assert await listed() == ["Tutor"]
    assert [line.action for line in await lines()][-1] != "model.deleted"


async def test_an_unused_model_is_deleted_for_good() -> None:
    form = await register()
    await genai.delete_model(PIA, form.id)
    assert await listed() == []
    last = (await lines())[-1]
    assert (last.action, last.subject, last.after) == ("model.deleted", "Tutor", None)
    for late in (
        genai.delete_model(PIA, form.id),
        save(form),
        genai.set_model_enabled(PIA, form.id, 1, False),
        genai.read_model(PIA, form.id),
        genai.test_model(PIA, form.id, form.values),
    ):
        with pytest.raises(NotFound):
            await late


async def test_the_list_is_searched_filtered_and_sorted() -> None:
    await register(name="beta", provider="anthropic", enabled="false")
    await register(name="Alpha", model="Special_1", dev_only="false")
    await register(name="gamma", provider="ollama", model="llama")
    await use("gamma")
    assert await listed() == ["Alpha", "beta", "gamma"]
    assert await listed(order="provider") == ["beta", "gamma", "Alpha"]
    assert await listed(order="newest") == ["gamma", "Alpha", "beta"]
    assert await listed(search=" special_ ") == ["Alpha"]
    assert await listed(search="GAM") == ["gamma"]
    assert await listed(search="%") == []
    assert await listed(provider="ollama") == ["gamma"]
    assert await listed(state="enabled") == ["Alpha", "gamma"]
    assert await listed(state="disabled") == ["beta"]
    assert await listed(state="used") == ["gamma"]
    assert await listed(state="unused") == ["Alpha", "beta"]
    assert await listed(state="dev_only", search="a") == ["beta", "gamma"]
    assert await listed(limit=2) == ["Alpha", "beta"]
    assert (await genai.list_models(PIA, limit=2))[1]
    assert not (await genai.list_models(PIA, limit=3))[1]
    for wrong in ({"provider": "gemini"}, {"state": "happy"}, {"order": "; DROP TABLE"}):
        with pytest.raises(Invalid):
            await listed(**wrong)


async def test_a_file_and_a_form_store_the_same() -> None:
    by_form = await register()
    entry: dict[str, Any] = (await genai.export_catalogue(PIA))["models"][0]
    await genai.delete_model(PIA, by_form.id)
    await store(models=[entry | {"api_key": KEY, "organization": ORGANIZATION}])
    by_file = await genai.read_model(PIA, (await only_row()).id)
    assert dataclasses.replace(by_file, id=by_form.id) == by_form


async def test_only_administrators_may() -> None:
    form = await register()
    student = Actor(person_id=new_id(), roles={new_id(): Role.INSTRUCTOR})
    for actor, refusal in ((ANONYMOUS, NotSignedIn), (student, Forbidden)):
        with pytest.raises(refusal):
            genai.blank_model(actor)
        for attempt in (
            genai.list_models(actor),
            genai.read_model(actor, form.id),
            genai.save_model(actor, None, None, FORM),
            genai.set_model_enabled(actor, form.id, 1, False),
            genai.delete_model(actor, form.id),
            genai.test_model(actor, None, FORM),
            genai.list_provider_limits(actor),
            genai.save_provider_limits(actor, "openai", 0, {}),
        ):
            with pytest.raises(refusal):
                await attempt
    assert (await only_row()).enabled
