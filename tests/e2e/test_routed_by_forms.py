"""From an administrator's forms to a student's answer: models, a chain, an override, and a primary that dies."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.app import App
from tests.e2e.script import Served
from tests.e2e.test_models import is_saved, save
from tests.e2e.test_service_configs import add_model, opened, settled
from tests.e2e.visitor import CHEMISTRY, Visitor
from tests.support.replay import API_KEY, Received
from tests.support.replay_answers import MODEL, Answer, openai_answer

Visit = Callable[..., Visitor]
FIRST, SECOND, CHAIN = "Course model", "Stand-in", "Evening chain"
EVENING = "/s/chemistry-evening/l/the-mole"
LONG = " ".join(f"first{number}" for number in range(1, 200))


def first(request: Received) -> Answer:
    """What the primary says: shortly who it is, or at length."""
    at_length = "count" in request.json["messages"][-1]["content"]
    return openai_answer(LONG).pace(20) if at_length else openai_answer("The course model speaks.")


@pytest.fixture
def primary() -> Iterator[Served]:
    with Served(first) as served:
        yield served


@pytest.fixture
def stand_in() -> Iterator[Served]:
    with Served(openai_answer("The stand-in says it all.")) as served:
        yield served


@pytest.fixture
def pia(app: App, visit: Visit) -> Iterator[Visitor]:
    """An administrator; what the test made is gone afterwards."""
    yield visit("pia")
    chain = "SELECT id FROM service_configs WHERE name = %s"
    app.sql(f"DELETE FROM feature_configs WHERE config_id IN ({chain})", CHAIN)
    app.sql("DELETE FROM service_configs WHERE name = %s", CHAIN)
    for name in (FIRST, SECOND):
        app.sql("DELETE FROM registered_models WHERE name = %s", name)


def register(page: Page, name: str, served: Served, says: str) -> None:
    """Register a model by its form, after it passed a test with what isn't saved yet."""
    opened(page, "/admin/models/new", "Register a model")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Provider").select_option("openai")
    page.get_by_label("Pinned version").fill(MODEL)
    page.get_by_label("Base URL").fill(served.url)
    page.get_by_label("API key").fill(API_KEY)
    page.get_by_role("button", name="Test model").click()
    expect(page.get_by_role("region", name="Result of the test")).to_contain_text(says)
    save(page)
    is_saved(page)


def build_chain(page: Page) -> None:
    opened(page, "/admin/services/new", "New service config")
    page.get_by_label("Name").fill(CHAIN)
    add_model(page, FIRST)
    add_model(page, SECOND)
    page.get_by_role("button", name="Save").click()
    settled(page, CHAIN)


def override_in_the_evening(page: Page) -> None:
    opened(page, "/admin/features", "Features")
    tutor = page.get_by_role("region", name="Tutor", exact=True)
    tutor.get_by_role("button", name="Override in a section").click()
    page.keyboard.type("evening chemistry")
    expect(tutor.get_by_role("listbox").get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    tutor.get_by_label("Service config for General chemistry, Evening").select_option(CHAIN)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()


def test_what_forms_decide_is_what_students_get(visit: Visit, pia: Visitor, primary: Served, stand_in: Served) -> None:
    register(pia.page, FIRST, primary, "The course model speaks.")
    register(pia.page, SECOND, stand_in, "The stand-in says it all.")
    build_chain(pia.page)
    override_in_the_evening(pia.page)

    evening, autumn = visit("benjamin"), visit("ada")
    tutor = evening.goes(EVENING).begins_afresh().asks("hello")
    tutor.hears("The course model speaks.")
    other = autumn.goes(CHEMISTRY).begins_afresh().asks("hello")
    other.hears("You said: hello")

    tutor.asks("count, please").hears("first5")
    primary.stop()
    assert tutor.hears_out() == "The stand-in says it all."
    expect(tutor.answer).to_contain_text(f"Answer restarted with {SECOND}")
    expect(tutor.answer).not_to_contain_text("first5")
    evening.page.reload()
    tutor.is_loaded().hears("The stand-in says it all.")
    expect(tutor.answers).to_have_count(2)

    page = opened(pia.page, "/admin/health", "Health")
    expect(page.get_by_role("row", name=re.compile(FIRST))).to_contain_text("ProviderUnavailable")
    page.goto("/admin/models")
    page.get_by_role("row", name=re.compile(FIRST)).get_by_role("link", name=FIRST).click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text(re.compile(f"Used by.*{CHAIN}")).first).to_be_visible()
