"""Fixtures of the browser tests: one app, started by its real command, for the whole run; a browser context per person.

Run them by themselves: `pytest tests/e2e`. Playwright's synchronous interface and tests that are coroutines don't mix.

python-autumn keeps the real local model; the sections of chemistry are answered by a replay server, whose answers are
in `script.py`. Turns are swept at about a quarter of the usual times, and failed jobs are tried again within a second:
`stoa up` brings a worker of each lane, as it does for everybody. The demo's limits are lifted, for no person types
as fast as these tests; `test_limits.py` sets its own for chemistry-evening.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect, sync_playwright

from backend.core.embedded.ports import free_port
from tests.e2e.app import PASSWORD, App
from tests.e2e.script import replaying
from tests.e2e.visitor import Visitor
from tests.support.replay import API_KEY
from tests.support.replay_answers import MODEL
from tests.support.running import data_directory, services_of, stoa, stoa_up
from tests.support.services import run_folder

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
TIMES = {
    "STOA_GENAI_CONFIG_CACHE": "0.2",
    "STOA_TURN_CHECKPOINT": "0.5",
    "STOA_TURN_SILENCE": "4",
    "STOA_TURN_SWEEP": "0.5",
    "STOA_SSE_COMMENT": "2",
    "STOA_JOB_BACKOFF": "0.2",
    "STOA_JOB_BACKOFF_CAP": "0.5",
    "STOA_JOB_RECONCILE": "0.5",
}
ENGINE = {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ} | {"STOA_SANDBOX_WARM": "1"}
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test waits for the build; the one that kills the web process goes last."""
    for item in items:
        item.add_marker(pytest.mark.timeout(300))
    items.sort(key=lambda item: item.path.name == "test_lost_process.py")


@pytest.fixture(scope="session")
def app() -> Iterator[App]:
    """Stoa with its demo, answering."""
    folder = run_folder() / "e2e"
    folder.mkdir(mode=0o711)
    port = free_port()
    variables = {"STOA_DEMO_PASSWORD": PASSWORD, **TIMES, **ENGINE}
    with (
        data_directory(folder) as data_dir,
        replaying() as replay_url,
        stoa_up(data_dir, port, environment=variables) as up,
    ):
        running = App(f"http://localhost:{port}", data_dir, services_of(data_dir)["DATABASE_URL"])
        running.wait_until_healthy()
        _answer_chemistry_by(replay_url, folder, data_dir)
        running.sql("DELETE FROM usage_limits")
        yield running
        up.end()


def _answer_chemistry_by(replay_url: str, folder: Path, data_dir: Path) -> None:
    file = folder / "models.yaml"
    model = {"name": "replay", "provider": "openai", "model": MODEL, "url_template": replay_url, "api_key": API_KEY}
    overrides = [
        {"feature": "student_dialogue", "section": section, "service_config": "replay"}
        for section in ("chemistry-autumn", "chemistry-evening")
    ]
    chain = {"name": "replay", "primary_model": "replay"}
    catalogue = {"models": [model], "service_configs": [chain], "feature_configs": overrides}
    file.write_text(yaml.safe_dump(catalogue))
    with stoa(data_dir, "genai", "import", str(file)) as command:
        assert command.ends() == 0, command.output


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the system's, or the one that Playwright brought."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=ARGUMENTS
        )
        yield started
        started.close()


@pytest.fixture
def visit(app: App, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser of its own for a person: `visit("ada")`, `visit()` for nobody, `visit("ada", phone=True)`.

    When the test ends, an error in any page's console fails it.
    """
    visitors: list[Visitor] = []

    def open_browser(who: str = "", **how: bool) -> Visitor:
        visitors.append(Visitor(app, browser, who, **how))
        return visitors[-1]

    yield open_browser
    for visitor in visitors:
        visitor.leave()
    assert not [complaint for visitor in visitors for complaint in visitor.complaints]


@pytest.fixture
def ada(visit: Callable[..., Visitor]) -> Visitor:
    """A student of python-autumn and chemistry-autumn, signed in."""
    return visit("ada")
