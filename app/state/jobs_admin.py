"""Everybody's jobs: at a glance, narrowed down, changed many at once, paused; kept up to date while somebody looks."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any
from uuid import UUID

import reflex as rx

from app.state.job_figures import CountItem, LaneItem, WorkerItem, count_items, lane_item, worker_item
from app.state.job_words import LABELS, STATUSES, Choice, JobItem, chosen, job_item, kinds
from app.state.session import Session, acting
from backend.access import Actor
from backend.core.errors import Invalid, StoaError
from backend.core.ids import parse_id
from backend.jobs import (
    JobStatus,
    Lane,
    Overview,
    cancel_jobs,
    discard_jobs,
    known_kinds,
    list_jobs,
    names_of,
    overview,
    pause,
    resume,
    retry_jobs,
    title_of,
)

LANES = [Choice(value=Lane.IO.value, label="io"), Choice(value=Lane.CPU.value, label="cpu")]
MOST_SELECTED = 1_000


class AdminJobItem(JobItem):
    """A job as administrators see it."""

    person: str
    lane: str
    priority: str
    attempts: str


class JobsAdminState(Session):
    """One page of the list at a time, and what was chosen from it; a choice outlives readings and pages."""

    headings: list[str] = list(LABELS.values())
    counts: list[CountItem] = []
    lanes: list[LaneItem] = []
    workers: list[WorkerItem] = []
    dead: int = 0
    paused: list[Choice] = []
    pausable: list[Choice] = []
    to_pause: str = ""
    jobs: list[AdminJobItem] = []
    selected: list[str] = []
    statuses: list[Choice] = STATUSES
    lane_choices: list[Choice] = LANES
    kinds: list[Choice] = []
    status: str = ""
    kind: str = ""
    lane: str = ""
    person_words: str = ""
    section_words: str = ""
    befores: list[str] = []
    next_before: str = ""
    beats: int = 0
    """Counts readings: the page asks for the next when it has this one."""
    loading: bool = True

    @rx.var
    def page_selected(self) -> bool:
        """Whether every job of this page is chosen."""
        return bool(self.jobs) and all(job["id"] in self.selected for job in self.jobs)

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem, self.selected, self.to_pause = "", [], ""
        self.kinds = kinds()
        return await self._narrow(status="", kind="", lane="", person_words="", section_words="")

    @rx.event
    async def beat(self) -> Any:
        """Read everything anew."""
        return await self._read()

    @rx.event
    async def choose_status(self, status: str) -> Any:
        """Show only jobs with this status; all when empty."""
        return await self._narrow(status=chosen(status, set(JobStatus)))

    @rx.event
    async def show_dead(self) -> Any:
        """Show the dead letters, whatever else was chosen before."""
        return await self._narrow(status=JobStatus.DEAD.value, kind="", lane="", person_words="", section_words="")

    @rx.event
    async def choose_kind(self, kind: str) -> Any:
        """Show only jobs of this kind; all when empty."""
        return await self._narrow(kind=chosen(kind, known_kinds()))

    @rx.event
    async def choose_lane(self, lane: str) -> Any:
        """Show only jobs of this lane; all when empty."""
        return await self._narrow(lane=chosen(lane, set(Lane)))

    @rx.event
    async def search_person(self, text: str) -> Any:
        """Show only jobs of people with these words in their name or address."""
        return await self._narrow(person_words=_words(text))

    @rx.event
    async def search_section(self, text: str) -> Any:
        """Show only jobs for sections with these words in their name or course."""
        return await self._narrow(section_words=_words(text))

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

    @rx.event
    async def select(self, job_id: str, on: bool) -> None:
        """Choose a job for what is done to many, or not any more."""
        if parse_id(job_id):
            self._select([job_id], on is True)

    @rx.event
    async def select_page(self, on: bool) -> None:
        """Choose every job of this page, or none of them."""
        self._select([job["id"] for job in self.jobs], on is True)

    @rx.event
    async def clear_selection(self) -> None:
        """Choose none."""
        self.selected = []

    @rx.event
    async def retry(self) -> Any:
        """Have the chosen jobs done again."""
        return await self._change(retry_jobs, "tried again", "Only those that failed or were given up can be.")

    @rx.event
    async def cancel(self) -> Any:
        """Have the chosen jobs stopped."""
        return await self._change(cancel_jobs, "cancelled", "Only those that wait or run can be.")

    @rx.event
    async def discard(self) -> Any:
        """Delete the chosen jobs."""
        return await self._change(discard_jobs, "discarded", "Only those that failed or were given up can be.")

    @rx.event
    async def choose_to_pause(self, subject: str) -> None:
        """Pick the lane or kind that the button pauses."""
        self.to_pause = chosen(subject, {each["value"] for each in self.pausable})

    @rx.event
    async def pause(self, subject: str) -> Any:
        """Begin nothing new of a lane or kind."""
        await pause(acting(), _words(subject))
        self.to_pause = ""
        return await self._read()

    @rx.event
    async def resume(self, subject: str) -> Any:
        """Go on with a lane or kind."""
        await resume(acting(), _words(subject))
        return await self._read()

    async def _change(self, change: Callable[[Actor, Collection[UUID]], Awaitable[int]], done: str, only: str) -> Any:
        ids = [target for each in self.selected if (target := parse_id(each))]
        changed = await change(acting(), ids)
        rest = "" if changed == len(ids) else f" {only}"
        self._tell(f"{_jobs(changed)} of {len(ids)} {'was' if changed == 1 else 'were'} {done}.{rest}")
        self.selected = []
        return await self._read()

    def _select(self, ids: list[str], on: bool) -> None:
        others = [each for each in self.selected if each not in ids]
        selected = [*others, *ids] if on else others
        if len(selected) > MOST_SELECTED:
            raise Invalid(f"Choose at most {MOST_SELECTED:,} jobs at once.")
        self.selected = selected

    async def _narrow(self, **filters: str) -> Any:
        for name, value in filters.items():
            setattr(self, name, value)
        self.befores, self.selected = [], []
        return await self._read()

    async def _read(self) -> Any:
        try:
            await self._read_list()
            self._show(await overview(acting()))
        except StoaError as error:
            return self._refusal(error)
        self.beats += 1
        self.loading = False
        return None

    async def _read_list(self) -> None:
        page = await list_jobs(
            acting(),
            everybody=True,
            status=self.status or None,
            kind=self.kind or None,
            lane=self.lane or None,
            person=self.person_words,
            section=self.section_words,
            before=parse_id(self.befores[-1]) if self.befores else None,
        )
        names = await names_of(acting(), page.jobs)
        found = [
            AdminJobItem(
                **job_item(job, names.section_of(job)),
                person=names.person_of(job),
                lane=job.lane,
                priority=job.priority,
                attempts=f"{job.attempts} of {job.max_attempts}",
            )
            for job in page.jobs
        ]
        if found != self.jobs:
            self.jobs = found
        self.next_before = str(page.next_before or "")

    def _show(self, seen: Overview) -> None:
        self.counts = count_items(seen.counts)
        self.lanes = [lane_item(lane, seen) for lane in Lane]
        self.workers = [worker_item(each) for each in seen.workers]
        self.dead = seen.dead
        self.paused = [Choice(value=each, label=in_words(each)) for each in seen.paused]
        subjects = [*(f"lane:{lane}" for lane in Lane), *(f"kind:{each['value']}" for each in self.kinds)]
        self.pausable = [Choice(value=each, label=in_words(each)) for each in subjects if each not in seen.paused]


def in_words(subject: str) -> str:
    """`lane:io` and `kind:export` as people read them."""
    what, _, name = subject.partition(":")
    return f"The whole {name} lane" if what == "lane" else title_of(name)


def _jobs(count: int) -> str:
    return f"{count} job" if count == 1 else f"{count} jobs"


def _words(text: object) -> str:
    return text[:200] if isinstance(text, str) and text.isprintable() else ""
