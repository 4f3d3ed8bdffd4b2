"""A student solves a coding exercise on a real engine, by keyboard, and learns nothing that is hidden."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Locator, Page, Response, expect

from backend.courses.demo import demo_courses
from backend.sandbox import SandboxUnavailable
from tests.e2e.app import App
from tests.e2e.test_pages import faults_of
from tests.e2e.visitor import Visitor

Visit = Callable[..., Visitor]
PATH = "/s/python-autumn/l/functions"
TITLE = "Leap years"
RIGHT = "def is_leap(year):\n    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)\n"
"""Not as the author solves it: that is looked for."""
RUN_MS = 60_000
"""The first run may wait for the image to be built."""

pytestmark = pytest.mark.usefixtures("engine")


def hidden_words() -> set[str]:
    """What goes into the exercise's hidden tests, their names, and its solution's first difference."""
    lessons = [lesson for course in demo_courses() for _, lessons in course.modules for lesson in lessons]
    exercise = next(each for lesson in lessons for _, each in lesson.exercises if each.title == TITLE)
    hidden = [test for test in exercise.tests if test.visibility == "hidden"]
    assert len(hidden) == 3
    return {test.name for test in hidden} | {test.call for test in hidden} | {exercise.solution}


class Recorder:
    """Everything that a page receives over HTTP; the visitor hears the websocket."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._responses: list[Response] = []
        self.bodies: list[str] = []
        self.jobs: set[str] = set()
        """The jobs that were followed. A browser doesn't keep what event streams brought."""
        page.on("response", lambda response: self._responses.append(response))

    def take(self) -> None:
        """Read what came, before another page is loaded and the browser forgets it."""
        for each in self._responses:
            if followed := re.search("/jobs/([^/]+)/events", each.url):
                self.jobs.add(followed[1])
            elif each.status == 200:
                self.bodies.append(self._body(each).decode(errors="replace"))
        self._responses.clear()

    def _body(self, response: Response) -> bytes:
        try:
            return response.body()
        except Error:  # the browser took it from its cache, and kept no data: what it was is asked for again
            return self._page.request.get(response.url).body()


def exercise_on(page: Page) -> Locator:
    """The exercise, with its editor there."""
    found = page.get_by_role("region", name=f"Exercise: {TITLE}")
    expect(found.locator(".cm-content")).to_be_visible()
    return found


def replaces(page: Page, code: str) -> None:
    """Type over all that is in the editor."""
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(code)


def test_a_student_solves_an_exercise_by_keyboard_and_sees_nothing_hidden(visit: Visit) -> None:
    ada = visit("ada")
    page, received = ada.page, Recorder(ada.page)
    page.goto(PATH)
    exercise = exercise_on(page)
    editor = exercise.get_by_role("textbox", name=f"Your code for {TITLE}")
    exercise.get_by_text("2 tests to see, 3 hidden").focus()
    page.keyboard.press("Tab")
    expect(editor).to_be_focused()

    replaces(page, "def is_leap(year):\n    return str(year)\n")
    page.keyboard.press("Control+Enter")
    expect(exercise.get_by_text("0 of 2 tests passed")).to_be_visible(timeout=RUN_MS)
    expect(exercise.get_by_role("group", name="Yours")).to_contain_text("'2024'")
    faults = faults_of(page, "a failed run")

    replaces(page, "def is_leap(year):\nreturn year % 4 == 0\n")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(editor).to_contain_text("    return year % 4 == 0")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(exercise.get_by_role("button", name="Run")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(exercise.get_by_text("Attempt 1: 4 of 5 points").first).to_be_visible(timeout=RUN_MS)
    expect(exercise.get_by_text("Hidden tests: 2 of 3 passed.")).to_be_visible()

    editor.focus()
    replaces(page, RIGHT)
    exercise.get_by_role("button", name="Submit").click()
    expect(exercise.get_by_text("Attempt 2: 5 of 5 points").first).to_be_visible(timeout=RUN_MS)
    faults += faults_of(page, "a solved exercise")

    exercise.get_by_role("button", name="Attempt 1, 4 of 5 points").click()
    exercise.get_by_text("Code of attempt 1").click()
    exercise.get_by_role("button", name="Put this code into the editor").click()
    expect(editor).not_to_contain_text("year % 100")
    received.take()
    page.reload()
    expect(exercise_on(page)).not_to_contain_text("year % 100")
    expect(exercise.get_by_text("5 of 5 points").first).to_be_visible()

    received.take()
    assert len(received.jobs) == 3
    parts = [f"/api/v1/jobs/{job}{part}" for job in received.jobs for part in ("", "/events")]
    told = [ada.context.request.get(part).text() for part in parts]
    everything = [*received.bodies, *ada.heard, *told, page.content()]
    assert any("A leap year" in each for each in ada.heard), "what is visible was overheard"
    for word in hidden_words():
        assert not [each[:200] for each in everything if word in each or json.dumps(word)[1:-1] in each], word

    kept = "() => Object.keys(localStorage).filter((name) => name.startsWith('stoa:code:')).length"
    assert page.evaluate(kept) == 1
    ada.signs_out()
    assert page.evaluate(kept) == 0
    assert not faults, "\n".join(faults)


HOLD = f"""
CREATE FUNCTION held_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.run_at = now() + interval '1 day';
    NEW.progress_note = '{SandboxUnavailable.message.replace("'", "''")}';
    RETURN NEW;
END $$;
CREATE TRIGGER held_back BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.kind = 'sandbox_run') EXECUTE FUNCTION held_back()
"""
LET_GO = """
DROP TRIGGER held_back ON jobs;
DROP FUNCTION held_back;
UPDATE jobs SET run_at = now(), progress_note = '' WHERE kind = 'sandbox_run' AND status = 'queued'
"""


def test_while_the_engine_is_away_the_page_says_what_is_waited_for(visit: Visit, app: App) -> None:
    """Its workers' engine is another test's, so a run is stored as `box_for` leaves it without one."""
    page = visit("pia").page
    page.goto(PATH)
    exercise = exercise_on(page)
    app.sql(HOLD)
    try:
        exercise.get_by_role("button", name="Run").click()
        expect(exercise.get_by_text(SandboxUnavailable.message)).to_be_visible()
        expect(exercise.get_by_text("`stoa doctor` says what to install")).to_be_visible()
        faults = faults_of(page, "a run that waits for an engine")
    finally:
        app.sql(LET_GO)
    expect(exercise.get_by_text("All 2 tests passed")).to_be_visible(timeout=RUN_MS)
    assert not faults, "\n".join(faults)


def test_an_instructor_decides_tries_and_an_administrator_sees_the_record(visit: Visit) -> None:
    page = visit("katya").page
    page.goto(PATH)
    exercise = exercise_on(page)
    exercise.get_by_role("button", name="Try this solution").click()
    expect(exercise.get_by_text("4 of 5 tests passed")).to_be_visible(timeout=RUN_MS)
    expect(exercise.get_by_text("The end of a century").last).to_be_visible()
    exercise.get_by_text("Due date and attempts").click()
    attempts = exercise.get_by_role("textbox", name="Attempts")
    attempts.fill("none")
    exercise.get_by_role("button", name="Save").click()
    expect(attempts).to_have_attribute("aria-invalid", "true")
    attempts.fill("3")
    exercise.get_by_label("Due", exact=True).fill("2030-05-31T12:00")
    exercise.get_by_role("button", name="Save").click()
    expect(exercise.get_by_text("31 May 2030")).to_be_visible()
    faults = faults_of(page, "the instructor's exercise")

    phone = visit("emi", phone=True, dark=True).page
    phone.goto(PATH)
    exercise = exercise_on(phone)
    expect(exercise.get_by_text("3 of 3 attempts left")).to_be_visible()
    exercise.get_by_role("button", name="Run").tap()
    expect(exercise.get_by_text("All 2 tests passed")).to_be_visible(timeout=RUN_MS)
    faults += faults_of(phone, "an exercise on a phone")

    for dark in (False, True):
        page = visit("pia", dark=dark).page
        page.goto("/admin/sandbox")
        page.get_by_label("Verdict").select_option("accepted")
        run = page.get_by_role("list", name="Runs").get_by_role("listitem").first
        run.get_by_text("Commands, files and limits").click()
        expect(run.get_by_text("Files it opened")).to_be_visible()
        faults += faults_of(page, "the sandbox's record")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as JSON lines").click()
    verdicts = {json.loads(line)["verdict"] for line in download.value.path().read_text().splitlines()}
    assert verdicts == {"accepted"}
    assert not faults, "\n".join(faults)
