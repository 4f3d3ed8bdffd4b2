"""The administrators' pages of service configs and features, by mouse and by keyboard alone."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import Visitor

Visit = Callable[..., Visitor]
MOST_TABS = 60


@pytest.fixture
def pia(visit: Visit) -> Visitor:
    """An administrator, signed in."""
    return visit("pia")


def opened(page: Page, path: str, heading: str) -> Page:
    page.goto(path)
    return settled(page, heading)


def settled(page: Page, heading: str) -> Page:
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    page.wait_for_function("() => document.querySelector('.skeleton') === null")
    return page


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until `target` has the focus."""
    for _ in range(MOST_TABS):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab never reaches {target}")


def add_model(page: Page, name: str) -> None:
    page.get_by_label("Add a model").select_option(name)
    page.get_by_role("button", name="Add", exact=True).click()


def make_config(page: Page, name: str, *models: str) -> str:
    """Make a service config by mouse; its address."""
    opened(page, "/admin/services/new", "New service config")
    page.get_by_label("Name").fill(name)
    for model in models:
        add_model(page, model)
    page.get_by_role("button", name="Save").click()
    settled(page, name)
    expect(page).to_have_url(re.compile("/admin/services/[0-9a-f-]{36}$"))
    return page.url


def chain_on(page: Page) -> list[str]:
    return page.locator(".chain [data-model] .chain-model .title").all_inner_texts()


@pytest.fixture
def config(pia: Visitor) -> Iterator[str]:
    """The address of a service config of two models that nothing uses; deleted afterwards if it is still there."""
    address = make_config(pia.page, "Two models", "replay", "local")
    yield address
    delete(pia.page, address)


def delete(page: Page, address: str) -> None:
    page.goto("about:blank")  # whatever was typed there is let go
    page.goto(address)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    settled(page, "Service configs")
    expect(page.get_by_role("link", name="Two models")).to_have_count(0)


def test_a_chain_is_built_reordered_and_saved_by_keyboard_alone(pia: Visitor) -> None:
    page = opened(pia.page, "/admin/services", "Service configs")
    tab_to(page, page.get_by_role("link", name="New service config"))
    page.keyboard.press("Enter")
    settled(page, "New service config")
    tab_to(page, page.get_by_label("Name"))
    page.keyboard.type("By keyboard")
    for name in ("local", "replay"):
        tab_to(page, page.get_by_label("Add a model"))
        page.keyboard.type(name)
        tab_to(page, page.get_by_role("button", name="Add", exact=True))
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text=f"{name} added")).to_be_attached()
    up = page.get_by_role("button", name="Move up replay")
    tab_to(page, up, "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="replay is now number 1 of 2, primary.")).to_be_attached()
    expect(up).to_be_focused()
    assert chain_on(page) == ["replay", "local"]
    role = page.get_by_label("Role of local")
    tab_to(page, role)
    page.keyboard.type("Backup")
    expect(role).to_have_value("backup")
    tab_to(page, page.get_by_role("button", name="Save"))
    page.keyboard.press("Enter")
    settled(page, "By keyboard")
    page.reload()
    settled(page, "By keyboard")
    assert chain_on(page) == ["replay", "local"]
    expect(page.get_by_label("Role of local")).to_have_value("backup")
    remove = page.get_by_role("button", name="Delete", exact=True)
    tab_to(page, remove)
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True), "Shift+Tab")
    page.keyboard.press("Enter")
    settled(page, "Service configs")
    expect(page.get_by_role("link", name="By keyboard")).to_have_count(0)


def test_a_model_is_dragged_by_the_mouse(pia: Visitor, config: str) -> None:
    page = pia.page
    rows = page.locator(".chain [data-model]")
    rows.nth(1).locator(".grip").drag_to(rows.nth(0))
    expect(rows.nth(0)).to_contain_text("local")
    expect(rows.nth(0)).to_contain_text("Primary")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.goto(config)
    settled(page, "Two models")
    assert chain_on(page) == ["local", "replay"]


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(pia: Visitor) -> None:
    page = opened(pia.page, "/admin/services/new", "New service config")
    page.get_by_label("Temperature").fill("7")
    page.get_by_label("Monthly budget").fill("-1")
    page.get_by_role("button", name="Save").click()
    for label, sentence in (
        ("Name", "This can't be empty."),
        ("Temperature", "At most 2."),
        ("Monthly budget", "More than 0."),
    ):
        expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label(label)).to_have_accessible_description(re.compile(f"^{re.escape(sentence)}"))
    expect(page.get_by_role("group", name="Models, in the order")).to_contain_text(
        "Add at least one model: the primary."
    )
    expect(page.get_by_label("Temperature")).to_have_value("7")
    expect(page.get_by_role("button", name="Save")).to_be_enabled()


def test_of_two_tabs_the_second_to_save_is_told_and_shown_the_newest(pia: Visitor, config: str) -> None:
    first, second = pia.page, pia.context.new_page()
    opened(second, config, "Two models")
    first.get_by_label("Temperature").fill("0.25")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("button", name="Save")).to_be_disabled()
    second.get_by_role("button", name="Remove local").click()
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Somebody else changed this service config")
    assert chain_on(second) == ["replay"]
    second.get_by_role("button", name="Drop my changes and show the newest").click()
    expect(second.get_by_label("Temperature")).to_have_value("0.25")
    assert chain_on(second) == ["replay", "local"]
    expect(second.get_by_role("alert")).to_have_count(0)
    second.close()


def test_nobody_leaves_unsaved_changes_by_accident(pia: Visitor, config: str) -> None:
    page = pia.page
    page.get_by_role("button", name="Move up local").click()
    page.get_by_role("link", name="Features").click()
    page.get_by_role("dialog").get_by_role("button", name="Stay").click()
    assert chain_on(page) == ["local", "replay"]
    page.get_by_role("link", name="Features").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    settled(page, "Features")
    opened(page, config, "Two models")
    assert chain_on(page) == ["replay", "local"]


def test_what_is_used_says_where_and_offers_no_deletion(pia: Visitor) -> None:
    page = opened(pia.page, "/admin/services", "Service configs")
    page.get_by_label("Search").fill("defau")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Default").click()
    settled(page, "Default")
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_disabled()
    page.get_by_role("complementary").get_by_role("link", name="Tutor (default)").click()
    settled(page, "Features")
    expect(page).to_have_url(re.compile("#student_dialogue$"))


def test_the_list_is_searched_sorted_and_filtered(pia: Visitor, config: str) -> None:
    page = opened(pia.page, "/admin/services", "Service configs")
    rows = page.locator("tbody tr")
    page.get_by_label("Show").select_option("unused")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Two models")
    page.get_by_label("Show").select_option("all")
    page.get_by_role("button", name="Used by").click()
    expect(page.get_by_role("columnheader", name="Used by")).to_have_attribute("aria-sort", "descending")
    expect(rows.last).to_contain_text("Two models")
    page.get_by_label("Search").fill("nothing is called so")
    expect(page.get_by_text("No service config is like that.")).to_be_visible()


def test_an_override_is_added_by_searching_and_removed_again(pia: Visitor) -> None:
    page = opened(pia.page, "/admin/features", "Features")
    tutor = page.get_by_role("region", name="Tutor", exact=True)
    tutor.get_by_role("button", name="Override in a section").click()
    page.keyboard.type("evening")
    expect(tutor.get_by_role("listbox").get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(tutor.get_by_role("listbox").get_by_role("option", selected=True)).to_contain_text("Introductory Python")
    page.keyboard.press("Enter")
    chosen = tutor.get_by_label("Service config for Introductory Python, Evening")
    expect(chosen).to_be_focused()
    page.get_by_role("button", name="Save").click()
    expect(chosen).to_have_accessible_description(re.compile("Choose a service config, or remove this override."))
    chosen.select_option("replay")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()

    look_up(page, "evening python")
    served = page.get_by_role("complementary")
    expect(served.locator(".served > div").first).to_contain_text("replay")
    expect(served.get_by_text("override", exact=True)).to_have_count(1)

    page.reload()
    settled(page, "Features")
    expect(chosen.locator("option:checked")).to_have_text("replay")
    tutor.get_by_role("button", name="Remove for Introductory Python, Evening").click()
    expect(tutor).to_contain_text("The default will serve here again when you save.")
    page.get_by_role("button", name="Save").click()
    expect(tutor.get_by_text("python-evening")).to_have_count(0)
    look_up(page, "evening python")
    expect(served.locator(".served > div").first).to_contain_text("Default")
    expect(served.get_by_text("override", exact=True)).to_have_count(0)


def look_up(page: Page, text: str) -> None:
    page.get_by_role("combobox", name="Section").fill(text)
    expect(page.get_by_role("complementary").get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")


def test_two_tabs_that_change_one_default_do_not_overwrite_each_other(pia: Visitor) -> None:
    first, second = opened(pia.page, "/admin/features", "Features"), pia.context.new_page()
    opened(second, "/admin/features", "Features")
    drafts = [page.get_by_role("region", name="E-mail drafts").get_by_label("By default") for page in (first, second)]
    drafts[0].select_option("Authoring and grading")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("button", name="Save")).to_be_disabled()
    drafts[1].select_option("replay")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Somebody else changed E-mail drafts (default)")
    second.get_by_role("button", name="Drop my changes and show the newest").click()
    expect(drafts[1].locator("option:checked")).to_have_text("Authoring and grading")
    drafts[1].select_option("Default")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("button", name="Save")).to_be_disabled()
    second.close()


def test_people_who_are_no_administrators_are_shown_nothing(visit: Visit) -> None:
    page = visit("katya").page
    for path in ("/admin/services", "/admin/services/new", "/admin/features"):
        page.goto(path)
        expect(page.get_by_role("alert")).to_contain_text("You don't have access to this.")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_every_page_is_accessible_and_fits(visit: Visit, phone: bool, dark: bool) -> None:
    page = visit("pia", phone=phone, dark=dark).page
    opened(page, "/admin/services", "Service configs")
    faults = faults_of(page, "the list")
    opened(page, "/admin/services/new", "New service config")
    faults += faults_of(page, "a blank form")
    add_model(page, "local")
    add_model(page, "replay")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This can't be empty.")).to_be_visible()
    faults += faults_of(page, "the form with an error")
    page.get_by_role("link", name="Features").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    faults += faults_of(page, "the question before leaving")
    page.get_by_role("button", name="Leave").click()
    settled(page, "Features")
    page.get_by_role("region", name="Tutor", exact=True).get_by_role("button", name="Override in a section").click()
    page.keyboard.type("python")
    expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(2)
    faults += faults_of(page, "features with a list of sections")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Service config for Introductory Python, Autumn")).to_be_visible()
    faults += faults_of(page, "features with a new override")
    assert not faults, "\n".join(faults)


def test_a_short_message_isnt_shown_again_by_the_next_page(pia: Visitor, config: str) -> None:
    page = pia.page
    page.goto(config)
    settled(page, "Two models")
    page.get_by_label("Name", exact=True).fill("Two models, renamed")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_have_count(1)
    opened(page, "/admin/features", "Features")
    expect(page.locator(".toast")).to_have_count(0)
    page.goto(config)
    settled(page, "Two models, renamed")
    page.get_by_label("Name", exact=True).fill("Two models")
    page.get_by_role("button", name="Save").click()
    settled(page, "Two models")
