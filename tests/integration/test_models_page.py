"""The models' pages as an administrator's tab sees them: what is sent, what is said, and that no key ever is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.state.model_form import ModelFormState
from app.state.models import ModelsState
from app.state.session import Session
from backend import genai
from backend.access import SYSTEM
from tests.hostile.test_tab_outages import NONSENSE
from tests.support.genai import nothing_remembered, store
from tests.support.replay import API_KEY, Replay
from tests.support.replay_answers import MODEL, openai_answer, openai_error
from tests.support.school import found_school
from tests.support.tab import Tab, Told, running_app

LIST, FORM = "/admin/models", "/admin/models/[model]"
NEW_KEY = "sk-another-0123456789"


@pytest.fixture
async def tab(services: None) -> AsyncIterator[Tab]:
    """An administrator's tab."""
    async with nothing_remembered(), running_app():
        school, tab = await found_school(), Tab()
        await tab.connect(school.cookie("administrator"))
        yield tab


def event(state: type[Session], handler: str) -> str:
    return f"{state.get_full_name()}.{handler}"


async def form(tab: Tab, handler: str, **payload: Any) -> Told:
    return await tab.send(event(ModelFormState, handler), **payload)


async def opened(tab: Tab, model: str = "new") -> dict[str, str]:
    """The values that the page's form begins with."""
    values = (await tab.load(FORM, model=model))["model_form_state.values"]
    assert isinstance(values, dict)
    return values


async def registered(**fields: Any) -> str:
    """A model's id."""
    entry = {"name": "Tutor", "provider": "openai", "model": MODEL, "api_key": API_KEY, **fields}
    form = await genai.save_model(SYSTEM, None, None, {key: str(value) for key, value in entry.items()})
    return str(form.id)


async def test_a_model_is_registered_and_the_page_becomes_its_own(tab: Tab) -> None:
    values = await opened(tab)
    assert (values["version"], values["supports_tools"], values["total_timeout"]) == ("", "true", "")
    told = await form(tab, "save", values=values | {"name": "Tutor", "provider": "ollama", "model": "m"})
    (model,), _ = await genai.list_models(SYSTEM)
    assert told.redirect == f"/admin/models/{model.id}"
    assert told["model_form_state.stored"]
    assert told["model_form_state.saving"] is False
    values = await opened(tab, str(model.id))
    told = await form(tab, "save", values=values | {"model": "m2"})
    assert told.redirect == ""
    assert told["model_form_state.values"]["version"] == "2"


async def test_what_is_wrong_is_told_at_its_field(tab: Tab) -> None:
    values = await opened(tab)
    told = await form(tab, "save", values=values | {"url_template": "nowhere", "total_timeout": "0"})
    assert told["model_form_state.errors"] == {
        "name": "This can't be empty.",
        "provider": "This can't be empty.",
        "model": "This can't be empty.",
        "url_template": "Must start with http:// or https:// and name a host.",
        "total_timeout": "More than 0.",
    }
    assert told["model_form_state.saving"] is False
    assert told["model_form_state.stored"] is None
    assert await genai.list_models(SYSTEM) == ([], False)


async def test_a_second_tab_conflicts_and_can_show_the_newest(tab: Tab) -> None:
    model = await registered()
    mine = await opened(tab, model)
    await form(tab, "save", values=mine | {"model": "theirs"})
    told = await form(tab, "save", values=mine | {"model": "mine"})
    assert "Somebody else changed this model" in told["model_form_state.errors"]["conflict"]
    told = await form(tab, "reload")
    assert told["model_form_state.values"]["model"] == "theirs"
    assert told["model_form_state.errors"] == {}
    assert told["model_form_state.stored"]


async def test_loading_the_page_again_leaves_what_is_typed_alone(tab: Tab) -> None:
    model = await registered()
    await opened(tab, model)
    told = await tab.load(FORM, model=model)
    assert told["model_form_state.stored"] in {None, ""}
    assert told["model_form_state.loading"] in {None, False}


async def test_no_key_is_ever_sent_to_a_tab(tab: Tab) -> None:
    async with Replay(openai_answer(f"Is it {API_KEY}?"), openai_error(401, f"Wrong key {NEW_KEY}")) as replay:
        model = await registered(url_template=f"{replay.url}/v1")
        values = await opened(tab, model)
        wire = [
            str(values),
            (await tab.load(LIST)).wire,
            (await form(tab, "test", values=values)).wire,
            (await form(tab, "test", values=values | {"api_key": NEW_KEY})).wire,
            (await form(tab, "save", values=values | {"api_key": NEW_KEY, "api_key_change": "replace"})).wire,
            (await form(tab, "save", values=values | {"name": "", "api_key": NEW_KEY})).wire,
            (await form(tab, "reload")).wire,
            str(await tab.state()),
        ]
    for sent in wire:
        assert API_KEY not in sent
        assert NEW_KEY not in sent
    assert "ends in …6789" in wire[4]


async def test_a_test_shows_what_came_and_leaves_the_form_unsaved(tab: Tab) -> None:
    async with Replay(openai_answer("Hello.", model="other"), openai_error(404, "no such model")) as replay:
        values = await opened(tab)
        typed = values | {"name": "T", "provider": "openai", "model": "m", "url_template": f"{replay.url}/v1"}
        told = await form(tab, "test", values=typed)
        trial = told["model_form_state.trial"]
        assert (trial["tone"], trial["answer"]) == ("warn", "Hello.")
        assert "“other” answered, not the pinned “m”" in trial["drift"]
        figures = {figure["label"]: figure["text"] for figure in trial["figures"]}
        assert figures["First token"].endswith(" ms")
        assert figures["Tokens"] == "11 in, 1 out"
        assert figures["Cost"] == "unpriced"
        trial = (await form(tab, "test", values=typed))["model_form_state.trial"]
        assert (trial["tone"], trial["title"]) == ("bad", "AuthenticationFailed (HTTP 404)")
        assert "no such model" in trial["detail"]
    assert told["model_form_state.testing"] is False
    assert await genai.list_models(SYSTEM) == ([], False)


async def test_a_form_is_about_its_own_model_whatever_the_tab_shows_by_now(tab: Tab) -> None:
    one, other = await registered(), await registered(name="Other")
    values = await opened(tab, one)
    await opened(tab, other)
    told = await form(tab, "save", values=values | {"model": "changed"})
    assert told["model_form_state.values"] is None
    models, _ = await genai.list_models(SYSTEM)
    assert {str(model.id): model.model for model in models} == {one: "changed", other: MODEL}


async def test_a_wrong_form_is_not_tested(tab: Tab) -> None:
    told = await form(tab, "test", values=await opened(tab))
    assert "name" in told["model_form_state.errors"]
    assert told["model_form_state.trial"]["title"] == "Nothing was asked"


async def test_a_model_in_use_stays_and_says_where(tab: Tab) -> None:
    model = await registered()
    await store(service_configs=[{"name": "Lessons", "primary_model": "Tutor"}])
    await opened(tab, model)
    told = await form(tab, "delete", model_id=model)
    assert told["model_form_state.errors"] == {"form": "Used by 1 service config: Lessons. Disable it instead."}
    assert told.redirect == ""
    await store(models=[{"name": "Other", "provider": "null", "model": "null"}])
    await store(service_configs=[{"name": "Lessons", "primary_model": "Other"}])
    assert (await form(tab, "delete", model_id=model)).redirect == LIST


async def test_the_list_shows_where_models_are_used_and_switches_them(tab: Tab) -> None:
    model = await registered()
    await store(service_configs=[{"name": "Lessons", "primary_model": "Tutor"}])
    (item,) = (await tab.load(LIST))["models_state.models"]
    assert (item["href"], item["key"]) == (f"{LIST}/{model}", "set, ends in …cdef")
    assert [use["name"] for use in item["used_by"]] == ["Lessons"]
    switch = event(ModelsState, "switch")
    told = await tab.send(switch, model_id=model, version=item["version"], enabled=False)
    assert told["models_state.models"][0]["enabled"] is False
    told = await tab.send(switch, model_id=model, version=item["version"], enabled=True)
    assert "Somebody else changed this model" in told.refusal


async def test_limits_of_a_provider_are_saved_and_conflict(tab: Tab) -> None:
    await tab.load(LIST)
    save = event(ModelsState, "save_limits")
    values = {"provider": "openai", "version": "0", "max_concurrent": "4"}
    told = await tab.send(save, values=values)
    assert told["models_state.limits"][0]["values"]["version"] == "1"
    told = await tab.send(save, values=values)
    assert "Somebody else changed these limits" in told["models_state.limits"][0]["errors"]["conflict"]
    told = await tab.send(event(ModelsState, "reload_limits"), provider="openai")
    assert told["models_state.limits"][0]["values"]["max_concurrent"] == "4"
    told = await tab.send(save, values=values | {"version": "1", "max_concurrent": "none"})
    assert told["models_state.limits"][0]["errors"] == {"max_concurrent": "Give a whole number."}


EVENTS: dict[type[Session], dict[str, tuple[str, ...]]] = {
    ModelsState: {
        "search_for": ("text",),
        "choose_provider": ("provider",),
        "choose_condition": ("condition",),
        "choose_order": ("order",),
        "switch": ("model_id", "version", "enabled"),
        "save_limits": ("values",),
        "reload_limits": ("provider",),
    },
    ModelFormState: {"save": ("values",), "test": ("values",), "delete": ("model_id",)},
}


@pytest.mark.parametrize("state", list(EVENTS), ids=lambda state: state.__name__)
async def test_nonsense_of_any_type_is_answered_in_words(tab: Tab, state: type[Session]) -> None:
    await opened(tab)
    with capture_logs() as logs:
        for handler, parameters in EVENTS[state].items():
            for nonsense in NONSENSE:
                await tab.send(event(state, handler), **dict.fromkeys(parameters, nonsense))
                if parameters == ("values",):
                    await tab.send(event(state, handler), values={"name": nonsense, "version": nonsense})
    assert not [log for log in logs if log["event"] == "event_crashed"]
    assert (await tab.load(LIST))["session.problem"] == ""


@pytest.mark.parametrize("model", ["nonsense", "'", "e560220a-f8db-46a9-9824-4211f1d21717", "new "])
async def test_a_model_that_is_not_there_is_said_so(tab: Tab, model: str) -> None:
    told = await tab.load(FORM, model=model)
    assert told.refusal
