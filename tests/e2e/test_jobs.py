"""Jobs as people live with them: watched, left, cancelled and tried again; and as administrators keep them in order."""

import json
import re
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from backend.core.ids import new_id
from tests.e2e.app import App
from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import Visitor
from tests.support.job_nursery import Nursery
from tests.support.jobs import FAST
from tests.support.running import services_of

Visit = Callable[..., Visitor]
JOB = """
    INSERT INTO jobs (id, created_at, kind, status, priority, lane, payload, progress, progress_note, attempts,
        max_attempts, run_at, waiting_since, error_class, error_message, last_log, updated_at, finished_at,
        requested_by)
    VALUES (%s, now(), %s, %s, 'p2', 'io', %s, 0, '', 0, 3, now(), now(), '', %s, 0, now(),
        CASE WHEN %s THEN now() END, (SELECT id FROM people WHERE email = %s))
"""


class Jobs:
    """Jobs of people, put where the app finds them."""

    def __init__(self, app: App) -> None:
        self._app = app

    def add(self, who: str, kind: str = "story", *, status: str = "queued", error: str = "", **payload: object) -> UUID:
        """A job of the demo's person."""
        job_id, ended = new_id(), status not in {"queued", "running"}
        self._app.sql(JOB, job_id, kind, status, json.dumps(payload), error, ended, f"{who}@example.org")
        return job_id


@pytest.fixture(scope="module")
def jobs(app: App) -> Iterator[Jobs]:
    """A worker beside the app's own that knows the tests' kinds."""
    nursery = Nursery()
    nursery.start(**services_of(app.data_dir), **FAST, STOA_DATA_DIR=str(app.data_dir))
    yield Jobs(app)
    nursery.close()
    app.sql("DELETE FROM jobs WHERE kind IN ('story', 'trouble')")
    app.sql("DELETE FROM job_pauses")


def opens(page: Page, path: str, heading: str) -> Page:
    page.goto(path)
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    return page


def status_of(page: Page) -> Locator:
    return page.locator(".job-said .pill")


def test_a_job_is_watched_in_two_tabs_left_cancelled_and_tried_again(jobs: Jobs, visit: Visit) -> None:
    visitor = visit("olive")
    page = opens(visitor.page, "/jobs", "My jobs")
    expect(page.get_by_text("You have no jobs.")).to_be_visible()

    job = jobs.add("olive", chapters=5_000, seconds=0.4)
    page.get_by_role("link", name="Story").click()
    expect(page.get_by_role("heading", name="Story", level=1)).to_be_visible()
    expect(status_of(page)).to_have_text("Running")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", re.compile("%, Chapter"))
    expect(page.get_by_role("log")).to_contain_text("<b onclick=alert(1)>chapter 2</b>")
    expect(page.locator(".job-facts")).to_contain_text("so far")
    other = visitor.context.new_page()
    opens(other, f"/jobs/{job}", "Story")
    expect(other.get_by_role("log")).to_contain_text("chapter 1<")
    visitor.expects("ERR_INTERNET_DISCONNECTED")
    visitor.context.set_offline(True)
    told = page.locator(".job-log p").count()
    visitor.context.set_offline(False)
    expect(page.locator(".job-log p").nth(told + 2)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    for tab in (page, other):
        expect(status_of(tab)).to_have_text("Cancelled")
        chapters = [line.inner_text() for line in tab.locator(".job-log span").all()]
        assert chapters == [f"<b onclick=alert(1)>chapter {number + 1}</b>" for number in range(len(chapters))]
    other.close()

    dead = jobs.add("olive", "trouble", status="dead", error="Nobody answered.", times=0)
    opens(page, f"/jobs/{dead}", "Trouble")
    expect(page.get_by_text("Nobody answered.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(status_of(page)).to_have_text("Done")


def test_who_is_elsewhere_is_told_once(jobs: Jobs, visit: Visit) -> None:
    visitor = visit("nikhil")
    jobs.add("nikhil", chapters=3, seconds=0.3)
    page = opens(visitor.page, "/", "My courses")
    expect(page.get_by_role("link", name="Story")).to_be_visible()
    page.get_by_role("link", name=re.compile("Introductory Python", re.I)).first.click()
    toast = page.locator(".toast")
    expect(toast).to_have_text("Story is done.Show")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(1_000)
    expect(toast).to_have_count(0)


def test_another_persons_job_is_not_there(jobs: Jobs, visit: Visit) -> None:
    job = jobs.add("olive", "trouble", status="dead", error="A secret of Olive's.")
    page = visit("mara").page
    page.goto(f"/jobs/{job}")
    expect(page.get_by_role("alert")).to_contain_text("doesn't exist")
    page.goto(f"/jobs/{uuid4()}")
    expect(page.get_by_role("alert")).to_contain_text("doesn't exist")


def test_an_administrator_pauses_retries_and_discards(jobs: Jobs, visit: Visit) -> None:
    mended = [jobs.add("tove", "trouble", status="dead", error="Lost.", times=0) for _ in range(2)]
    jobs.add("tove", chapters=600, seconds=1)
    hopeless = jobs.add("tove", "trouble", status="dead", error="Hopeless.")
    page = opens(visit("pia").page, "/admin/jobs", "Jobs")
    expect(page.get_by_role("region", name="Workers").get_by_role("link", name="Story").first).to_be_visible()
    page.get_by_label("Lane or kind").select_option("Export of conversations")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".banner.paused")).to_contain_text("Export of conversations")
    page.get_by_role("button", name="Resume: Export of conversations").click()
    expect(page.locator(".banner.paused")).to_have_count(0)

    page.get_by_label("Person").fill("tove")
    table = page.get_by_role("region", name="Jobs", exact=True)
    expect(table.get_by_role("row")).to_have_count(5)
    for job in mended:
        row = table.get_by_role("row").filter(has=page.locator(f"a[href$='{job}']"))
        row.get_by_role("checkbox").check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    jobs.add("tove", "trouble", status="dead", error="Hopeless, too.")
    expect(table.get_by_text("Hopeless, too.")).to_be_visible()  # it was read anew
    expect(page.get_by_text("2 chosen")).to_be_visible()
    assert row.get_by_role("checkbox").is_checked()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".toast")).to_contain_text("2 jobs of 2 were tried again.")
    expect(table.locator(".pill", has_text="Done")).to_have_count(2)

    page.get_by_role("button", name="Show them").click()
    table.get_by_role("row").filter(has=page.locator(f"a[href$='{hopeless}']")).get_by_role("checkbox").check()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.locator(".toast")).to_contain_text("1 job of 1 was discarded.")


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["light desk", "dark phone"])
def test_they_are_accessible_and_fit(jobs: Jobs, visit: Visit, phone: bool, dark: bool) -> None:
    visitor = visit("pia", phone=phone, dark=dark)
    running = jobs.add("pia", chapters=60, seconds=1)
    dead = jobs.add("pia", "trouble", status="dead", error="Nobody answered. " * 8 + "x" * 120)
    page, faults = visitor.page, []
    opens(page, f"/jobs/{running}", "Story")
    expect(page.get_by_role("log")).to_contain_text("chapter 1<")
    faults += faults_of(page, "a running job")
    opens(page, f"/jobs/{dead}", "Trouble")
    expect(page.get_by_text("Nobody answered.").first).to_be_visible()
    faults += faults_of(page, "a dead job")
    opens(page, "/jobs", "My jobs")
    expect(page.get_by_role("link", name="Story").first).to_be_visible()
    faults += faults_of(page, "my jobs")
    opens(page, "/admin/jobs", "Jobs")
    page.get_by_role("checkbox", name="All jobs of this page").check()
    expect(page.get_by_role("button", name="Discard")).to_be_enabled()
    faults += faults_of(page, "everybody's jobs")
    assert not faults, "\n".join(faults)
