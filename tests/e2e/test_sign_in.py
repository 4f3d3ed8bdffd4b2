"""Signing in and out, and who sees what afterwards."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.app import App
from tests.e2e.visitor import CHEMISTRY, Tutor, Visitor

Visit = Callable[..., Visitor]


def test_a_student_signs_in_and_comes_to_the_page_they_wanted(visit: Visit) -> None:
    visitor = visit()
    visitor.goes(CHEMISTRY)
    expect(visitor.page).to_have_url(re.compile(r"/login\?next="))
    visitor.signs_in("ada")
    expect(visitor.page.get_by_role("heading", name="The mole", level=1)).to_be_visible()


def test_a_wrong_password_is_told_and_the_address_kept(visit: Visit) -> None:
    visitor = visit()
    visitor.goes("/login")
    visitor.signs_in("ada", "wrong")
    expect(visitor.page.get_by_role("alert")).to_contain_text("password")
    expect(visitor.page.get_by_label("E-mail address")).to_have_value("ada@example.org")
    expect(visitor.page.get_by_label("Password")).to_be_focused()
    visitor.signs_in("ada")
    expect(visitor.page.get_by_role("heading", name="My courses")).to_be_visible()


def test_a_disabled_person_is_told_and_their_open_page_ends(visit: Visit, app: App) -> None:
    visitor = visit("daniel")
    visitor.goes("/")
    expect(visitor.page.get_by_role("heading", name="My courses")).to_be_visible()
    app.sql("UPDATE people SET disabled_at = now() WHERE email = 'daniel@example.org'")
    try:
        visitor.page.reload()
        expect(visitor.page).to_have_url(re.compile("/login"))
        visitor.signs_in("daniel")
        expect(visitor.page.get_by_role("alert")).to_contain_text("disabled")
    finally:
        app.sql("UPDATE people SET disabled_at = NULL")


def test_the_next_person_in_the_tab_sees_nothing_of_the_first(visit: Visit) -> None:
    visitor = visit("ada")
    visitor.goes(CHEMISTRY).begins_afresh().asks("remember zebra-seven").hears_out()
    Tutor(visitor.page).composer.fill("unsent zebra-eight")
    visitor.page.wait_for_function("() => JSON.stringify(sessionStorage).includes('zebra-eight')")
    visitor.signs_out()
    assert "zebra" not in visitor.page.evaluate("() => JSON.stringify(sessionStorage)")
    visitor.heard.clear()
    visitor.signs_in("chiara")
    expect(visitor.page.get_by_role("heading", name="My courses")).to_be_visible()
    for path in (CHEMISTRY, "/s/chemistry-autumn/chat", "/", "/account"):
        visitor.goes(path)
        expect(visitor.page.get_by_role("button", name="Account of Chiara Rossi")).to_be_visible()
        expect(visitor.page.locator("body")).not_to_contain_text("zebra")
        expect(visitor.page.locator("body")).not_to_contain_text("Ada")
    assert "chiara" in "".join(visitor.heard)
    assert "zebra" not in "".join(visitor.heard)
    assert "ada@example.org" not in "".join(visitor.heard)


def test_going_back_after_signing_out_shows_nothing(visit: Visit) -> None:
    visitor = visit("ada")
    visitor.goes(CHEMISTRY).begins_afresh().asks("remember zebra-nine").hears_out()
    visitor.signs_out()
    visitor.page.go_back()
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(visitor.page.locator("body")).not_to_contain_text("zebra")


def test_an_ended_session_leads_to_the_sign_in_page_and_back(visit: Visit, app: App) -> None:
    visitor = visit("emi")
    tutor = visitor.goes(CHEMISTRY).is_loaded()
    app.sql(
        "UPDATE sessions SET expires_at = now() FROM people WHERE people.id = person_id AND email = 'emi@example.org'"
    )
    tutor.asks("is anybody there?")
    expect(visitor.page).to_have_url(re.compile(r"/login\?next=.*the-mole"))
    visitor.signs_in("emi")
    expect(visitor.page.get_by_role("heading", name="The mole", level=1)).to_be_visible()
    expect(tutor.composer).to_have_value("is anybody there?")


def test_signing_out_everywhere_ends_the_other_browser(visit: Visit) -> None:
    here, there = visit("benjamin"), visit("benjamin")
    there.goes("/")
    expect(there.page.get_by_role("heading", name="My courses")).to_be_visible()
    here.goes("/account")
    here.page.get_by_role("button", name="Sign out everywhere").click()
    expect(here.page.get_by_role("heading", name="Sign in")).to_be_visible()
    there.page.get_by_role("link", name="General chemistry").click()
    expect(there.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_one_session_can_be_ended_from_another_browser(visit: Visit) -> None:
    here, there = visit("grace"), visit("grace")
    there.goes("/account")
    expect(there.page.get_by_text("this browser")).to_be_visible()
    here.goes("/account")
    here.page.get_by_role("button", name=re.compile("^Sign out Chrom")).first.click()
    expect(here.page.get_by_role("status").filter(has_text="Signed out there.")).to_be_visible()
    expect(here.page.get_by_role("button", name=re.compile("^Sign out Chrom"))).to_have_count(0)
    there.page.reload()
    expect(there.page.get_by_role("heading", name="Sign in")).to_be_visible()
