"""A person's jobs, filtered, paged and kept up to date."""

from typing import Any

import reflex as rx

from app.state.job_words import STATUSES, Choice, JobItem, chosen, job_item, kinds
from app.state.session import Session, acting
from backend.core.errors import StoaError
from backend.core.ids import parse_id
from backend.jobs import JobStatus, known_kinds, list_jobs, names_of


class JobsState(Session):
    """One page of the list at a time: it is read anew at every beat, wherever one is in it."""

    jobs: list[JobItem] = []
    statuses: list[Choice] = STATUSES
    kinds: list[Choice] = []
    status: str = ""
    kind: str = ""
    befores: list[str] = []
    """Where each page after the first begins, up to this one."""
    next_before: str = ""
    beats: int = 0
    """Counts readings: the page asks for the next when it has this one."""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem, self.status, self.kind, self.befores = "", "", "", []
        self.kinds = kinds(of_people=True)
        return await self._read()

    @rx.event
    async def beat(self) -> Any:
        """Read the list anew."""
        return await self._read()

    @rx.event
    async def choose_status(self, status: str) -> Any:
        """Show only jobs with this status; all when empty."""
        self.status, self.befores = chosen(status, set(JobStatus)), []
        return await self._read()

    @rx.event
    async def choose_kind(self, kind: str) -> Any:
        """Show only jobs of this kind; all when empty."""
        self.kind, self.befores = chosen(kind, known_kinds()), []
        return await self._read()

    @rx.event
    async def show_older(self) -> Any:
        """The next page."""
        if self.next_before:
            self.befores = [*self.befores, self.next_before]
        return await self._read()

    @rx.event
    async def show_newer(self) -> Any:
        """The page before."""
        self.befores = self.befores[:-1]
        return await self._read()

    async def _read(self) -> Any:
        try:
            page = await list_jobs(
                acting(),
                status=self.status or None,
                kind=self.kind or None,
                before=parse_id(self.befores[-1]) if self.befores else None,
            )
            names = await names_of(acting(), page.jobs)
        except StoaError as error:
            return self._refusal(error)
        found = [job_item(job, names.section_of(job)) for job in page.jobs]
        if found != self.jobs:
            self.jobs = found
        self.next_before = str(page.next_before or "")
        self.beats += 1
        self.loading = False
        return None
