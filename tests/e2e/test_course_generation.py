"""An instructor has courses written: by the real local model, while the tab is closed, cancelled, and tried again."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, expect

from tests.e2e.app import App
from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import LOCAL_MODEL_MS, Visitor

Visit = Callable[..., Visitor]
PAGE = "/s/python-autumn/teach/author"


def opens(page: Page) -> Page:
    page.goto(PAGE)
    expect(page.get_by_role("heading", name="Have a course written", level=1)).to_be_visible()
    return page


def asks_for(page: Page, topic: str, lessons: int) -> Locator:
    """Fill in the form and send it; the new course in the list."""
    page.get_by_label("Topic").fill(topic)
    page.get_by_label("For whom").fill("Beginners")
    page.get_by_label("Lessons", exact=True).fill(str(lessons))
    page.get_by_role("button", name="Write the course").click()
    item = page.locator(".generations > li").filter(has=page.get_by_role("heading", name=topic, exact=True))
    expect(item).to_be_visible()
    expect(page.get_by_label("Topic")).to_have_value("")
    return item


@contextmanager
def no_model_set_up(app: App) -> Iterator[None]:
    """Inside, nothing serves the writing of courses."""
    app.sql("CREATE TABLE taken_away AS SELECT * FROM feature_configs WHERE feature = 'course_outline'")
    app.sql("DELETE FROM feature_configs WHERE feature = 'course_outline'")
    try:
        yield
    finally:
        app.sql("INSERT INTO feature_configs SELECT * FROM taken_away")
        app.sql("DROP TABLE taken_away")


def test_an_instructor_has_a_course_written_cancels_one_and_retries_one(app: App, visit: Visit) -> None:
    visitor = visit("katya")
    page = opens(visitor.page)
    expect(page.get_by_text("No course was asked for in this section yet.")).to_be_visible()
    expect(page.get_by_text("Small local model")).to_be_visible()
    page.get_by_label("Topic").fill(" ")
    page.get_by_role("button", name="Write the course").click()
    expect(page.get_by_label("Topic")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("This can't be empty.").first).to_be_visible()

    first = asks_for(page, "Counting sheep", lessons=1)
    expect(first.get_by_role("progressbar")).to_be_visible()
    expect(first).to_contain_text("Writing lesson 1 of 1", timeout=LOCAL_MODEL_MS)
    faults = faults_of(page, "the list at work")
    page.close()

    page = opens(visitor.context.new_page())
    expect(page.locator(".generations .pill").first).to_have_text("Done", timeout=LOCAL_MODEL_MS)
    page.get_by_role("link", name="Read the draft: Counting sheep").click()
    lessons = page.locator("details.draft-lesson")
    expect(lessons).to_have_count(1)
    lessons.first.locator("summary").click()
    expect(lessons.first.get_by_role("heading", name="What you will learn")).to_be_visible()
    faults += faults_of(page, "a draft")
    page.get_by_role("link", name="Open the job, with the course as a file").click()
    expect(page.get_by_role("log")).to_contain_text("Wrote lesson 1 of 1")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(r"\.zip$")).click()
    assert download.value.suggested_filename.endswith(".zip")

    asks_for(opens(page), "A long story", lessons=12)
    page.get_by_role("link", name="Open the job: A long story").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job-said .pill")).to_have_text("Cancelled")

    with no_model_set_up(app):
        page.wait_for_timeout(300)  # what serves a feature is remembered for 0.2 s
        dead = asks_for(opens(page), "Nobody writes this", lessons=1)
        expect(dead.locator(".pill")).to_have_text("Given up")
        expect(dead.locator(".alert")).to_contain_text("No language model is set up for this yet.")
        faults += faults_of(page, "the list with a dead letter")
    page.get_by_role("link", name="Open the job: Nobody writes this").click()
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".job-said .pill")).to_have_text("Done", timeout=LOCAL_MODEL_MS)

    phone = visit("katya", phone=True, dark=True).page
    expect(opens(phone).locator(".generations > li")).to_have_count(3)
    faults += faults_of(phone, "the list on a phone, dark")
    phone.get_by_role("link", name="Read the draft: Counting sheep").tap()
    expect(phone.locator("details.draft-lesson")).to_have_count(1)
    phone.locator("details.draft-lesson summary").first.tap()
    faults += faults_of(phone, "a draft on a phone, dark")
    assert not faults, "\n".join(faults)


def test_assistants_and_students_have_no_such_page(visit: Visit) -> None:
    for who in ("ada", "farid"):
        page = visit(who).page
        page.goto(PAGE)
        expect(page.get_by_role("alert")).to_contain_text("You don't have access to this.")
