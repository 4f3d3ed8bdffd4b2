"""What the lesson page weighs, and when a reader first sees something of it.

    python -m bench.page_weight [--runs 5]

Each row is the median of `--runs` visits with Chromium over loopback, signed in, as fresh browser contexts:

- *first visit*: nothing is cached;
- *later visit*: a second lesson opened in the same context by its address, so with the browser's cache.

*transferred* is what came over the wire: response bodies as they were encoded (gzip, woff2) with their headers, until
the lesson's text and the tutor are there (CDP `Network.loadingFinished`, and websocket frames). *first paint*
and *largest paint* are the browser's own entries (Paint Timing, Largest Contentful Paint), in milliseconds since the
navigation began; *text* is when the lesson's heading stood on the page.
"""

import argparse
import os
import shutil
from collections import Counter
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from backend.core.embedded.ports import free_port
from bench import stage

LESSONS = ("/s/python-autumn/l/loops-that-count", "/s/python-autumn/l/loops-that-wait")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
KIB = 1024
PAINTS = """() => new Promise((done) => {
  const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
  new PerformanceObserver((list) => done([first, list.getEntries().at(-1).startTime]))
    .observe({ type: "largest-contentful-paint", buffered: true });
})"""
Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    with stage.services(), stage.web(free_port()) as web, sync_playwright() as playwright:
        executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        visits = [_visits(browser, web.address) for _ in range(arguments.runs)]
        browser.close()
    for name, figures in zip(("first visit", "later visit"), zip(*visits, strict=True), strict=True):
        print(f"{name} of the lesson page, median of {arguments.runs}:")
        for kind in figures[0]:
            print(f"  {kind:24}{median(each[kind] for each in figures):10.1f}")


def _visits(browser: Browser, address: str) -> list[Figures]:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    credentials = {"email": "ada@example.org", "password": stage.PASSWORD}
    answer = context.request.post("/api/v1/session", data=credentials)
    if answer.status != 201:
        raise SystemExit(f"Can't sign in: {answer.text()}")
    figures = [_visit(context, lesson) for lesson in LESSONS]
    context.close()
    return figures


def _visit(context: BrowserContext, lesson: str) -> Figures:
    page = context.new_page()
    traffic = _Traffic(page)
    page.goto(lesson)
    page.locator(".stoa-prose-lesson").wait_for()
    text = page.evaluate("performance.now()")
    page.locator(".stoa-composer").wait_for()
    page.wait_for_load_state("networkidle")
    first, largest = page.evaluate(PAINTS)
    page.close()
    return {
        "transferred KiB": sum(traffic.bytes.values()) / KIB,
        **{
            f"  {kind} KiB": traffic.bytes[kind] / KIB
            for kind in ("Document", "Script", "Stylesheet", "Font", "websocket")
        },
        "requests": traffic.requests,
        "first paint ms": first,
        "largest paint ms": largest,
        "text ms": text,
    }


class _Traffic:
    """Bytes over the wire by kind of resource."""

    def __init__(self, page: Page) -> None:
        self.bytes: Counter[str] = Counter()
        self.requests = 0
        self._kinds: dict[str, str] = {}
        wire = page.context.new_cdp_session(page)
        wire.on("Network.responseReceived", lambda event: self._kinds.update({event["requestId"]: event["type"]}))
        wire.on("Network.loadingFinished", self._finished)
        wire.on("Network.webSocketFrameReceived", self._frame)
        wire.send("Network.enable")

    def _finished(self, event: dict[str, Any]) -> None:
        if size := event["encodedDataLength"]:
            self.requests += 1
            self.bytes[self._kinds.get(event["requestId"], "other")] += int(size)

    def _frame(self, event: dict[str, Any]) -> None:
        self.bytes["websocket"] += len(event["response"]["payloadData"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.page_weight", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
