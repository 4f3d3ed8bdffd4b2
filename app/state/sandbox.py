"""The sandbox's audit: what ran, for whom, what it touched, and how it ended."""

from datetime import timedelta
from typing import Any, TypedDict
from urllib.parse import urlencode

import reflex as rx

from app.state.session import Session, acting
from backend.core.clock import now
from backend.core.errors import Invalid, StoaError
from backend.sandbox import RUNS_PAGE, RunFilter, RunLine, Verdict, audit_retention, read_runs

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

    @rx.var
    def export(self) -> str:
        """Where the same runs are as JSON lines."""
        chosen = {"verdict": self.verdict, "person": self.search, "period": self.period}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return "/api/v1/sandbox/runs.jsonl" + (f"?{query}" if query else "")

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem, self.search, self.verdict, self.period = "", "", "", ""
        try:
            self.retention = audit_retention().days
            await self._refresh()
        except StoaError as error:
            return self._refusal(error)
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show only runs of people whose name or address holds `text`."""
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
        since = now() - PERIODS[self.period] if self.period else None
        chosen = RunFilter(verdict=self.verdict, person=self.search, since=since)
        return [_item(line) for line in await read_runs(acting(), chosen, after=after)]
