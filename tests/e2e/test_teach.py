"""The instructors' pages: what a section struggles with, what to do about it, and who must not get in."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.app import App
from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import Tutor, Visitor

Visit = Callable[..., Visitor]
TEACH = "/s/python-evening/teach"
SECTION = "(SELECT id FROM sections WHERE slug = 'python-evening')"


@pytest.fixture(autouse=True)
def _as_before(app: App) -> Iterator[None]:
    """The demo's activity stays; what these tests set is taken back."""
    yield
    for table in ("insight_reveals", "prompt_templates", "lesson_switches", "student_limits"):
        app.sql(f"DELETE FROM {table} WHERE section_id = {SECTION}")
    for table in ("feature_configs", "conversations"):
        app.sql(f"DELETE FROM {table} WHERE feature = 'instructor_dashboard' AND section_id = {SECTION}")


def filled(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)


def test_an_instructor_sees_what_to_do_and_does_it(visit: Visit) -> None:
    visitor = visit("liam")
    page = visitor.page
    visitor.goes("/")
    expect(page.get_by_role("link", name=re.compile("Introductory Python.*active this week"))).to_be_visible()
    waiting = page.get_by_role("listitem").filter(has_text="Introductory Python, Evening").get_by_role("link")
    waiting.filter(has_text=re.compile("answers? didn’t help")).click()
    filled(page, "Questions")
    page.get_by_role("button", name="Mark as resolved").first.click()
    expect(page.get_by_text("Marked as resolved.")).to_be_visible()
    page.get_by_role("link", name="Resolved").click()
    expect(page.get_by_text("resolved by Liam")).to_be_visible()

    visitor.goes("/s/python-evening")
    page.get_by_role("link", name="Teach").click()
    filled(page, "Introductory Python, Evening")
    expect(page.locator(".totals")).to_contain_text("Questions")
    page.get_by_role("button", name="Show as table").click()
    expect(page.get_by_role("region", name="Messages by day, table")).to_be_visible()
    page.get_by_label("Conversations", exact=True).click()
    expect(page.get_by_role("heading", name="Conversations by day")).to_be_visible()
    asked_about = page.get_by_role("region", name="Questions by lesson").get_by_role("link")
    lesson = asked_about.first.inner_text()
    page.get_by_role("combobox", name="Lesson").select_option(label=lesson)
    expect(page).to_have_url(re.compile("lesson="))
    asked_about.filter(has_text=lesson).click()
    filled(page, "Questions")
    expect(page.get_by_role("status").filter(has_text=f"about {lesson}")).to_be_visible()
    expect(page).to_have_url(re.compile("from=.*lesson="))
    page.get_by_role("searchbox").fill("nothing says this")
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(page.locator(".questions > li")).not_to_have_count(0)

    page.get_by_role("link", name="Students").click()
    filled(page, "Students")
    expect(page.locator(".students-table tbody tr")).not_to_have_count(0)
    page.get_by_role("link", name="Transcripts").click()
    filled(page, "Transcripts")
    page.locator(".transcripts a").first.click()
    expect(page.locator(".transcript > li")).not_to_have_count(0)
    page.get_by_role("button", name="Reveal the name…").click()
    page.get_by_role("button", name="Reveal and record").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("why you need to know")
    page.get_by_label("Why do you need to know?").fill("They asked me to look.")
    page.get_by_role("button", name="Reveal and record").click()
    expect(page.get_by_text("You revealed this name")).to_be_visible()

    page.get_by_role("link", name="Cost").click()
    filled(page, "Cost")
    expect(page.locator(".totals")).to_contain_text("Requests")
    csv = visitor.context.request.get(str(page.get_by_role("link", name="Download CSV").get_attribute("href")))
    assert csv.status == 200
    assert "Tutor" in csv.text()


def test_an_instructor_asks_about_the_figures(visit: Visit, app: App) -> None:
    app.sql(
        "INSERT INTO feature_configs (id, created_at, version, feature, section_id, config_id) "
        f"SELECT gen_random_uuid(), now(), 1, 'instructor_dashboard', {SECTION}, id "
        "FROM service_configs WHERE name = 'replay'"
    )
    visitor = visit("liam")
    visitor.goes(f"{TEACH}/ask")
    filled(visitor.page, "Ask about your section")
    talk = Tutor(visitor.page).asks("figures of the last weeks, please")
    talk.hears('"students_in_section": 16').hears_out()
    address = re.compile(f"{TEACH}/ask/[0-9a-f-]{{36}}$")
    expect(visitor.page).to_have_url(address)
    visitor.page.reload()
    talk.hears('"students_in_section": 16')
    visitor.page.get_by_role("link", name="New talk").click()
    expect(talk.answers).to_have_count(0)
    visitor.page.get_by_role("navigation", name="Your talks").get_by_role("link").click()
    expect(visitor.page).to_have_url(address)
    talk.hears('"students_in_section": 16')


def test_an_instructor_sets_up_the_tutor(visit: Visit) -> None:
    visitor = visit("liam")
    page = visitor.page
    visitor.goes(f"{TEACH}/settings")
    filled(page, "Settings")
    page.get_by_label(re.compile("^Loops that count")).select_option("off")
    page.get_by_role("button", name="Save switches").click()
    expect(page.get_by_text("The tutor obeys from the next message on.")).to_be_visible()
    prompt = page.get_by_role("textbox", name="Prompt")
    prompt.fill("You teach {course} to {student}.")
    page.get_by_role("button", name="Save prompt").click()
    expect(page.get_by_text("Nothing fills {student}.")).to_be_visible()
    expect(prompt).to_have_value("You teach {course} to {student}.")
    prompt.fill("You teach {course}.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="The filled prompt")).to_have_text("You teach Introductory Python.")
    expect(page.get_by_text("the tutor isn't told what the lesson says")).to_be_visible()
    page.get_by_role("button", name="Save prompt").click()
    expect(page.get_by_text("Version 1")).to_be_visible()
    page.get_by_role("button", name="Reset to default").click()
    expect(page.get_by_text("Version 2, the default")).to_be_visible()
    page.get_by_role("button", name="Look at version 1").click()
    expect(page.get_by_role("dialog")).to_contain_text("You teach {course}.")
    page.get_by_role("button", name="Use this version").click()
    expect(prompt).to_have_value("You teach {course}.")
    page.get_by_label(re.compile("^Messages a minute")).fill("3")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("It holds from the next message on.")).to_be_visible()
    student = visit("benjamin")
    student.goes("/s/python-evening/l/loops-that-count")
    expect(student.page.get_by_text("Your instructor has switched the tutor off for this lesson.")).to_be_visible()
    for tab in ("", "/questions", "/students", "/transcripts", "/cost", "/ask", "/author", "/settings"):
        student.goes(TEACH + tab)
        expect(student.page.get_by_role("alert")).to_contain_text("You don't have access to this.")
        expect(student.page.get_by_role("navigation", name="Teaching")).to_have_count(0)
    student.goes("/s/python-evening")
    expect(student.page.get_by_role("heading", name="Introductory Python")).to_be_visible()
    expect(student.page.get_by_role("link", name="Teach")).to_have_count(0)


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desk-light", "phone-dark"])
def test_every_tab_is_accessible_and_fits(visit: Visit, phone: bool, dark: bool) -> None:
    visitor = visit("liam", phone=phone, dark=dark)
    page = visitor.page
    faults: list[str] = []
    headings = {"": "Introductory Python, Evening", "/questions": "Questions", "/questions?show=open": "Questions"}
    headings["/ask"] = "Ask about your section"
    headings |= {f"/{name.lower()}": name for name in ("Students", "Transcripts", "Cost", "Settings")}
    for tab, heading in headings.items():
        visitor.goes(TEACH + tab)
        filled(page, heading)
        faults += faults_of(page, tab)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="The filled prompt")).to_be_visible()
    faults += faults_of(page, "a preview")
    visitor.goes(f"{TEACH}/transcripts")
    page.locator(".transcripts a").first.click()
    page.get_by_role("button", name="Reveal the name…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    faults += faults_of(page, "the reveal")
    assert not faults, "\n".join(faults)
