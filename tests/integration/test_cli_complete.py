"""`stoa complete` and `stoa genai` as people and programs run them."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from backend.core.settings import PROJECT_ROOT
from backend.genai import Feature
from backend.terminal import complete_in_terminal
from tests.support.genai import ledger_rows, make_section, model_of, nothing_remembered, register, store
from tests.support.replay import API_KEY, Replay
from tests.support.replay_answers import openai_answer, openai_error
from tests.support.running import data_directory, processes_of
from tests.support.services import SECRET_KEY

LONG = openai_answer(["word "] * 600).pace(60)
OVERLOADED = openai_error(503, "overloaded", type="server_error")
STOP_WITHIN = 10.0
"""Seconds for a whole process to wind down, on a machine that may be busy."""
TUTOR = Feature.STUDENT_DIALOGUE


@dataclass
class Ran:
    """A command that ended."""

    status: int | None
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return events_in(self.out)


class Stoa:
    """The `stoa` command in one environment."""

    def __init__(self, **environment: str) -> None:
        inherited = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
        self._environment = inherited | environment

    async def start(self, *arguments: str) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backend.cli", *arguments,
            env=self._environment, cwd=PROJECT_ROOT, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True,
            preexec_fn=_hear_interrupts,
        )  # fmt: skip

    async def run(self, *arguments: str) -> Ran:
        return await ended(await self.start(*arguments))


def _hear_interrupts() -> None:
    """A run in a shell's background ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def ended(process: Process) -> Ran:
    out, err = await process.communicate()
    return Ran(process.returncode, out.decode(), err.decode())


def events_in(lines: str) -> list[dict[str, Any]]:
    """The events, those of adjacent pieces of text as one."""
    joined: list[dict[str, Any]] = []
    for event in map(json.loads, lines.splitlines()):
        if joined and event["event"] == joined[-1]["event"] == "text":
            joined[-1] |= {"text": joined[-1]["text"] + event["text"], "ms": event["ms"]}
        else:
            joined.append(event)
    return joined


@pytest.fixture
async def stoa(services: None, database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Stoa]:
    """The command on the test's own services."""
    async with nothing_remembered():
        yield Stoa(
            DATABASE_URL=database, REDIS_URL=valkey, SECRET_KEY=SECRET_KEY, STOA_DATA_DIR=str(tmp_path / ".stoa")
        )


async def test_a_file_is_imported_and_answered_from_by_commands_that_bring_their_services(
    tmp_path: Path,
) -> None:
    async with Replay(openai_answer("Six times ten\nto the 23rd.")) as replay:
        file = tmp_path / "models.json"
        file.write_text(json.dumps(catalogue(replay)))
        with data_directory(tmp_path) as data_dir:
            stoa = Stoa(STOA_DATA_DIR=str(data_dir), STOA_LOCAL_MODEL="false")
            imported = await stoa.run("genai", "import", str(file))
            assert (imported.status, imported.out) == (0, "")
            assert imported.err == "Stored 1 models, 1 service configs, 1 feature configs.\n"
            assert processes_of(data_dir) == {}

            answered = await stoa.run("complete", "--json", "What is a mole?")
            assert (answered.status, answered.err) == (0, "")
            assert processes_of(data_dir) == {}
    routed, text, usage, finished = answered.events
    assert (routed["event"], routed["model"], routed["reason"]) == ("routed", "mine", "primary")
    assert (text["event"], text["text"]) == ("text", "Six times ten\nto the 23rd.")
    assert (usage["event"], usage["input_tokens"], usage["output_tokens"]) == ("usage", 11, 6)
    assert (usage["estimated"], usage["cost_usd"]) == (False, 0.000017)
    assert (finished["event"], finished["reason"], finished["model"]) == ("finished", "stop", "replay-1")
    assert 0 <= routed["ms"] <= text["ms"] <= usage["ms"] <= finished["ms"]
    (asked,) = replay.requests
    assert (asked.headers["authorization"], asked.json["model"]) == (f"Bearer {API_KEY}", "replay-1")
    assert asked.json["messages"] == [{"role": "user", "content": "What is a mole?"}]


def catalogue(replay: Replay) -> dict[str, Any]:
    return {
        "models": [model_of(replay, "mine", price_input=1, price_output=1)],
        "service_configs": [{"name": "Default", "primary_model": "mine"}],
        "feature_configs": [{"feature": "student_dialogue", "service_config": "Default"}],
    }


async def test_what_is_exported_is_what_was_imported_without_secrets(stoa: Stoa, tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    async with Replay(openai_answer()) as replay:
        entries = catalogue(replay)
    file.write_text(json.dumps(entries))
    assert (await stoa.run("genai", "import", str(file))).status == 0
    exported = await stoa.run("genai", "export")
    assert (exported.status, exported.err) == (0, "")
    assert API_KEY not in exported.out
    again = yaml.safe_load(exported.out)
    del entries["models"][0]["api_key"]
    assert again["models"][0].items() >= entries["models"][0].items()
    assert again["service_configs"] == entries["service_configs"]
    assert again["feature_configs"] == entries["feature_configs"]


async def test_a_fallback_shows_in_the_events(stoa: Stoa) -> None:
    async with Replay(OVERLOADED) as bad, Replay(openai_answer("Six.")) as good:
        await register(model_of(bad), model_of(good, "second"))
        ran = await stoa.run("complete", "--json", "?")
    assert ran.status == 0
    first, retried, second, text, *_ = ran.events
    assert (first["model"], first["reason"]) == ("primary", "primary")
    assert (retried["model"], retried["reason"]) == ("primary", "retried:provider_unavailable")
    assert (second["event"], second["model"]) == ("routed", "second")
    assert second["reason"] == "failed_over:provider_unavailable"
    assert text["text"] == "Six."


async def test_a_provider_that_fails_is_an_error_event_and_status_1(stoa: Stoa) -> None:
    async with Replay(OVERLOADED) as replay:
        await register(model_of(replay))
        ran = await stoa.run("complete", "--json", "?")
    assert ran.status == 1
    assert "Traceback" not in ran.err
    _, retried, error = ran.events
    assert error.pop("ms") >= retried["ms"]
    assert error == {
        "event": "error",
        "error": "ProviderUnavailable",
        "reason": "provider_unavailable",
        "message": "The language model can't be reached right now. Please try again in a moment.",
        "detail": "server_error: overloaded",
        "status": 503,
    }


async def test_an_unknown_section_is_a_clear_message_and_status_1(stoa: Stoa) -> None:
    ran = await stoa.run("complete", "--section", "nowhere", "?")
    assert (ran.status, ran.out, ran.err.strip()) == (1, "", "There is no section “nowhere”.")


async def test_a_file_with_faults_is_refused_line_by_line_and_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("models:\n- name: a\n  provider: openai\n  model: m\n  stall_timeout: 0\n  colour: red\n")
    ran = await Stoa(STOA_DATA_DIR=str(tmp_path / ".stoa")).run("genai", "import", str(file))
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "stoa: models[0].stall_timeout: Input should be greater than 0",
        "models[0].colour: Extra inputs are not permitted",
    ]
    assert not (tmp_path / ".stoa").exists()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_a_stopped_command_closes_the_request_and_leaves_a_row(stoa: Stoa, sign: signal.Signals) -> None:
    async with Replay(LONG) as replay:
        await register(model_of(replay))
        process = await answering(stoa)
        process.send_signal(sign)
        await asyncio.wait_for(replay.requests[0].closed.wait(), STOP_WITHIN)
        ran = await ended(process)
    assert replay.requests[0].hung_up
    assert ran.status not in {0, None}
    assert "finished" not in ran.out
    assert "Traceback" not in ran.err
    assert [row.outcome for row in await ledger_rows()] == ["cancelled"]


async def answering(stoa: Stoa) -> Process:
    """A command in the middle of its answer."""
    process = await stoa.start("complete", "--json", "?")
    assert process.stdout is not None
    while b'"text"' not in await process.stdout.readline():
        assert not process.stdout.at_eof()
    return process


async def test_a_reader_that_leaves_ends_the_command_without_a_traceback(stoa: Stoa) -> None:
    async with Replay(LONG) as replay:
        await register(model_of(replay))
        process = await answering(stoa)
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        await asyncio.wait_for(replay.requests[0].closed.wait(), STOP_WITHIN)
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        assert await process.wait() == 1


class Terminal:
    """`complete_in_terminal` in this process, for what needs no process of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def ask(
        self, feature: Feature = TUTOR, section: str | None = None, model: str | None = None, as_json: bool = True
    ) -> Ran:
        with capture_logs():  # the command sends them to standard error; without it, structlog prints them
            whole = await complete_in_terminal("?", feature, section, model, as_json=as_json)
        printed = self._capsys.readouterr()
        return Ran(0 if whole else 1, printed.out, printed.err)


@pytest.fixture
async def terminal(database: str, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Terminal]:
    async with nothing_remembered():
        yield Terminal(capsys)


async def test_a_section_and_a_model_can_be_named(terminal: Terminal) -> None:
    await make_section()
    async with Replay(openai_answer("First.")) as first, Replay(openai_answer("Second.")) as second:
        await register(model_of(first), model_of(second, "second"))
        await store(
            service_configs=[{"name": "own", "primary_model": "second"}],
            feature_configs=[{"feature": "student_dialogue", "section": "python-autumn", "service_config": "own"}],
        )
        usual = (await terminal.ask()).events
        in_section = (await terminal.ask(section="python-autumn")).events
        by_name = (await terminal.ask(section="python-autumn", model="primary")).events
    assert [(routed["model"], routed["reason"], text["text"]) for routed, text, *_ in (usual, in_section, by_name)] == [
        ("primary", "primary", "First."),
        ("second", "primary", "Second."),
        ("primary", "requested", "First."),
    ]


async def test_what_cannot_be_asked_is_one_error_event(terminal: Terminal) -> None:
    async with Replay(openai_answer()) as replay:
        await register(model_of(replay))
        refused = [
            await terminal.ask(feature=Feature.COURSE_OUTLINE),
            await terminal.ask(feature=Feature.SEMANTIC_SEARCH),
            await terminal.ask(model="nobody"),
            await terminal.ask(section="nowhere"),
        ]
    assert {ran.status for ran in refused} == {1}
    assert [[event["message"] for event in ran.events] for ran in refused] == [
        ["No language model is set up for this yet. Please tell your administrator."],
        ["semantic_search has an embedding model, which doesn't write answers."],
        ["There is no registered model named “nobody”."],
        ["There is no section “nowhere”."],
    ]
    assert replay.requests == []


async def test_people_read_the_answer_and_beside_it_who_gave_it(terminal: Terminal) -> None:
    async with Replay(openai_answer("Six times\nten.")) as replay:
        await register(model_of(replay))
        ran = await terminal.ask(as_json=False)
    assert (ran.status, ran.out) == (0, "Six times\nten.\n")
    assert ran.err.startswith("[primary: primary]\n\n[11 tokens in, 3 out, ")


async def test_people_read_why_an_answer_broke_off(terminal: Terminal) -> None:
    async with Replay(openai_answer("Six times ten.").cut(after=2)) as replay:
        await register(model_of(replay))
        ran = await terminal.ask(as_json=False)
    assert (ran.status, ran.out) == (1, "Six times ")
    assert "The language model can't be reached right now." in ran.err
