"""A person with a browser, and the tutor's panel as they see it."""

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocket, expect

from tests.e2e.app import PASSWORD, App

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
CHEMISTRY = "/s/chemistry-autumn/l/the-mole"
PYTHON = "/s/python-autumn/l/loops-that-count"
LOCAL_MODEL_MS = 150_000


class Visitor:
    """One browser context: its first page is open, and `who` is signed in."""

    def __init__(self, app: App, browser: Browser, who: str = "", *, phone: bool = False, dark: bool = False) -> None:
        self._app = app
        self.complaints: list[str] = []
        self.heard: list[str] = []
        """Everything that pages were sent over websockets."""
        self._expected: list[str] = []
        self.context: BrowserContext = browser.new_context(
            base_url=app.url,
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            is_mobile=phone,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            timezone_id="Europe/Paris",
        )
        self.context.set_default_timeout(20_000)
        self.context.on("page", self._listen)
        self.page = self.context.new_page()
        if who:
            self.sign_in_quietly(who)

    def sign_in_quietly(self, who: str) -> None:
        """Get the session's cookie, without the form."""
        answer = self.context.request.post(
            "/api/v1/session", data={"email": f"{who}@example.org", "password": PASSWORD}
        )
        assert answer.status == 201, answer.text()

    def expects(self, complaint: str) -> None:
        """The console may say this (a pattern): the test provokes it."""
        self._expected.append(complaint)

    def leave(self) -> None:
        """Close the browser."""
        self.context.close()

    def goes(self, path: str) -> "Tutor":
        """Load a page; returns the tutor on it."""
        self.page.goto(path)
        return Tutor(self.page)

    def opens_tab(self, path: str) -> "Tutor":
        """Load a page in another tab."""
        page = self.context.new_page()
        page.goto(path)
        return Tutor(page)

    def signs_in(self, who: str, password: str = PASSWORD) -> None:
        """Fill in the form on the sign-in page and send it."""
        self.page.get_by_label("E-mail address").fill(f"{who}@example.org")
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def signs_out(self) -> None:
        """By the account menu."""
        self.page.get_by_role("button", name=re.compile("^Account of")).click()
        self.page.get_by_role("button", name="Sign out", exact=True).click()
        expect(self.page.get_by_role("heading", name="Sign in")).to_be_visible()

    def _listen(self, page: Page) -> None:
        page.on("console", lambda message: self._note(message.text, message.type))
        page.on("pageerror", lambda error: self._note(str(error), "error"))
        page.on("websocket", self._overhear)

    def _overhear(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: self.heard.append(str(payload)))

    def _note(self, text: str, kind: str) -> None:
        if kind == "error" and not any(re.search(expected, text) for expected in self._expected):
            self.complaints.append(text)


class Tutor:
    """The conversation on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.log = page.get_by_role("log", name="Conversation")
        self.composer = page.get_by_role("textbox", name="Message")
        self.stop = page.get_by_role("button", name="Stop", exact=True)
        self.questions = self.log.locator(".stoa-question")
        self.answers = self.log.locator(".stoa-answer")

    @property
    def answer(self) -> Locator:
        """The last one."""
        return self.answers.last

    @property
    def text(self) -> Locator:
        """The last answer's text, without its buttons."""
        return self.answer.locator(".stoa-prose")

    def begins_afresh(self) -> "Tutor":
        """Leave the conversation that a lesson opens with, if there is one."""
        self.is_loaded()
        anew = self.page.get_by_role("button", name="New conversation")
        if anew.is_visible():
            anew.click()
        expect(self.answers).to_have_count(0)
        return self

    def is_loaded(self) -> "Tutor":
        """Wait until the page shows what it is about."""
        expect(self.composer).to_be_visible()
        expect(self.page.locator(".skeleton, .stoa-skeleton")).to_have_count(0)
        return self

    def asks(self, question: str) -> "Tutor":
        """Write and send."""
        self.is_loaded()
        self.composer.fill(question)
        self.composer.press("Enter")
        return self

    def hears(self, text: str, **how: Any) -> "Tutor":
        """Wait until the answer contains `text`."""
        expect(self.text).to_contain_text(text, **how)
        return self

    def hears_out(self, timeout: float = 30_000) -> str:
        """Wait for the end of the answer; its text."""
        expect(self.page.get_by_role("button", name="Regenerate")).to_be_visible(timeout=timeout)
        return self.text.inner_text().strip()
