"""The administrators' usage, audit and health pages: by mouse and by keyboard, in both themes, on a phone."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.app import App
from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import CHEMISTRY, Visitor

Visit = Callable[..., Visitor]
LEDGER = """
    INSERT INTO completion_requests (id, created_at, request_id, attempt, feature, model_id, person_id, provider,
        requested_model, reported_model, reason, outcome, input_tokens, output_tokens, cached_tokens, reasoning_tokens,
        tokens_estimated, cost_usd, unpriced, duration_ms)
    SELECT gen_random_uuid(), now() - make_interval(days => n %% 20), gen_random_uuid(), 1, feature,
        (SELECT id FROM registered_models WHERE name = 'replay'), NULL, 'openai', 'replay-1',
        CASE n WHEN 3 THEN 'replay-2' ELSE 'replay-1' END, 'e2e', 'succeeded', 100, 50, 0, 0, n = 4,
        CASE WHEN n %% 7 = 0 THEN NULL ELSE 0.25 END, n %% 7 = 0, 100
    FROM generate_series(1, 60) n, unnest(ARRAY['grading_feedback', 'course_outline', 'assessment_generation',
        'instructor_email', 'semantic_search', 'instructor_dashboard']) feature
"""


@pytest.fixture
def ledger(app: App) -> Iterator[None]:
    """Twenty days of use, some of it unpriced, and one answer by another model."""
    app.sql(LEDGER)
    app.sql("UPDATE service_configs SET budget_usd = 1 WHERE name = 'replay'")
    yield
    app.sql("DELETE FROM completion_requests WHERE reason = 'e2e'")
    app.sql("UPDATE service_configs SET budget_usd = NULL WHERE name = 'replay'")


@pytest.fixture
def pia(visit: Visit) -> Visitor:
    return visit("pia")


def opens(visitor: Visitor, path: str, heading: str) -> Page:
    visitor.page.goto(path)
    expect(visitor.page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    return visitor.page


def test_usage_is_drawn_and_narrowed_down(ledger: None, pia: Visitor) -> None:
    page = opens(pia, "/admin/usage", "Usage and cost")
    expect(page.get_by_text("Europe/Paris")).to_be_visible()
    expect(page.get_by_role("button", name="Show as table")).to_be_visible()
    expect(page.locator(".bars-day")).to_have_count(30)
    row = page.get_by_role("button", name="Grading", exact=True)
    row.press("Enter")
    expect(page.get_by_role("button", name="Remove Feature: Grading")).to_be_visible()
    expect(row).to_be_focused()
    expect(row).to_have_attribute("aria-pressed", "true")
    page.get_by_role("toolbar").get_by_role("button").last.focus()
    page.keyboard.press("Home")
    expect(page.locator(".bars-day").first).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".bars-said")).to_contain_text("unpriced" if "unpriced" in last_day(page) else "$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Remove Day: "))).to_be_visible()
    expect(page.locator(".bars-day").last).to_be_focused()
    page.get_by_role("button", name=re.compile("^Remove Day: ")).press("Enter")
    expect(page.get_by_role("button", name="Remove Feature: Grading")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Remove"))).to_have_count(0)
    expect(page.get_by_role("group", name="Counted only")).to_be_focused()


def last_day(page: Page) -> str:
    return page.locator(".bars-day").last.get_attribute("aria-label") or ""


def test_the_table_of_days_is_one_click_away_and_says_the_same(ledger: None, pia: Visitor) -> None:
    page = opens(pia, "/admin/usage", "Usage and cost")
    drawn = page.locator(".bars-day").all()
    said = [(each.get_attribute("aria-label") or "").split(" · ")[0] for each in drawn]
    page.get_by_role("button", name="Show as table").click()
    lines = page.get_by_role("region", name="Cost by day, table").locator("tbody tr").all()
    totals = [f"{line.locator('th').inner_text()}: {line.locator('td').nth(-2).inner_text()}" for line in lines]
    assert totals == said


def test_other_days_are_chosen_and_refused_at_their_field(ledger: None, pia: Visitor) -> None:
    page = opens(pia, "/admin/usage", "Usage and cost")
    page.get_by_role("radio", name="Other").click()
    page.get_by_label("From", exact=True).fill("2026-03-05")
    page.get_by_label("To", exact=True).fill("2026-03-01")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("The last day can't be before the first.")
    expect(page.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("From", exact=True)).to_have_value("2026-03-05")
    page.get_by_label("To", exact=True).fill("2026-03-10")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("Nothing was used in these days.")).to_be_visible()
    expect(page.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "false")
    expect(page.get_by_text("The last day can't be before the first.")).to_have_count(0)


def test_the_file_is_downloaded(ledger: None, pia: Visitor) -> None:
    page = opens(pia, "/admin/usage", "Usage and cost")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename.endswith("-by-feature.csv")
    assert lines[0].startswith("day,feature,detail,id,requests,")
    assert len(lines) > 20


def test_the_audit_log_is_searched(pia: Visitor) -> None:
    page = opens(pia, "/admin/audit", "Audit")
    expect(page.get_by_text("created the service config replay")).to_be_visible()
    page.get_by_label("Search").fill("chemistry-autumn")
    expect(page.get_by_role("list", name="Changes").get_by_role("listitem")).to_have_count(1)
    page.get_by_label("Search").fill("no such thing")
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    page.get_by_label("Search").fill("")
    page.get_by_label("Changes of").select_option("model")
    expect(page.get_by_text("created the service config replay")).to_have_count(0)
    expect(page.get_by_text("created the model replay")).to_be_visible()


@contextmanager
def failing(app: App) -> Iterator[None]:
    """The replay model's server can't be reached, whoever asks."""
    app.sql("UPDATE registered_models SET url_template = 'http://127.0.0.1:9/v1' WHERE name = 'replay'")
    try:
        yield
    finally:
        app.sql(
            "UPDATE registered_models SET url_template = (SELECT after->>'url_template' FROM audit_log"
            " WHERE subject = 'replay' AND action = 'model.created') WHERE name = 'replay'"
        )


def test_health_is_live_and_a_model_is_taken_out_and_put_back(app: App, visit: Visit, pia: Visitor) -> None:
    page = opens(pia, "/admin/health", "Health")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="replay", exact=True))
    state = row.locator(".pill")
    expect(state).to_have_text("healthy")
    take_out = row.get_by_role("button", name="Take out of service: replay")
    take_out.press("Enter")
    expect(state).to_have_text("out of service")
    expect(take_out).to_be_focused()
    expect(take_out).to_have_attribute("aria-disabled", "true")
    row.get_by_role("button", name="Put back: replay").press("Enter")
    expect(state).to_have_text("healthy")
    expect(page.locator("p[role=status]")).to_have_text("replay is healthy.")
    ada = visit("ada")
    with failing(app):
        tutor = ada.goes(CHEMISTRY).begins_afresh()
        tutor.asks("Are you there?")
        expect(row.locator("td").nth(1)).to_contain_text("100%")  # without a reload
        expect(row.locator("td").nth(5)).not_to_have_text("–")
    take_out.press("Enter")
    expect(state).to_have_text("out of service")
    row.get_by_role("button", name="Put back: replay").press("Enter")
    expect(state).to_have_text("healthy")
    expect(row.locator("td").nth(1)).to_have_text("–")


def test_health_rests_while_nobody_looks(pia: Visitor) -> None:
    page = opens(pia, "/admin/health", "Health")
    page.wait_for_function("() => true")
    hide = "(state) => { Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, "hidden")
    page.wait_for_timeout(500)
    before = len(pia.heard)
    page.wait_for_timeout(5_000)
    assert "beats" not in "".join(pia.heard[before:])
    page.evaluate(hide, "visible")
    page.wait_for_timeout(3_000)
    assert "beats" in "".join(pia.heard[before:])


@pytest.mark.parametrize("who", ["ada", "katya"])
@pytest.mark.parametrize("path", ["/admin/usage", "/admin/audit", "/admin/health"])
def test_they_are_for_administrators(visit: Visit, path: str, who: str) -> None:
    visitor = visit(who)
    visitor.page.goto(path)
    expect(visitor.page.get_by_role("alert")).to_have_text("You don't have access to this.")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_they_are_accessible_and_fit(ledger: None, visit: Visit, phone: bool, dark: bool) -> None:
    visitor = visit("pia", phone=phone, dark=dark)
    page = opens(visitor, "/admin/usage", "Usage and cost")
    expect(page.locator(".bars-day")).to_have_count(30)
    faults = faults_of(page, "usage")
    page.get_by_label("Broken down by").select_option("model")
    expect(page.get_by_role("heading", name="By model")).to_be_visible()
    page.locator(".bars-day").last.click()
    expect(page.get_by_role("button", name=re.compile("^Remove Day: "))).to_be_visible()
    page.get_by_role("radio", name="Other").click()
    page.get_by_label("To", exact=True).fill("2001-01-01")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    faults += faults_of(page, "usage, narrowed down")
    page.get_by_role("button", name="Show as table").click()
    faults += faults_of(page, "usage, the table")
    opens(visitor, "/admin/audit", "Audit")
    page.locator("summary").first.click()
    faults += faults_of(page, "audit")
    opens(visitor, "/admin/health", "Health")
    faults += faults_of(page, "health")
    assert not faults, "\n".join(faults)
