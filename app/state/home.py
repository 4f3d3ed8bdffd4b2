"""The home page."""

from typing import Any, TypedDict

import reflex as rx

from app.state.job_words import JobItem, job_item
from app.state.session import Session, acting
from backend.core.errors import StoaError
from backend.courses import list_sections
from backend.dialogue import recent_conversations
from backend.genai import Budget, BudgetState, budget_states
from backend.jobs import current_jobs, names_of


class SectionItem(TypedDict):
    """A section as its card shows it."""

    slug: str
    title: str
    course: str
    summary: str
    lessons: int
    role: str


class RecentItem(TypedDict):
    """A conversation to go on with."""

    href: str
    title: str
    section: str
    at: str


class BudgetItem(TypedDict):
    """A service config whose budget for this month is nearly or wholly spent; amounts in USD."""

    name: str
    state: str
    spent: str
    budget: str
    percent: str


class HomeState(Session):
    """The person's sections and latest conversations."""

    sections: list[SectionItem] = []
    recent: list[RecentItem] = []
    budgets: list[BudgetItem] = []
    """For administrators."""
    jobs: list[JobItem] = []
    """Those that wait and run, and those that ended within a day."""
    jobs_go_on: bool = False
    beats: int = 0
    """Counts readings of the jobs."""
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        actor = acting()
        self.problem = ""
        try:
            cards = await list_sections(actor)
            talks = await recent_conversations(actor)
            budgets = await budget_states(actor) if actor.is_administrator else []
            await self._read_jobs()
        except StoaError as error:
            return self._refusal(error)
        by_id = {card.id: card for card in cards}
        self.sections = [
            SectionItem(
                slug=card.slug,
                title=card.title,
                course=card.course_title,
                summary=card.summary,
                lessons=card.lessons,
                role=card.role,
            )
            for card in cards
        ]
        self.recent = [
            RecentItem(
                href=f"/s/{by_id[section_id].slug}/chat/{card.id}",
                title=card.title,
                section=f"{by_id[section_id].course_title}, {by_id[section_id].title}",
                at=card.updated_at.isoformat(),
            )
            for card, section_id in talks
            if section_id in by_id
        ]
        self.budgets = [_budget(each) for each in budgets if each.spending.state is not BudgetState.OK]
        self.loading = False
        return None

    @rx.event
    async def look_at_jobs(self) -> None:
        """Read the person's jobs anew."""
        await self._read_jobs()

    async def _read_jobs(self) -> None:
        found = await current_jobs(acting())
        names = await names_of(acting(), found)
        self.jobs = [job_item(job, names.section_of(job)) for job in found]
        self.jobs_go_on = any(job.finished_at is None for job in found)
        self.beats += 1


def _budget(budget: Budget) -> BudgetItem:
    spending = budget.spending
    return BudgetItem(
        name=budget.name,
        state=spending.state,
        spent=f"${spending.usd:,.2f}",
        budget=f"${spending.budget_usd or 0:,.2f}",
        percent=f"{int(spending.share * 100)}\u00a0%",
    )
