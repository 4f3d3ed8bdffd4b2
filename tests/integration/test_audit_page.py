"""The audit page: lines in plain words."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.state.audit import INLINE, AuditState, deed, said
from backend.access import AUDIT_PAGE, AuditEntry
from backend.core.database import transaction
from tests.support.genai import store
from tests.support.school import School, found_school
from tests.support.tab import Tab, Told, running_app


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def tab(school: School) -> AsyncIterator[Tab]:
    async with running_app():
        tab = Tab()
        await tab.connect(school.cookie("administrator"))
        yield tab


async def does(tab: Tab, event: str, **payload: Any) -> Told:
    return await tab.send(f"{AuditState.get_full_name()}.{event}", **payload)


async def test_changes_are_told_in_words(school: School, tab: Tab) -> None:
    model = {"name": "Big", "provider": "openai", "model": "big-1", "api_key": "sk-very-secret"}
    await store(models=[model])
    await store(models=[{**model, "max_concurrent": 4}])
    told = await tab.load("/admin/audit")
    changed, created = told["audit_state.lines"]
    assert (changed["who"], changed["did"], changed["subject"]) == ("The system", "changed the model", "Big")
    assert changed["changes"] == [{"field": "Max concurrent", "before": "nothing", "after": "4"}]
    assert (changed["folded"], created["did"]) == ("", "created the model")
    assert len(created["changes"]) > INLINE
    assert created["folded"] == f"{len(created['changes'])} fields"
    assert {"field": "Api key", "before": "", "after": "set"} in created["changes"]
    assert told["audit_state.kinds"] == [{"value": "model", "label": "Model"}]
    assert "very-secret" not in told.wire


async def test_older_lines_follow_and_searches_begin_anew(tab: Tab) -> None:
    async with transaction() as session:
        session.add_all(
            AuditEntry(action="model.changed" if n % 2 else "provider.changed", subject=f"row {n}")
            for n in range(AUDIT_PAGE + 5)
        )
    told = await tab.load("/admin/audit")
    assert (len(told["audit_state.lines"]), told["audit_state.has_more"]) == (AUDIT_PAGE, True)
    told = await does(tab, "show_older")
    assert (len(told["audit_state.lines"]), told["audit_state.has_more"]) == (AUDIT_PAGE + 5, False)
    told = await does(tab, "choose_kind", kind="provider")
    assert {line["did"] for line in told["audit_state.lines"]} == {"changed the provider"}
    told = await does(tab, "search_for", text="row 10")
    assert [line["subject"] for line in told["audit_state.lines"]] == ["row 10"]
    told = await does(tab, "search_for", text="nothing of the kind")
    assert told["audit_state.lines"] == []


@pytest.mark.parametrize("wrong", [None, 7, ["model"], {"a": 1}, "x" * 10_000, "a\0b"])
async def test_arguments_that_no_page_sends_find_everything_or_nothing(tab: Tab, wrong: Any) -> None:
    await store(models=[{"name": "Big", "provider": "null", "model": "null"}])
    await tab.load("/admin/audit")
    for event, argument in (("search_for", "text"), ("choose_kind", "kind")):
        told = await does(tab, event, **{argument: wrong})
        assert "went wrong" not in told.refusal


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("service_config.created", "created the service config"),
        ("model.taken_out", "took out of service the model"),
        ("model.put_back", "put back into service the model"),
        ("keys_rotated", "keys rotated"),
        ("usage_limits.deleted", "deleted the usage limits"),
        ("jobs.retried", "retried"),
    ],
)
def test_an_action_is_a_deed(action: str, words: str) -> None:
    assert deed(action) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        ("", "nothing"),
        ([], "nothing"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (0.25, "0.25"),
        (["GPT", "Local"], "GPT, Local"),
        ({"a": "é"}, '{"a": "é"}'),
    ],
)
def test_a_value_is_said_as_people_read_it(value: Any, words: str) -> None:
    assert said(value) == words
