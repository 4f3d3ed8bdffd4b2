"""Everything by keyboard, and the focus where a person expects it."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.app import PASSWORD
from tests.e2e.visitor import CHEMISTRY, Tutor, Visitor

Visit = Callable[..., Visitor]
NAME = "() => (document.activeElement.ariaLabel || document.activeElement.innerText || '').trim()"


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    for _ in range(60):
        page.keyboard.press(key)
        if re.search(name, page.evaluate(NAME)):
            return
    raise AssertionError(f"{key} doesn't lead to {name}")


def test_from_the_sign_in_page_to_a_stopped_answer(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    page.goto("/login")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type("chiara@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    tab_to(page, "General chemistry")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Start reading")).to_be_visible()
    tab_to(page, "^The mole")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The mole", level=1)).to_be_visible()
    tutor = Tutor(page)
    expect(tutor.composer).to_be_enabled()
    page.keyboard.press("/")
    expect(tutor.composer).to_be_focused()
    page.keyboard.type("endless")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("please")
    page.keyboard.press("Enter")
    tutor.hears("more3")
    page.keyboard.press("Escape")
    expect(tutor.answer.get_by_text("Stopped")).to_be_visible()
    expect(tutor.composer).to_be_focused()


def test_the_account_menu_opens_and_closes(ada: Visitor) -> None:
    ada.goes("/")
    button = ada.page.get_by_role("button", name="Account of Ada Byrne")
    expect(button).to_be_visible()
    tab_to(ada.page, "Account of")
    ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("link", name="Account", exact=True)).to_be_visible()
    ada.page.keyboard.press("Tab")
    expect(ada.page.get_by_role("link", name="Account", exact=True)).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_role("link", name="Account", exact=True)).to_be_hidden()
    expect(button).to_be_focused()


def test_the_tutors_sheet_takes_the_focus_and_gives_it_back(visit: Visit) -> None:
    visitor = visit("ada", phone=True)
    visitor.goes(CHEMISTRY)
    handle = visitor.page.get_by_role("button", name="Ask the tutor")
    handle.press("Enter")
    dialog = visitor.page.get_by_role("dialog", name="Tutor")
    expect(dialog).to_be_focused()
    for _ in range(25):
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("() => document.activeElement.closest('[role=dialog], body').role !== null") or (
            visitor.page.evaluate("() => document.activeElement === document.body")
        )
    visitor.page.keyboard.press("Shift+Tab")
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(handle).to_be_focused()


def test_a_new_conversation_is_ready_to_be_written(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("hello")
    tutor.hears_out()
    ada.page.get_by_role("button", name="New conversation").press("Enter")
    expect(tutor.composer).to_be_focused()
    expect(tutor.answers).to_have_count(0)
