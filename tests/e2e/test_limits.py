"""Limits and budgets as people meet them: told beforehand, refused kindly, nothing lost; and set by administrators."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.app import App
from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import Tutor, Visitor

Visit = Callable[..., Visitor]
EVENING = "/s/chemistry-evening/l/the-mole"
SECTION = "SELECT id FROM sections WHERE slug = 'chemistry-evening'"
REMEMBERED = 0.4
"""Seconds after which the app has surely read its limits anew."""
MINUTE = "You can send 2 messages a minute here."
SPENT = "You have used today's 1,000 tokens. They are back at midnight (Europe/Berlin)."


@pytest.fixture(autouse=True)
def _as_before(app: App) -> Iterator[None]:
    app.sql(f"DELETE FROM completion_requests WHERE section_id = ({SECTION})")
    yield
    app.sql("DELETE FROM usage_limits")
    app.sql(f"DELETE FROM completion_requests WHERE section_id = ({SECTION})")
    app.sql("UPDATE service_configs SET budget_usd = NULL")


def limit(app: App, **values: int) -> None:
    """The evening section's own limits."""
    app.sql("DELETE FROM usage_limits")
    app.sql(
        f"INSERT INTO usage_limits (id, created_at, version, section_id, {', '.join(values)}) "
        f"VALUES (gen_random_uuid(), now(), 1, ({SECTION}), {', '.join(map(str, values.values()))})"
    )
    time.sleep(REMEMBERED)


def use(app: App, who: str, tokens: int, *, usd: float = 0) -> None:
    """Tokens that somebody used in the evening section today, and what they cost the config `replay`."""
    values = {
        "id": "gen_random_uuid()",
        "created_at": "now()",
        "request_id": "gen_random_uuid()",
        "attempt": "1",
        "feature": "'student_dialogue'",
        "section_id": f"({SECTION})",
        "person_id": "people.id",
        "config_id": "(SELECT id FROM service_configs WHERE name = 'replay')",
        "provider": "'openai'",
        "requested_model": "'replay-1'",
        "reason": "'primary'",
        "outcome": "'succeeded'",
        "input_tokens": "%s",
        **dict.fromkeys(("output_tokens", "cached_tokens", "reasoning_tokens"), "0"),
        "tokens_estimated": "false",
        "cost_usd": "%s",
        "unpriced": "false",
        "duration_ms": "1",
    }
    app.sql(
        f"INSERT INTO completion_requests ({', '.join(values)}) SELECT {', '.join(values.values())} "
        "FROM people WHERE email = %s",
        tokens,
        usd,
        f"{who}@example.org",
    )


def says(page: Page, text: str) -> None:
    """The line above the composer says it."""
    expect(page.locator(".stoa-allowance")).to_contain_text(text)


def status(page: Page, text: str) -> None:
    """Screen readers are told it, politely."""
    expect(page.get_by_role("status").filter(has_text=text)).to_have_count(1)


def test_a_minutes_messages_are_told_and_then_refused_kindly(visit: Visit, app: App) -> None:
    limit(app, messages_per_minute=2)
    visitor = visit("daniel")
    visitor.page.clock.install()
    tutor = visitor.goes(EVENING).begins_afresh()
    stale = visitor.opens_tab("/s/chemistry-evening/chat")
    stale.is_loaded()
    expect(tutor.page.locator(".stoa-allowance")).to_have_count(0)
    tutor.asks("one").hears("You said: one")
    says(tutor.page, "You can send one more message in this minute.")
    status(tutor.page, "You can send one more message in this minute.")
    tutor.hears_out()
    tutor.asks("two").hears("You said: two")
    says(tutor.page, MINUTE)
    expect(tutor.page.locator(".stoa-allowance")).to_have_text(re.compile(r"Try again in \d+ seconds?\.$"))
    status(tutor.page, MINUTE)
    tutor.hears_out()
    tutor.asks("three")
    expect(tutor.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    expect(tutor.composer).to_be_focused()
    expect(tutor.composer).to_have_value("three")
    expect(tutor.questions).to_have_count(2)

    stale.asks("from another tab")
    says(stale.page, MINUTE)
    expect(stale.composer).to_have_value("from another tab")
    expect(stale.page.get_by_role("alert")).to_have_count(0)
    expect(stale.questions).to_have_count(0)

    limit(app, messages_per_minute=5)
    tutor.page.clock.fast_forward("01:01")
    expect(tutor.page.locator(".stoa-allowance")).to_have_count(0)
    tutor.composer.press("Enter")
    tutor.hears("You said: three")


def test_editing_too_much_gives_the_words_back(visit: Visit, app: App) -> None:
    visitor = visit("daniel")
    tutor = visitor.goes(EVENING).begins_afresh().asks("first").hears("You said: first")
    tutor.hears_out()
    limit(app, messages_per_minute=1)
    tutor.asks("second").hears("You said: second")
    tutor.hears_out()
    tutor.questions.last.get_by_role("button", name="Edit").click()
    field = tutor.page.get_by_role("textbox", name="Edit your message")
    field.fill("second, better")
    field.press("Enter")
    says(tutor.page, "You can send 1 message a minute here.")
    expect(field).to_have_value("second, better")


def test_a_day_is_told_at_80_percent_and_when_it_is_used_up(visit: Visit, app: App) -> None:
    limit(app, tokens_per_day_person=1000)
    use(app, "daniel", 850)
    visitor = visit("daniel")
    tutor = visitor.goes(EVENING).begins_afresh()
    told = "You have used 85 % of today's tutor allowance; it resets at midnight, Europe/Berlin."
    says(tutor.page, told)
    status(tutor.page, told)
    expect(tutor.composer).to_be_editable()
    use(app, "daniel", 145)
    tutor.asks("the last one").hears("You said: the last one")
    says(tutor.page, SPENT)
    status(tutor.page, SPENT)
    expect(tutor.composer).not_to_be_editable()
    expect(tutor.page.get_by_role("button", name="Regenerate")).to_have_count(0)


def test_a_draft_outlives_a_used_up_day(visit: Visit, app: App) -> None:
    visitor = visit("daniel")
    tutor = visitor.goes(EVENING).begins_afresh()
    limit(app, tokens_per_day_person=1000)
    use(app, "daniel", 1000)
    tutor.asks("my long question")
    says(tutor.page, SPENT)
    expect(tutor.composer).to_have_value("my long question")
    tutor.page.reload()
    says(tutor.page, SPENT)
    expect(tutor.composer).to_have_value("my long question")
    app.sql("DELETE FROM usage_limits")
    time.sleep(REMEMBERED)
    tutor.page.reload()
    expect(tutor.page.locator(".stoa-allowance")).to_have_count(0)
    tutor.is_loaded()
    tutor.composer.press("Enter")
    tutor.hears("You said: my long question")


def test_a_spent_budget_is_a_friendly_answer_and_on_the_administrators_home_page(visit: Visit, app: App) -> None:
    app.sql("UPDATE service_configs SET budget_usd = 10 WHERE name = 'replay'")
    use(app, "daniel", 1, usd=8.5)
    admin = visit("pia")
    admin.goes("/")
    banner = admin.page.get_by_role("region", name="Budgets")
    expect(banner).to_contain_text("“replay” has used 85 % of its budget ($8.50 of $10.00).")
    expect(banner.get_by_role("link", name="Usage and cost")).to_have_attribute("href", "/admin/usage")
    use(app, "daniel", 1, usd=2)
    visitor = visit("daniel")
    tutor = visitor.goes(EVENING).begins_afresh().asks("Is anybody there?")
    expect(tutor.answer).to_contain_text("This month's budget for the tutor is used up.")
    expect(tutor.questions).to_contain_text("Is anybody there?")
    expect(tutor.composer).to_be_enabled()
    admin.page.reload()
    expect(banner).to_contain_text("“replay” has spent its budget ($10.50 of $10.00).")
    visitor.goes("/")
    expect(visitor.page.get_by_role("heading", name="My courses")).to_be_visible()
    expect(visitor.page.get_by_role("region", name="Budgets")).to_have_count(0)


def test_an_administrator_sets_limits(visit: Visit) -> None:
    page = visit("pia").page
    page.goto("/admin/limits")
    expect(page.get_by_text("The default holds everywhere.")).to_be_visible()
    messages = page.get_by_label("Messages a minute")
    save = page.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    messages.fill("many")
    save.click()
    expect(messages).to_have_attribute("aria-invalid", "true")
    expect(messages).to_have_accessible_description(re.compile("^Write a whole number"))
    expect(messages).to_have_value("many")
    messages.fill("30")
    page.get_by_label("Tokens a day (each person)").fill("200000")
    save.click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.get_by_label("Tokens a day (each person)")).to_have_value("200,000")

    page.get_by_role("searchbox", name="Find a section").fill("evening")
    page.get_by_role("link", name="General chemistry, Evening").click()
    expect(page.get_by_role("heading", name="General chemistry, Evening")).to_be_visible()
    expect(messages).to_have_attribute("placeholder", "30, as the default")
    messages.fill("3")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Stay").click()
    save.click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    page.get_by_role("link", name="Limits", exact=True).last.click()
    row = page.get_by_role("row", name=re.compile("General chemistry, Evening"))
    expect(row).to_contain_text("as the default")
    expect(row.get_by_role("cell").first).to_have_text("3")
    row.get_by_role("link").click()
    page.get_by_role("button", name="Remove these limits").click()
    expect(page.get_by_text("The default holds everywhere.")).to_be_visible()


def test_of_two_administrators_the_second_is_told(visit: Visit) -> None:
    first, second = visit("pia").page, visit("rosa").page
    for page in (first, second):
        page.goto("/admin/limits/chemistry-evening")
        page.get_by_label("Messages a minute").fill("3" if page is first else "4")
    for page in (first, second):
        page.get_by_role("button", name="Save").click()
    expect(first.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(second.get_by_role("alert")).to_contain_text("Somebody else changed these limits")
    expect(second.get_by_label("Messages a minute")).to_have_value("4")
    second.get_by_role("button", name=re.compile("show the newest")).click()
    expect(second.get_by_label("Messages a minute")).to_have_value("3")


def test_a_student_finds_no_limits_page(visit: Visit) -> None:
    page = visit("daniel").page
    page.goto("/admin/limits")
    expect(page.get_by_role("alert")).to_contain_text("You don't have access to this.")
    expect(page.get_by_label("Messages a minute")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_limits_are_accessible_and_fit(visit: Visit, app: App, phone: bool, dark: bool) -> None:
    faults: list[str] = []
    limit(app, messages_per_minute=200, tokens_per_day_person=200_000)
    app.sql("UPDATE service_configs SET budget_usd = 10 WHERE name = 'replay'")
    use(app, "daniel", 199_000, usd=11)
    page = visit("pia", phone=phone, dark=dark).page
    page.goto("/")
    expect(page.get_by_role("region", name="Budgets")).to_be_visible()
    faults += faults_of(page, "home")
    page.goto("/admin/limits")
    expect(page.get_by_role("link", name="General chemistry, Evening")).to_be_visible()
    page.get_by_label("Messages a minute").fill("many")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Write a whole number")).to_be_visible()
    faults += faults_of(page, "/admin/limits")
    page.goto("/admin/limits/chemistry-evening")
    expect(page.get_by_role("button", name="Remove these limits")).to_be_visible()
    faults += faults_of(page, "a section's limits")
    app.sql("UPDATE service_configs SET budget_usd = NULL")
    page = visit("daniel", phone=phone, dark=dark).page
    for tokens, told in ((0, "You have used 99 %"), (1000, "You have used today's")):
        use(app, "daniel", tokens)
        page.goto("/s/chemistry-evening/chat")
        Tutor(page).is_loaded()
        says(page, told)
        faults += faults_of(page, told)
    assert not faults, "\n".join(faults)
