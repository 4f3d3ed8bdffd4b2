"""The sandbox's audit: what ran, for whom, what it touched, and how it ended."""

from datetime import datetime, timedelta
from typing import Any, TypedDict
from urllib.parse import urlencode

import reflex as rx

from app.state.audit import in_words
from app.state.session import Session, acting
from backend.core.clock import now
from backend.core.errors import Invalid, StoaError
from backend.core.settings import get_settings
from backend.sandbox import RUNS_PAGE, RunLine, Verdict, read_runs

PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
"""How far back the list goes; all that is kept without one."""
LONGEST_SEARCH = 200


class FactItem(TypedDict):
    """Something about a run, in words."""

    name: str
    value: str


class RunItem(TypedDict):
    """A run. What a program did is what it claims to have done: text, and nothing but text."""

    id: str
    at: str
    who: str
    subject: str
    verdict: str
    good: bool
    took: str
    facts: list[FactItem]
    commands: list[str]
    executed: list[str]
    opened: list[str]
    events: list[str]
    cursor: str


class SandboxState(Session):
    """The runs, filtered and paged."""

    runs: list[RunItem] = []
    verdict: str = ""
    period: str = ""
    search: str = ""
    has_more: bool = False
    retention: int = 0
    loading: bool = True

    _since: str = ""
    """The moment that the period began when it was chosen."""

    @rx.var
    def export(self) -> str:
        """Where the same runs are as JSON lines."""
        chosen = {"verdict": self.verdict, "search": self.search, "since": self._since}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return "/api/v1/sandbox/runs.jsonl" + (f"?{query}" if query else "")

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem, self.search, self.verdict, self.period, self._since = "", "", "", "", ""
        try:
            self.retention = get_settings().sandbox_days
            await self._refresh()
        except StoaError as error:
            return self._refusal(error)
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show only runs of a person, a submission or an image that `text` names."""
        self.search = text[:LONGEST_SEARCH] if isinstance(text, str) else ""
        await self._refresh()

    @rx.event
    async def choose_verdict(self, verdict: str) -> None:
        """Show only runs that ended so; all when empty."""
        if verdict not in ("", *Verdict):
            raise Invalid("There is no such verdict.")
        self.verdict = verdict
        await self._refresh()

    @rx.event
    async def choose_period(self, period: str) -> None:
        """Show only runs since then; all when empty."""
        if period not in ("", *PERIODS):
            raise Invalid("There is no such period.")
        self.period = period
        self._since = (now() - PERIODS[period]).isoformat() if period else ""
        await self._refresh()

    @rx.event
    async def show_older(self) -> None:
        """The next page."""
        if self.runs:
            older = await self._page(after=self.runs[-1]["cursor"])
            self.runs = [*self.runs, *older]
            self.has_more = len(older) == RUNS_PAGE

    async def _refresh(self) -> None:
        self.runs = await self._page()
        self.has_more = len(self.runs) == RUNS_PAGE

    async def _page(self, after: str = "") -> list[RunItem]:
        since = datetime.fromisoformat(self._since) if self._since else None
        lines = await read_runs(acting(), search=self.search, verdict=self.verdict, since=since, after=after)
        return [_item(line) for line in lines]


def _item(line: RunLine) -> RunItem:
    commands = list(line.commands)
    return RunItem(
        id=str(line.id),
        at=line.started_at.isoformat(),
        who=line.who or "Nobody who is known",
        subject=line.owner,
        verdict=in_words(line.verdict or "ended").capitalize(),
        good=line.verdict in (None, Verdict.ACCEPTED),
        took=f"{line.wall_seconds:.2f} s",
        facts=_facts(line),
        commands=[_command(each) for each in commands],
        executed=_paths(commands, "executed"),
        opened=_paths(commands, "opened"),
        events=[_event(event, line.started_at) for event in line.events],
        cursor=line.cursor,
    )


def _facts(line: RunLine) -> list[FactItem]:
    used = f"{line.cpu_seconds:.2f} s of processor, {line.max_rss_kb / 1024:.0f} MB of memory"
    limits = ", ".join(f"{in_words(name)} {value}" for name, value in line.limits.items())
    image = f"{line.image} ({line.runtime})" if line.runtime else line.image
    containers = ", ".join(each[:12] for each in line.containers)
    told = {"Used": used, "Limits": limits, "Image": image, "Containers": containers}
    return [FactItem(name=name, value=value) for name, value in told.items() if value]


def _command(command: dict[str, Any]) -> str:
    """One command: what was run with which files, and how it ended."""
    ended = f"signal {command['signal']}" if command.get("signal") else f"exit {command.get('exit')}"
    files = ", ".join(f"{path} ({size} bytes)" for path, size in command.get("files", {}).items())
    told = [" ".join(command["argv"]), in_words(command.get("verdict") or ended), f"with {files}" if files else ""]
    return " · ".join(filter(None, told))


def _event(event: dict[str, Any], began: datetime) -> str:
    """What the engine noted, and when: a warm container was made before the run began."""
    after = event["at"] - began.timestamp()
    return f"{event['event']}, {abs(after):.1f} s {'before the run' if after < 0 else 'after it began'}"


def _paths(commands: list[dict[str, Any]], name: str) -> list[str]:
    """Each path that any of the commands executed or opened, once."""
    return list(dict.fromkeys(path for command in commands for path in command.get(name, ())))
