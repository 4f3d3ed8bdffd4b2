"""The administrators' models: register, test, save, and what is refused, in a browser."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.app import App
from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import Visitor
from tests.support.replay import API_KEY
from tests.support.replay_answers import MODEL

Visit = Callable[..., Visitor]
NAMES = ("E2E tutor", "E2E tutor, renamed", "E2E by keyboard")


@pytest.fixture
def pia(app: App, visit: Visit) -> Iterator[Visitor]:
    """An administrator; what the test registers is gone afterwards."""
    yield visit("pia")
    for name in NAMES:
        app.sql("DELETE FROM registered_models WHERE name = %s", name)
    app.sql("DELETE FROM providers")


def address_of_replay(page: Page) -> str:
    """Where the model “replay” is asked, which answers these tests too."""
    page.goto("/admin/models")
    page.get_by_role("link", name="replay", exact=True).first.click()
    url = page.get_by_label("Base URL")
    expect(url).not_to_have_value("")
    return url.input_value()


def begin(page: Page, name: str = NAMES[0]) -> None:
    """Fill in a new model that the replay server answers."""
    address = address_of_replay(page)
    page.goto("/admin/models")
    page.get_by_role("link", name="Register a model").click()
    expect(page.get_by_role("heading", name="Register a model")).to_be_visible()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Provider").select_option("openai")
    page.get_by_label("Pinned version").fill(MODEL)
    page.get_by_label("Base URL").fill(address)
    page.get_by_label("API key").fill(API_KEY)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def is_saved(page: Page) -> None:
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()


def test_a_model_is_tested_registered_changed_and_deleted(pia: Visitor) -> None:
    page = pia.page
    begin(page)
    page.get_by_role("button", name="Test model").click()
    result = page.get_by_role("region", name="Result of the test")
    expect(result).to_contain_text("It works")
    expect(result).to_contain_text("You said: Say hello")
    expect(result).to_contain_text("unpriced")
    save(page)
    is_saved(page)
    expect(page).to_have_url(re.compile(r"/admin/models/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", name=NAMES[0], level=1)).to_be_visible()
    expect(page.get_by_text("set, ends in …cdef")).to_be_visible()

    page.get_by_label("Name", exact=True).fill(NAMES[1])
    expect(page.get_by_text("Unsaved changes")).to_be_visible()
    save(page)
    expect(page.get_by_role("heading", name=NAMES[1], level=1)).to_be_visible()
    expect(page).to_have_title(f"{NAMES[1]} · Models · Stoa")

    page.get_by_role("link", name="Cancel").click()
    row = page.get_by_role("row", name=re.compile(NAMES[1]))
    expect(row).to_contain_text("nothing yet")
    switch = row.get_by_role("switch")
    switch.click()
    expect(switch).not_to_be_checked()

    row.get_by_role("link", name=NAMES[1]).click()
    expect(page.get_by_label("Enabled")).not_to_be_checked()
    page.get_by_role("button", name="Delete").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page).to_have_url(re.compile("/admin/models$"))
    expect(page.get_by_role("link", name=NAMES[1])).to_have_count(0)
    assert API_KEY not in "".join(pia.heard)


def test_errors_stand_at_their_fields_and_what_was_typed_stays(pia: Visitor) -> None:
    page = pia.page
    begin(page)
    page.get_by_label("Name", exact=True).fill("replay")
    page.get_by_label("Base URL").fill("replay:8000")
    page.get_by_label("Between tokens").fill("soon")
    save(page)
    url, stall = page.get_by_label("Base URL"), page.get_by_label("Between tokens")
    expect(url).to_be_focused()
    expect(url).to_have_accessible_description(re.compile("Must start with http://"))
    expect(stall).to_have_accessible_description("Give a number.")
    expect(url).to_have_value("replay:8000")
    expect(page.get_by_label("API key")).to_have_value(API_KEY)
    url.fill("http://127.0.0.1:9")
    expect(page.get_by_text("Must start with http://")).to_have_count(0)
    stall.fill("9")
    save(page)
    name = page.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description(re.compile("There is another model named “replay”"))


def test_what_is_not_saved_is_not_left_by_accident(pia: Visitor) -> None:
    page = pia.page
    begin(page)
    page.get_by_role("link", name="Audit").click()
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    expect(dialog.get_by_role("button", name="Stay")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Name", exact=True)).to_have_value(NAMES[0])
    page.get_by_role("link", name="Cancel").click()
    dialog.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    page.get_by_role("link", name="Register a model").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("")


def test_the_second_of_two_tabs_is_told_and_can_take_the_newest(pia: Visitor) -> None:
    page = pia.page
    begin(page)
    save(page)
    is_saved(page)
    other = pia.context.new_page()
    other.goto(page.url)
    expect(other.get_by_label("Pinned version")).to_have_value(MODEL)
    other.get_by_label("Pinned version").fill("theirs")
    save(other)
    is_saved(other)
    page.get_by_label("Pinned version").fill("mine")
    save(page)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Somebody else changed this model")
    expect(page.get_by_label("Pinned version")).to_have_value("mine")
    alert.get_by_role("button", name="Drop my changes").click()
    expect(page.get_by_label("Pinned version")).to_have_value("theirs")
    expect(alert).to_have_count(0)


def test_a_model_in_use_is_not_deleted_and_says_by_whom_it_is_used(pia: Visitor) -> None:
    page = pia.page
    address_of_replay(page)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("alert")).to_contain_text("Used by 1 service config: replay. Disable it instead.")
    expect(page.get_by_role("heading", name="replay", level=1)).to_be_visible()


def test_a_kept_key_does_not_go_to_another_address(pia: Visitor) -> None:
    page = pia.page
    begin(page)
    save(page)
    is_saved(page)
    page.get_by_label("Base URL").fill("https://elsewhere.example/v1")
    save(page)
    key = page.get_by_label("API key")
    expect(key).to_be_focused()
    expect(key).to_have_accessible_description(re.compile("Enter the key again"))


def test_a_model_is_registered_by_keyboard_alone(pia: Visitor) -> None:
    page = pia.page
    page.goto("/admin/models/new")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type(NAMES[2])
    page.keyboard.press("Tab")
    page.keyboard.type("Ollama")
    page.keyboard.press("Tab")
    page.keyboard.type("llama")
    page.keyboard.press("Enter")
    is_saved(page)


def test_limits_of_a_provider_are_saved(pia: Visitor) -> None:
    page = pia.page
    page.goto("/admin/models")
    limits = page.get_by_role("form", name="Limits of Anthropic")
    most = limits.get_by_label("Answers at once")
    expect(limits.get_by_role("button", name="Save")).to_be_disabled()
    most.fill("none")
    limits.get_by_role("button", name="Save").click()
    expect(most).to_have_accessible_description("Give a whole number.")
    most.fill("12")
    limits.get_by_role("button", name="Save").click()
    expect(limits.get_by_role("button", name="Save")).to_be_disabled()
    page.reload()
    expect(most).to_have_value("12")


def test_a_student_sees_no_models(ada: Visitor) -> None:
    for path in ("/admin/models", "/admin/models/new"):
        ada.page.goto(path)
        expect(ada.page.get_by_role("alert")).to_contain_text("You don't have access to this.")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_models_pages_are_accessible_and_fit(visit: Visit, phone: bool, dark: bool) -> None:
    page = visit("pia", phone=phone, dark=dark).page
    page.goto("/admin/models")
    expect(page.get_by_role("link", name="replay", exact=True).first).to_be_visible()
    faults = faults_of(page, "the list")
    page.get_by_role("searchbox").fill("nonesuch")
    expect(page.get_by_text("No model fits")).to_be_visible()
    faults += faults_of(page, "an empty list")
    page.goto("/admin/models/new")
    page.get_by_label("Base URL").fill("nowhere")
    save(page)
    expect(page.get_by_label("Base URL")).to_have_accessible_description(re.compile("Must start"))
    faults += faults_of(page, "a form with errors")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    faults += faults_of(page, "the question")
    page.get_by_role("button", name="Leave").click()
    page.get_by_role("searchbox").fill("")
    page.get_by_role("link", name="replay", exact=True).first.click()
    page.get_by_role("button", name="Test model").click()
    expect(page.get_by_text("It works")).to_be_visible()
    faults += faults_of(page, "a form with a test")
    page.get_by_role("button", name="Replace").first.click()
    faults += faults_of(page, "a form with a key being replaced")
    assert not faults, "\n".join(faults)
