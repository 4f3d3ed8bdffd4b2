"""Asking, and the answer as it streams: stopped, reloaded, followed elsewhere, changed, rated."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.script import COUNTED
from tests.e2e.visitor import CHEMISTRY, LOCAL_MODEL_MS, Tutor, Visitor

Visit = Callable[..., Visitor]


def test_a_student_asks_and_the_local_model_answers(visit: Visit) -> None:
    visitor = visit()
    visitor.goes("/login")
    visitor.signs_in("ada")
    visitor.page.get_by_role("link", name="Introductory Python").click()
    visitor.page.get_by_role("link", name="Loops that count").click()
    tutor = Tutor(visitor.page).asks("What does range(3) give?")
    expect(tutor.page.get_by_text("Small local model")).to_be_visible()
    expect(tutor.text).to_have_text(re.compile(r"\w"), timeout=LOCAL_MODEL_MS)
    first = tutor.text.inner_text()
    if tutor.stop.is_visible():
        expect(tutor.text).not_to_have_text(first, timeout=LOCAL_MODEL_MS)
        tutor.stop.click()
    expect(tutor.answer.get_by_title("Answered by local")).to_be_visible()


def test_stop_keeps_what_came_within_three_seconds(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("endless please").hears("more5")
    begun = time.monotonic()
    tutor.stop.click()
    expect(tutor.answer.get_by_text("Stopped")).to_be_visible()
    assert time.monotonic() - begun < 3
    kept = tutor.text.inner_text()
    tutor.page.reload()
    expect(tutor.text).to_have_text(kept)


@pytest.mark.parametrize("path", [CHEMISTRY, "/s/chemistry-autumn/chat"])
def test_a_reload_shows_the_same_answer_going_on(ada: Visitor, path: str) -> None:
    tutor = ada.goes(path).begins_afresh().asks("count").hears("word20")
    if path.endswith("/chat"):
        expect(tutor.page).to_have_url(re.compile(r"/chat/[0-9a-f-]{36}$"))
    tutor.page.reload()
    tutor.hears("word20")
    assert COUNTED.startswith(tutor.text.inner_text().strip())
    assert tutor.hears_out() == COUNTED
    expect(tutor.answers).to_have_count(1)


def test_a_second_tab_follows_the_same_answer(ada: Visitor) -> None:
    here = ada.goes(CHEMISTRY).begins_afresh().asks("count").hears("word5")
    there = ada.opens_tab(CHEMISTRY).hears("word20")
    here.hears("word20")
    assert here.hears_out() == there.hears_out() == COUNTED


def test_a_lost_connection_loses_nothing(ada: Visitor) -> None:
    ada.expects("ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|WebSocket connection")
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("count").hears("word10")
    ada.context.set_offline(True)
    time.sleep(2)
    ada.context.set_offline(False)
    assert tutor.hears_out() == COUNTED
    expect(tutor.questions).to_have_count(1)


def test_the_last_question_can_be_edited(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("first thought").hears("first thought")
    tutor.hears_out()
    tutor.questions.last.get_by_role("button", name="Edit").click()
    field = tutor.page.get_by_role("textbox", name="Edit your message")
    expect(field).to_be_focused()
    field.fill("second thought")
    field.press("Enter")
    tutor.hears("You said: second thought")
    tutor.hears_out()
    tutor.page.reload()
    expect(tutor.questions).to_have_count(1)
    expect(tutor.questions).to_contain_text("second thought")
    expect(tutor.log).not_to_contain_text("first thought")


def test_an_answer_can_be_regenerated(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("count")
    tutor.hears_out()
    tutor.page.get_by_role("button", name="Regenerate").click()
    expect(tutor.stop).to_be_visible()
    assert tutor.hears_out() == COUNTED
    expect(tutor.answers).to_have_count(1)


def test_a_thumb_with_its_reason_is_there_after_a_reload(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("hello")
    tutor.hears_out()
    unhelpful = tutor.page.get_by_role("button", name="Not helpful")
    unhelpful.click()
    tutor.page.get_by_role("button", name="Confusing").click()
    tutor.page.get_by_role("textbox", name="In your own words").fill("It only repeats")
    tutor.page.get_by_role("button", name="Send", exact=True).first.click()
    expect(unhelpful).to_have_attribute("aria-pressed", "true")
    expect(tutor.page.get_by_role("textbox", name="In your own words")).to_be_hidden()
    time.sleep(0.5)
    tutor.page.reload()
    expect(unhelpful).to_have_attribute("aria-pressed", "true")


def test_an_answer_can_be_copied(ada: Visitor) -> None:
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("hello *there*")
    tutor.hears_out()
    tutor.answer.get_by_role("button", name="Copy").click()
    expect(tutor.answer.get_by_role("button", name="Copied")).to_be_visible()
    assert tutor.page.evaluate("navigator.clipboard.readText()") == "You said: hello *there*"


def test_tables_code_and_formulas_are_drawn(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("markdown")
    tutor.hears_out()
    expect(tutor.text.get_by_role("table")).to_contain_text("oxygen")
    expect(tutor.text.locator("td em")).to_have_text("iron")
    expect(tutor.text.locator("pre .hljs-keyword").first).to_have_text("def")
    expect(tutor.text.locator(".katex")).to_have_count(2)
    expect(tutor.text.locator("figure, .stoa-code").get_by_role("button", name="Copy")).to_be_visible()


def test_html_in_an_answer_never_runs(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("hostile")
    tutor.hears("Nothing happened.")
    tutor.hears_out()
    expect(tutor.text.locator("script, iframe, img, b")).to_have_count(0)
    expect(tutor.text.locator("a")).to_have_count(0)
    assert tutor.page.evaluate("window.pwned") is None


def test_html_in_a_question_is_shown_as_it_was_typed(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("<img src=x onerror='window.pwned = 1'>")
    expect(tutor.questions).to_contain_text("<img src=x")
    tutor.hears_out()
    assert tutor.page.evaluate("window.pwned") is None


def test_a_provider_that_refuses_is_told_with_a_way_on(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("refuse this")
    expect(tutor.answer.get_by_role("button", name="Retry")).to_be_visible()
    expect(tutor.answer).to_have_text(re.compile(r"[a-z]{3,} [a-z]+"))
    expect(tutor.answer).not_to_contain_text(re.compile("API key|401|sk-"))
    expect(tutor.questions).to_contain_text("refuse this")
    tutor.asks("hello again").hears("hello again")


def test_a_message_that_is_too_long_comes_back(ada: Visitor) -> None:
    tutor = ada.goes(CHEMISTRY).begins_afresh()
    long = "too long " * 11_500
    tutor.asks(long)
    expect(tutor.page.get_by_role("alert")).to_contain_text("too long")
    assert tutor.composer.input_value().strip() == long.strip()
    expect(tutor.questions).to_have_count(0)
    tutor.asks("short").hears("You said: short")


def test_two_tabs_that_ask_at_once_get_one_answer_each(ada: Visitor) -> None:
    here = ada.goes(CHEMISTRY).begins_afresh().asks("count").hears("word3")
    there = ada.opens_tab(CHEMISTRY).hears("word3")
    expect(there.stop).to_be_visible()
    there.composer.fill("and me?")
    there.composer.press("Enter")
    expect(there.composer).to_have_value("and me?")
    assert here.hears_out() == COUNTED


def test_graded_work_has_no_tutor_and_says_why(ada: Visitor) -> None:
    tutor = ada.goes("/s/chemistry-autumn/l/problem-set-stoichiometry")
    expect(tutor.page.get_by_text("This is graded work")).to_be_visible()
    expect(tutor.composer).to_be_disabled()
    expect(tutor.page.get_by_role("button", name="Ask me a question")).to_have_count(0)
