"""Every page: what it says to whom, that nothing scrolls sideways, and that axe-core finds no violation."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.visitor import CHEMISTRY, Visitor

Visit = Callable[..., Visitor]
SIDEWAYS = "() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
PAGES = {
    "/": "My courses",
    "/s/chemistry-autumn": "General chemistry",
    CHEMISTRY: "The mole",
    "/s/chemistry-autumn/l/problem-set-stoichiometry": "Problem set: stoichiometry",
    "/s/chemistry-autumn/chat": "New conversation",
    "/account": "Ada Byrne",
    "/nowhere": "There is nothing here",
    "/s/nowhere": "This page can’t be shown",
}


@pytest.mark.parametrize(
    ("who", "says"),
    [("farid", "assistant"), ("katya", "instructor"), ("pia", "administrator")],
)
def test_home_says_what_one_is_in_each_section(visit: Visit, who: str, says: str) -> None:
    visitor = visit(who)
    visitor.goes("/")
    expect(visitor.page.get_by_role("link", name=re.compile(f"General chemistry.*{says}")).first).to_be_visible()


def test_staff_and_administrators_can_read_lessons(visit: Visit) -> None:
    for who in ("farid", "katya", "pia"):
        visitor = visit(who)
        tutor = visitor.goes(CHEMISTRY)
        expect(visitor.page.get_by_role("heading", name="The mole", level=1)).to_be_visible()
        if who == "pia":
            expect(tutor.composer).to_be_disabled()
            expect(visitor.page.get_by_text("Administrators read along")).to_be_visible()
        else:
            expect(tutor.composer).to_be_enabled()


def test_a_section_that_one_is_not_in_is_not_there(visit: Visit) -> None:
    visitor = visit("benjamin")
    visitor.goes("/s/python-autumn/l/loops-that-count")
    expect(visitor.page.get_by_role("alert")).to_contain_text("you ")
    visitor.page.get_by_role("link", name="Go to my courses").click()
    expect(visitor.page.get_by_role("heading", name="My courses")).to_be_visible()


def test_titles_say_where_one_is(ada: Visitor) -> None:
    ada.goes("/s/chemistry-autumn")
    expect(ada.page).to_have_title("Autumn · General chemistry · Stoa")
    ada.page.get_by_role("link", name="The mole").click()
    expect(ada.page).to_have_title("The mole · General chemistry · Stoa")
    expect(ada.page.locator("#content")).to_be_focused()


def test_the_theme_follows_the_person(visit: Visit) -> None:
    visitor = visit("hugo")
    visitor.goes("/account")
    visitor.page.get_by_label("Dark").click()
    expect(visitor.page.locator("html")).to_have_class(re.compile("dark"))
    elsewhere = visit("hugo")
    elsewhere.goes("/")
    expect(elsewhere.page.locator("html")).to_have_class(re.compile("dark"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_every_page_is_accessible_and_fits(visit: Visit, phone: bool, dark: bool) -> None:
    visitor = visit(phone=phone, dark=dark)
    visitor.expects("404")
    page = visitor.page
    faults: list[str] = []
    page.goto("/login?problem=wrong_password")
    expect(page.get_by_role("alert")).to_be_visible()
    faults += faults_of(page, "/login")
    visitor.sign_in_quietly("ada")
    for path, heading in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_attached()
        page.wait_for_function("() => document.querySelector('.skeleton, .stoa-skeleton') === null")
        faults += faults_of(page, path)
    page.goto(CHEMISTRY)
    expect(page.get_by_role("heading", name="The mole", level=1)).to_be_visible()
    if phone:
        page.get_by_role("button", name="Ask the tutor").tap()
    visit_conversation(page)
    faults += faults_of(page, "a conversation")
    page.goto("/s/chemistry-autumn/chat")
    if phone:
        page.get_by_role("button", name="Conversations").tap()
    expect(page.get_by_role("link", name=re.compile("^markdown")).first).to_be_visible()
    page.get_by_role("button", name="Actions for markdown").first.click()
    faults += faults_of(page, "the history")
    page.goto("/")
    page.get_by_role("button", name="Account of Ada Byrne").click()
    faults += faults_of(page, "the account menu")
    assert not faults, "\n".join(faults)


def visit_conversation(page: Page) -> None:
    composer = page.get_by_role("textbox", name="Message")
    expect(composer).to_be_enabled()
    composer.fill("markdown, and averyveryverylongwordthatnevereverends" + "x" * 120)
    composer.press("Enter")
    expect(page.locator(".stoa-answer").last.locator(".katex")).to_have_count(2)
    expect(page.get_by_role("button", name="Regenerate")).to_be_visible()
    page.get_by_role("button", name="Not helpful").last.click()


def faults_of(page: Page, what: str) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    faults = [f"{what}: {each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]
    sideways = page.evaluate(SIDEWAYS)
    return [*faults, f"{what} scrolls sideways by {sideways} px"] if sideways else faults
