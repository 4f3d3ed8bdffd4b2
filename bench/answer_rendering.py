"""The browser's main thread while 1,500 tokens stream at 100 tokens/s: our chat beside `rx.markdown` in state.

    python -m bench.answer_rendering

Both show the same Markdown (headings, lists, tables, code, formulas) in headless Chromium. Main-thread time is
Chromium's own count of task time (CDP `Performance.getMetrics`); a long task is one over 50 ms (`PerformanceObserver`).
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from playwright.sync_api import Page, sync_playwright

from backend.core.database import dispose_engine
from backend.core.embedded.frontend import reflex_environment
from backend.core.embedded.ports import free_port
from backend.core.settings import get_settings
from bench import stage
from tests.support.replay import Replay

TOKENS = 1_500
TOKENS_PER_SECOND = 100
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
END = "The end of the answer."
PARAGRAPH = """## Part {n}

A loop gives a **name** to each value of a sequence and runs its body once for every one of them; see `range({n})`.

- it starts at $0$ and stops before $n$, so that $\\sum_{{i=0}}^{{n-1}} i = \\frac{{n(n-1)}}{{2}}$
- the second number is the first one that is *not* used

| i | square |
| - | ------ |
| {n} | {n} |

```python
for i in range({n}):
    print(f"{{i}} squared is {{i * i}}")
```

"""

NAIVE_APP = """
import asyncio, reflex as rx

PIECES = {pieces!r}

class Talk(rx.State):
    text: str = ""

    @rx.event(background=True)
    async def ask(self):
        for at in range(0, len(PIECES), {per_flush}):
            async with self:
                self.text += "".join(PIECES[at : at + {per_flush}])
            await asyncio.sleep(0.04)

app = rx.App()
app.add_page(lambda: rx.el.main(rx.el.button("Ask", on_click=Talk.ask), rx.markdown(Talk.text)), route="/")
"""


def pieces() -> list[str]:
    """The answer in tokens, ending with a line to wait for."""
    words: list[str] = []
    number = 1
    while len(words) < TOKENS - 10:
        words += PARAGRAPH.format(n=number).replace(" ", " \0").split("\0")
        number += 1
    return [*words[: TOKENS - 10], "\n\n```\n\n", END]


def watched(page: Page, begin: Callable[[], None]) -> dict[str, float]:
    """Main-thread seconds and long tasks from `begin` until the end of the answer is on the page."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.evaluate(
        "() => { window.longTasks = []; new PerformanceObserver(list => window.longTasks.push(...list.getEntries()"
        ".map(each => each.duration))).observe({type: 'longtask'}) }"
    )
    before = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    begun = time.monotonic()
    begin()
    page.get_by_text(END).first.wait_for(timeout=600_000)
    wall = time.monotonic() - begun
    after = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    long_tasks = page.evaluate("() => window.longTasks")
    return {
        "wall": wall,
        "busy": after["TaskDuration"] - before["TaskDuration"],
        "script": after["ScriptDuration"] - before["ScriptDuration"],
        "layout": after["LayoutDuration"] - before["LayoutDuration"],
        "long_tasks": len(long_tasks),
        "longest_ms": max(long_tasks, default=0),
    }


def ours(page: Page, address: str) -> dict[str, float]:
    """Ask the tutor beside a lesson."""
    page.goto(f"{address}/login")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(stage.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{address}/s/{stage.SECTION}/l/loops-that-count")
    composer = page.locator("textarea")
    composer.fill("Tell me everything.")
    return watched(page, lambda: composer.press("Enter"))


def naive(page: Page, address: str) -> dict[str, float]:
    """Ask the scratch app."""
    page.goto(address)
    page.wait_for_timeout(2_000)
    return watched(page, page.get_by_role("button", name="Ask").click)


@contextmanager
def naive_app() -> Iterator[str]:
    """The alternative: a Reflex app that appends to a state var and shows it with `rx.markdown`."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="stoa-naive-") as folder:
        root = Path(folder)
        (root / "naive").mkdir()
        (root / "rxconfig.py").write_text(
            textwrap.dedent(f"""
            import reflex as rx
            config = rx.Config(app_name="naive", api_url="http://localhost:{port}", telemetry_enabled=False,
                               plugins=[rx.plugins.RadixThemesPlugin()])
            """)
        )
        per_flush = TOKENS_PER_SECOND * 40 // 1000
        (root / "naive" / "naive.py").write_text(NAIVE_APP.format(pieces=pieces(), per_flush=per_flush))
        environment = os.environ | reflex_environment(get_settings(), root / ".web")
        for name in ("REFLEX_ENV_MODE", "REFLEX_STATES_WORKDIR"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "reflex", "run", "--env", "prod", "--backend-port", str(port)]
        with (root / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=root, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        address = f"http://localhost:{port}"
        try:
            while process.poll() is None:
                try:
                    if httpx2.get(f"{address}/ping").status_code == 200:
                        break
                except httpx2.TransportError:
                    time.sleep(0.5)
            yield address
        finally:
            os.killpg(process.pid, 9)
            process.wait()


def report(name: str, found: dict[str, float]) -> None:
    """One line."""
    print(
        f"{name:12} main thread {found['busy']:6.2f} s of {found['wall']:.1f} s (script {found['script']:.2f}, "
        f"layout {found['layout']:.2f}), {found['long_tasks']:.0f} long tasks, longest {found['longest_ms']:.0f} ms",
        flush=True,
    )


async def _point_at(url: str) -> None:
    await stage.use_model(url)
    await dispose_engine()


@contextmanager
def provider() -> Iterator[str]:
    """The replay provider with our answer, in a thread; yields its base URL."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    server = Replay.openai(pieces(), tokens_per_second=TOKENS_PER_SECOND)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    yield f"{server.url}/v1"
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)


def main() -> None:
    """Print both, and their ratio."""
    with stage.services(), provider() as url:
        asyncio.run(_point_at(url))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
            with stage.web(free_port()) as web:
                mine = ours(browser.new_page(), web.address)
            report("Stoa", mine)
            with naive_app() as address:
                other = naive(browser.new_page(), address)
            report("rx.markdown", other)
            print(f"ratio {mine['busy'] / other['busy']:.3f}")
            browser.close()


if __name__ == "__main__":
    main()
