"""The tutor on a page of its own: conversations with addresses, found, renamed and deleted."""

import json
import re
from collections.abc import Callable
from zipfile import ZipFile

from playwright.sync_api import Locator, expect

from tests.e2e.visitor import Tutor, Visitor

Visit = Callable[..., Visitor]
CHAT = "/s/chemistry-autumn/chat"
ADDRESS = re.compile(r"/chat/[0-9a-f-]{36}$")


def converse(visitor: Visitor, question: str) -> Tutor:
    tutor = visitor.goes(CHAT).asks(question)
    tutor.hears_out()
    expect(tutor.page).to_have_url(ADDRESS)
    return tutor


def row(tutor: Tutor, title: str) -> Locator:
    return tutor.page.get_by_role("complementary", name="Conversations").get_by_role("listitem").filter(has_text=title)


def act(tutor: Tutor, title: str, action: str) -> None:
    row(tutor, title).hover()
    tutor.page.get_by_role("button", name=f"Actions for {title}").click()
    row(tutor, title).get_by_role("button", name=action).click()


def test_a_conversation_has_an_address_that_keeps_it(ada: Visitor) -> None:
    tutor = converse(ada, "about argon")
    tutor.page.reload()
    expect(tutor.questions).to_contain_text("about argon")
    expect(tutor.page).to_have_title(re.compile("^about argon"))
    expect(row(tutor, "about argon").get_by_role("link")).to_have_attribute("aria-current", "page")
    tutor.page.get_by_role("link", name="New", exact=True).click()
    expect(tutor.questions).to_have_count(0)
    expect(tutor.composer).to_be_focused()
    tutor.page.go_back()
    expect(tutor.questions).to_contain_text("about argon")


def test_a_conversation_is_found_by_what_was_said(ada: Visitor) -> None:
    converse(ada, "about boron")
    tutor = converse(ada, "about carbon")
    search = tutor.page.get_by_role("searchbox")
    search.fill("said: about boron")
    expect(row(tutor, "about carbon")).to_have_count(0)
    expect(row(tutor, "about boron")).to_be_visible()
    search.fill("nobody said this")
    expect(tutor.page.get_by_text("Nothing found")).to_be_visible()
    search.fill("")
    expect(row(tutor, "about carbon")).to_be_visible()


def test_a_conversation_is_renamed(ada: Visitor) -> None:
    tutor = converse(ada, "about dubnium")
    act(tutor, "about dubnium", "Rename")
    title = tutor.page.get_by_role("textbox", name="Title")
    expect(title).to_be_focused()
    title.fill("Element 105")
    title.press("Enter")
    expect(tutor.page.get_by_role("button", name="Actions for Element 105")).to_be_focused()
    tutor.page.reload()
    expect(row(tutor, "Element 105")).to_be_visible()
    expect(tutor.page.get_by_role("heading", name="Element 105", level=1)).to_be_visible()


def test_a_conversation_is_deleted_for_good(ada: Visitor) -> None:
    tutor = converse(ada, "about einsteinium")
    address = tutor.page.url
    act(tutor, "about einsteinium", "Delete")
    tutor.page.get_by_role("button", name="Keep").click()
    expect(tutor.page.get_by_role("button", name="Actions for about einsteinium")).to_be_focused()
    act(tutor, "about einsteinium", "Delete")
    tutor.page.get_by_role("group", name="Delete about einsteinium").get_by_role("button", name="Delete").click()
    expect(row(tutor, "about einsteinium")).to_have_count(0)
    expect(tutor.page).to_have_url(re.compile("/chat$"))
    ada.page.goto(address)
    expect(ada.page.get_by_text("There is no such conversation")).to_be_visible()


def test_another_persons_conversation_is_not_there(visit: Visit, ada: Visitor) -> None:
    address = converse(ada, "about francium").page.url
    for who in ("chiara", "katya", "pia"):
        other = visit(who)
        other.page.goto(address)
        expect(other.page.get_by_text("There is no such conversation")).to_be_visible()
        expect(other.page.locator("body")).not_to_contain_text("francium")
        assert "francium" not in "".join(other.heard)


def test_conversations_are_exported_and_downloaded(ada: Visitor) -> None:
    tutor = converse(ada, "about fluorine")
    page = tutor.page
    page.get_by_role("button", name="Export my conversations").click()
    expect(page.get_by_role("heading", name=re.compile("^Export of conversations"), level=1)).to_be_visible()
    expect(page.locator(".job-said .pill")).to_have_text("Done")
    with page.expect_download() as download:
        page.get_by_role("link", name="conversations.zip").click()
    with ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        listed = json.loads(archive.read("manifest.json"))["conversations"]
        [files] = [each["files"] for each in listed if each["title"] == "about fluorine"]
        assert {each["section"] for each in listed} == {"chemistry-autumn"}
        assert all("about fluorine" in archive.read(name).decode() for name in files)
    page.go_back()
    expect(tutor.questions).to_contain_text("about fluorine")


def test_the_home_page_leads_back_to_a_conversation(ada: Visitor) -> None:
    converse(ada, "about gallium")
    ada.goes("/")
    ada.page.get_by_role("link", name="about gallium").first.click()
    expect(Tutor(ada.page).questions).to_contain_text("about gallium")


def test_on_a_phone_the_list_is_a_sheet(visit: Visit) -> None:
    visitor = visit("ada", phone=True)
    tutor = converse(visitor, "about helium")
    converse(visitor, "about iodine")
    tutor.page.get_by_role("button", name="Conversations").tap()
    dialog = tutor.page.get_by_role("dialog", name="Conversations")
    expect(dialog).to_be_focused()
    dialog.get_by_role("link", name="about helium").first.tap()
    expect(dialog).to_have_count(0)
    expect(tutor.questions).to_contain_text("about helium")
