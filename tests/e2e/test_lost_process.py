"""The web process is killed in the middle of an answer. The last tests of the run: everyone's connection breaks."""

import os
import signal
import time
from contextlib import suppress

from playwright.sync_api import expect

from tests.e2e.app import App
from tests.e2e.script import COUNTED
from tests.e2e.visitor import CHEMISTRY, Visitor

BROKEN = "ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|ERR_NETWORK|ERR_SOCKET|WebSocket"


def test_a_killed_web_process_leaves_the_partial_answer_and_a_retry(ada: Visitor, app: App) -> None:
    ada.expects(BROKEN)
    tutor = ada.goes(CHEMISTRY).begins_afresh().asks("count").hears("word20")
    killed = app.web_process()
    os.kill(killed, signal.SIGKILL)
    expect(tutor.answer.get_by_text("The answer was interrupted.")).to_be_visible(timeout=60_000)
    kept = tutor.text.inner_text().strip()
    assert "word20" in kept
    assert COUNTED.startswith(kept)
    expect(tutor.page.get_by_text("No connection")).to_have_count(0)
    tutor.page.get_by_role("button", name="Retry").click()
    assert tutor.hears_out() == COUNTED
    expect(tutor.questions).to_have_count(1)
    with suppress(ProcessLookupError):
        os.kill(killed, 0)
    assert app.web_process() != killed


def test_what_is_asked_while_the_process_is_away_comes_back_to_be_sent_again(ada: Visitor, app: App) -> None:
    ada.expects(BROKEN)
    tutor = ada.goes(CHEMISTRY).begins_afresh()
    os.kill(app.web_process(), signal.SIGKILL)
    time.sleep(0.2)
    tutor.asks("are you there?")
    expect(tutor.page.get_by_text("No connection")).to_be_visible()
    expect(tutor.page.get_by_role("alert")).to_contain_text("send it again", timeout=60_000)
    expect(tutor.composer).to_have_value("are you there?")
    tutor.composer.press("Enter")
    tutor.hears("You said: are you there?")
